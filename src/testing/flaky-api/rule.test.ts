import { afterEach, describe, expect, it } from "vitest";
import { manualClock } from "../manual-clock.ts";
import type { ManualClock } from "../manual-clock.ts";
import { flakyApi } from "./flaky-api.ts";
import type { FlakyApi } from "./flaky-api.ts";
import type { FlakyScript, WhenScript } from "./script.ts";

const running: FlakyApi[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((api) => api.close()));
});

async function start(script: FlakyScript, clock?: ManualClock): Promise<FlakyApi> {
  const api = await flakyApi(script, clock === undefined ? {} : { clock });
  running.push(api);
  return api;
}

/** An API where 503 means that the rule was met. */
function apiWhere(when: WhenScript, clock?: ManualClock): Promise<FlakyApi> {
  return start({ rules: [{ when, then: { status: 503 } }] }, clock);
}

async function status(api: FlakyApi, line = "GET /", init: RequestInit = {}): Promise<number> {
  const [method = "", path = ""] = line.split(" ");
  return (await fetch(api.url + path, { method, ...init })).status;
}

async function statuses(api: FlakyApi, count: number): Promise<number[]> {
  const seen: number[] = [];
  for (let number = 0; number < count; number += 1) seen.push(await status(api));
  return seen;
}

describe("a rule's endpoint", () => {
  it("is a method and a path template", async () => {
    const api = await apiWhere({ endpoint: "GET /contacts/{id}" });
    expect(await status(api, "GET /contacts/42")).toBe(503);
    expect(await status(api, "DELETE /contacts/42")).toBe(200);
    expect(await status(api, "GET /contacts")).toBe(200);
    expect(await status(api, "GET /contacts/42/notes")).toBe(200);
  });

  it("may be a path for any method, an open path, or several", async () => {
    const api = await apiWhere({ endpoint: ["/health", "GET /v1/*"] });
    expect(await status(api, "DELETE /health")).toBe(503);
    expect(await status(api, "GET /v1/a/b/c?d=e")).toBe(503);
    expect(await status(api, "POST /v1/a")).toBe(201);
  });

  it("may be left to the method alone", async () => {
    const api = await apiWhere({ method: ["POST", "PUT"] });
    expect(await status(api, "POST /x")).toBe(503);
    expect(await status(api, "GET /x")).toBe(200);
  });
});

describe("a rule's window", () => {
  it("opens at its first instant and closes before its last", async () => {
    const clock = manualClock();
    const api = await apiWhere({ between: ["10s", "20s"] }, clock);
    const seen: number[] = [];
    for (const step of ["9.999s", "1ms", "9.999s", "1ms"] as const) {
      await clock.advance(step);
      seen.push(await status(api));
    }
    expect(seen).toEqual([200, 503, 503, 200]);
  });

  it("stays open without an end", async () => {
    const clock = manualClock();
    const api = await apiWhere({ between: ["10s"] }, clock);
    expect(await status(api)).toBe(200);
    await clock.advance("7d");
    expect(await status(api)).toBe(503);
  });

  it("does not move when somebody sets the wall clock", async () => {
    const clock = manualClock();
    const api = await apiWhere({ between: ["10s", "20s"] }, clock);
    clock.stepWall(15_000);
    expect(await status(api)).toBe(200);
  });

  it("counts from the moment at which the rules were put in force", async () => {
    const clock = manualClock();
    const api = await start({}, clock);
    await clock.advance("1h");
    api.setRules([{ when: { between: [0, "10s"] }, then: { status: 503 } }]);
    expect(await status(api)).toBe(503);
    await clock.advance("10s");
    expect(await status(api)).toBe(200);
  });

  it("shrinks with the scale", async () => {
    const clock = manualClock();
    const api = await start({ scale: 0.1, rules: [{ when: { between: ["10s", "20s"] }, then: { status: 503 } }] }, clock);
    await clock.advance("1s");
    expect(await status(api)).toBe(503);
    await clock.advance("1s");
    expect(await status(api)).toBe(200);
  });
});

describe("a rule's nth", () => {
  it.each([
    [2, [200, 503, 200, 200, 200]],
    [
      [1, 3],
      [503, 200, 503, 200, 200],
    ],
    [{ from: 2, to: 3 }, [200, 503, 503, 200, 200]],
    [{ from: 4 }, [200, 200, 200, 503, 503]],
    [{ every: 2 }, [200, 503, 200, 503, 200]],
  ] as const)("%j", async (nth, expected) => {
    expect(await statuses(await apiWhere({ nth }), 5)).toEqual(expected);
  });

  it("counts only requests that meet the other conditions", async () => {
    const api = await apiWhere({ endpoint: "POST /orders", nth: 2 });
    expect(await status(api, "POST /orders")).toBe(201);
    expect(await status(api, "POST /other")).toBe(201);
    expect(await status(api, "POST /orders")).toBe(503);
  });

  it("counts requests that an earlier rule took, so that first and second mean what they say", async () => {
    const api = await start({
      rules: [
        { when: { nth: 1 }, then: { status: 500 } },
        { when: { nth: 2 }, then: { status: 502 } },
      ],
    });
    expect(await statuses(api, 3)).toEqual([500, 502, 200]);
  });

  it("counts by subject: every lead's first two requests fail", async () => {
    const api = await start({
      endpoints: { "POST /leads": { subject: "body.lead" } },
      rules: [{ when: { nth: [1, 2], per: "subject" }, then: { status: 503 } }],
    });
    const seen: string[] = [];
    for (const lead of ["a", "b", "a", "b", "a", "b"]) {
      seen.push(`${lead}${await status(api, "POST /leads", { body: JSON.stringify({ lead }) })}`);
    }
    expect(seen).toEqual(["a503", "b503", "a503", "b503", "a201", "b201"]);
  });

  it("counts by key, and leaves requests without one alone", async () => {
    const api = await apiWhere({ nth: 1, per: "key" });
    const send = (key: string) => status(api, "POST /x", { headers: { "idempotency-key": key } });
    expect([await send("k1"), await send("k1"), await send("k2")]).toEqual([503, 201, 503]);
    expect(await status(api, "POST /x")).toBe(201);
  });
});

describe("a rule's chance", () => {
  it("comes from the seed: the same seed, the same bad day", async () => {
    const day = async (seed: number): Promise<number[]> =>
      statuses(await start({ seed, rules: [{ when: { probability: 0.3 }, then: { status: 503 } }] }), 60);
    const [one, same, other] = [await day(1), await day(1), await day(2)];
    expect(one).toEqual(same);
    expect(one).not.toEqual(other);
    const failed = one.filter((code) => code === 503).length;
    expect(failed).toBeGreaterThan(8);
    expect(failed).toBeLessThan(30);
  });

  it("of one is certain and of none never comes", async () => {
    expect(await statuses(await apiWhere({ probability: 1 }), 3)).toEqual([503, 503, 503]);
    expect(await statuses(await apiWhere({ probability: 0 }), 3)).toEqual([200, 200, 200]);
  });
});

describe("a rule's fields", () => {
  const send = async (where: NonNullable<WhenScript["where"]>, body: unknown, headers: Record<string, string> = {}): Promise<boolean> => {
    const api = await apiWhere({ where });
    return (await status(api, "POST /leads?page=2", { body: JSON.stringify(body), headers })) === 503;
  };

  it("compare texts whole, or with stars", async () => {
    expect(await send({ "body.phone": "n/a" }, { phone: "n/a" })).toBe(true);
    expect(await send({ "body.phone": "n/a" }, { phone: "n/a!" })).toBe(false);
    expect(await send({ "body.email": "*@*.example" }, { email: "a@b.example" })).toBe(true);
    expect(await send({ "body.email": "*@*.example" }, { email: "a@b.examples" })).toBe(false);
  });

  it("reach into lists and objects, and never into a prototype", async () => {
    expect(await send({ "body.leads.1.id": 7 }, { leads: [{ id: 6 }, { id: 7 }] })).toBe(true);
    expect(await send({ "body.constructor": { exists: true } }, {})).toBe(false);
    expect(await send({ "body.__proto__": { exists: true } }, {})).toBe(false);
  });

  it("may be any of several, there or not there, or not this", async () => {
    expect(await send({ "body.tier": ["gold", null] }, { tier: null })).toBe(true);
    expect(await send({ "body.tier": ["gold", null] }, { tier: "tin" })).toBe(false);
    expect(await send({ "body.phone": { exists: false } }, {})).toBe(true);
    expect(await send({ "body.phone": { exists: false } }, { phone: null })).toBe(false);
    expect(await send({ "body.tier": { not: "g*" } }, { tier: "tin" })).toBe(true);
    expect(await send({ "body.tier": { not: "g*" } }, { tier: "gold" })).toBe(false);
  });

  it("read headers and queries too; a number equals its text there", async () => {
    expect(await send({ "header.X-Account": "acme-*", "query.page": 2 }, {}, { "x-account": "acme-eu" })).toBe(true);
    expect(await send({ "header.X-Account": "acme-*", "query.page": 3 }, {}, { "x-account": "acme-eu" })).toBe(false);
  });

  it("read forms as they read JSON", async () => {
    const api = await apiWhere({ where: { "body.grant_type": "refresh_token" } });
    expect(await status(api, "POST /token", { body: new URLSearchParams({ grant_type: "refresh_token" }) })).toBe(503);
    expect(await status(api, "POST /token", { body: new URLSearchParams({ grant_type: "password" }) })).toBe(201);
  });
});

describe("several rules", () => {
  it("are tried in order: the first that matches is the one that counts", async () => {
    const api = await start({
      rules: [
        { name: "health is spared", when: { endpoint: "/health" }, then: { pass: true } },
        { name: "outage", then: { status: 503 } },
        { name: "never met", then: { status: 500 } },
      ],
    });
    expect(await status(api, "GET /health")).toBe(200);
    expect(await status(api, "GET /contacts")).toBe(503);
    expect(api.ledger.summary().rules).toEqual({ "health is spared": 1, outage: 1 });
    expect(api.ledger.requests().map((request) => request.rule)).toEqual(["health is spared", "outage"]);
  });

  it("can be replaced while the API runs; a wrong list changes nothing", async () => {
    const api = await start({ rules: [{ then: { status: 503 } }] });
    expect(() => api.setRules([{ then: { status: 99 } }])).toThrow("rules[0].then.status is 99");
    expect(await status(api)).toBe(503);
    api.setRules([]);
    expect(await status(api)).toBe(200);
  });

  it("know the validation error that comes as a 500 and never goes away", async () => {
    const api = await start({
      endpoints: { "POST /contacts": { subject: "body.leadId" } },
      rules: [
        {
          when: { endpoint: "POST /contacts", where: { "body.phone": "n/a" } },
          then: { status: 500, json: { error: { code: "INVALID_FIELD", message: "invalid field: phone" } } },
        },
      ],
    });
    const send = (leadId: number, phone: string) =>
      fetch(`${api.url}/contacts`, { method: "POST", body: JSON.stringify({ leadId, phone }) });
    for (let attempt = 0; attempt < 3; attempt += 1) {
      const response = await send(1, "n/a");
      expect([response.status, await response.json()]).toEqual([
        500,
        { error: { code: "INVALID_FIELD", message: "invalid field: phone" } },
      ]);
    }
    expect((await send(2, "123")).status).toBe(201);
    expect(api.ledger.missing(["1", "2"])).toEqual(["1"]);
    expect(api.ledger.attempts()).toEqual(
      new Map([
        ["1", 3],
        ["2", 1],
      ]),
    );
  });
});
