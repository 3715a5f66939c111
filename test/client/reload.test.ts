import { describe, expect, test } from "vitest";
import { createHoldfast, type EventMap } from "../../src/index.ts";
import { manualClock } from "../../src/testing/index.ts";
import { json, serve } from "./server.ts";

/** Requests that are answered when the test says so. */
function held(): { transport: (url: string, init: RequestInit) => Promise<Response>; sent: string[]; answer: (status?: number) => void } {
  const waiting: ((response: Response) => void)[] = [];
  const sent: string[] = [];
  return {
    sent,
    transport: (url, init) =>
      new Promise((resolve) => {
        sent.push(`${url} ${new Headers(init.headers).get("authorization") ?? ""}`.trim());
        waiting.push(resolve);
      }),
    answer: (status = 200) => waiting.shift()!(new Response("{}", { status })),
  };
}

const settled = async (): Promise<void> => {
  for (let turn = 0; turn < 30; turn += 1) await Promise.resolve();
};

describe("other definitions", () => {
  test("hold from the next call on; the one under way ends by the old", async () => {
    const { transport, sent, answer } = held();
    await using hf = await createHoldfast({
      transport,
      clock: manualClock(),
      apis: { crm: { baseUrl: "https://old.test", auth: { type: "bearer", token: "old" }, retry: { maxAttempts: 2, backoff: ["1ms"] } } },
    });
    const crm = hf.fetch("crm");
    const first = crm("/a");
    await settled();
    const changes = hf.replaceApis({
      crm: { baseUrl: "https://new.test", auth: { type: "bearer", token: "new" } },
      mail: { baseUrl: "https://mail.test" },
    });
    expect(changes).toEqual({ added: ["mail"], changed: ["crm"], removed: [] });
    const second = crm("/b");
    await settled();
    expect(sent).toEqual(["https://old.test/a Bearer old", "https://new.test/b Bearer new"]);
    answer();
    answer();
    expect([(await first).status, (await second).status]).toEqual([200, 200]);
    const third = hf.fetch("mail" as "crm")("/c");
    await settled();
    answer();
    expect((await third).status).toBe(200);
  });

  test("that are wrong change nothing", async () => {
    const { transport, sent, answer } = held();
    await using hf = await createHoldfast({ transport, apis: { crm: { baseUrl: "https://old.test" } } });
    expect(() => hf.replaceApis({ crm: { baseUrl: "https://new.test" }, mail: { baseUrl: "nowhere" } })).toThrow(
      expect.objectContaining({ code: "config", path: "apis.mail.baseUrl" }),
    );
    expect(() => hf.replaceApis([] as never)).toThrow(expect.objectContaining({ path: "apis" }));
    const call = hf.fetch("crm")("/a");
    await settled();
    expect(sent).toEqual(["https://old.test/a"]);
    answer();
    await call;
    expect(() => hf.fetch("mail" as "crm")).toThrow(/no API named "mail"/);
  });

  test("leave an open breaker open, and take away what is gone", async () => {
    await using server = await serve((_, response) => json(response, 500, {}));
    const clock = manualClock();
    const definition = { baseUrl: server.url, retry: { maxAttempts: 1 }, breaker: { minimumCalls: 2, window: 2 } };
    await using hf = await createHoldfast({ clock, apis: { crm: definition } });
    const told: EventMap["apis:replaced"][] = [];
    hf.on("apis:replaced", (changes) => told.push(changes));
    for (let call = 0; call < 2; call += 1) await hf.fetch("crm")("/a");
    expect(hf.lanes()).toMatchObject([{ breaker: "open" }]);
    hf.replaceApis({ crm: { ...definition, rateLimit: { limit: 5 } } });
    expect(hf.lanes()).toMatchObject([{ breaker: "open" }]);
    await expect(hf.fetch("crm")("/a")).rejects.toMatchObject({ code: "circuit-open" });
    hf.replaceApis({});
    expect(() => hf.fetch("crm")).toThrow(/no API named "crm"/);
    expect(told).toEqual([
      { added: [], changed: ["crm"], removed: [] },
      { added: [], changed: [], removed: ["crm"] },
    ]);
  });

  test("keep a token that was got, where the credential is the same", async () => {
    let asked = 0;
    const token = (): string => `t${(asked += 1)}`;
    const { transport, sent, answer } = held();
    await using hf = await createHoldfast({ transport, apis: { crm: { baseUrl: "https://crm.test", auth: { type: "bearer", token } } } });
    const send = async (): Promise<void> => {
      const call = hf.fetch("crm")("/a");
      await settled();
      answer();
      await call;
    };
    await send();
    hf.replaceApis({ crm: { baseUrl: "https://crm.test", auth: { type: "bearer", token }, maxWait: "1s" } });
    await send();
    expect([asked, sent[1]]).toEqual([1, "https://crm.test/a Bearer t1"]);
  });

  test("give a bucket no second burst, and let those who wait go by the new rate", async () => {
    const clock = manualClock();
    const at: number[] = [];
    const transport = async (): Promise<Response> => {
      at.push(clock.monotonic());
      return new Response("{}");
    };
    const crm = { baseUrl: "https://crm.test", rateLimit: { limit: 1, per: "10s", burst: 2 } } as const;
    await using hf = await createHoldfast({ clock, transport, apis: { crm } });
    const started = clock.monotonic();
    const calls = Array.from({ length: 6 }, () => hf.fetch("crm")("/a"));
    await settled();
    expect(at).toHaveLength(2);
    hf.replaceApis({ crm: { ...crm, rateLimit: { limit: 10, per: "1s", burst: 20 } } });
    await settled();
    expect(at).toHaveLength(2);
    await clock.advance(1_000);
    await Promise.all(calls);
    expect(at.map((instant) => Math.round(instant - started))).toEqual([0, 0, 100, 200, 300, 400]);
  });

  test("may bound what is in flight already", async () => {
    const { transport, sent, answer } = held();
    await using hf = await createHoldfast({ transport, apis: { crm: { baseUrl: "https://crm.test" } } });
    const calls = Array.from({ length: 3 }, () => hf.fetch("crm")("/a"));
    await settled();
    hf.replaceApis({ crm: { baseUrl: "https://crm.test", concurrency: 2 } });
    const fourth = hf.fetch("crm")("/a");
    await settled();
    answer();
    await settled();
    expect(sent).toHaveLength(3);
    answer();
    await settled();
    expect(sent).toHaveLength(4);
    answer();
    answer();
    await Promise.all([...calls, fourth]);
    expect(hf.lanes()).toMatchObject([{ inFlight: 0 }]);
  });
});

describe("limits for a while", () => {
  test("stand over the definition, are told with who and why, and end by themselves", async () => {
    const clock = manualClock();
    const { transport, sent, answer } = held();
    await using hf = await createHoldfast({ clock, transport, apis: { crm: { baseUrl: "https://crm.test", timeout: { total: "1h" } } } });
    const told: object[] = [];
    hf.on("limits:overridden", (event) => told.push(event));
    hf.on("limits:restored", (event) => told.push(event));
    const since = clock.now();
    const override = hf.limits.set({
      api: "crm",
      endpoint: "GET /a",
      concurrency: 1,
      for: "10m",
      by: "ada",
      reason: "they asked us to slow down",
    });
    expect(hf.limits.list()).toEqual([override]);
    expect(override).toMatchObject({ limits: { concurrency: 1 }, since, until: since + 600_000 });
    const calls = [hf.fetch("crm")("/a"), hf.fetch("crm")("/a"), hf.fetch("crm")("/b")];
    await settled();
    expect(sent).toEqual(["https://crm.test/a", "https://crm.test/b"]);
    // A reload in between does not end it.
    hf.replaceApis({ crm: { baseUrl: "https://crm.test", timeout: { total: "2h" } } });
    await settled();
    expect(sent).toHaveLength(2);
    await clock.advance(600_000);
    await settled();
    expect(sent).toHaveLength(3);
    for (let call = 0; call < 3; call += 1) answer();
    await Promise.allSettled(calls);
    expect(hf.limits.list()).toEqual([]);
    expect(told).toEqual([override, { api: "crm", endpoint: "GET /a", how: "expired" }]);
  });

  test("may be taken back before, and are replaced by newer ones", async () => {
    const clock = manualClock();
    await using hf = await createHoldfast({
      clock,
      transport: async () => new Response("{}"),
      apis: { crm: { baseUrl: "https://crm.test" } },
    });
    const ends: object[] = [];
    hf.on("limits:restored", (event) => ends.push(event));
    hf.limits.set({ api: "crm", rateLimit: { limit: 1 }, for: "1m", by: "ada", reason: "test" });
    hf.limits.set({ api: "crm", rateLimit: { limit: 100, burst: 100 }, breaker: false, for: "1h", by: "bob", reason: "test" });
    await clock.advance(60_000);
    expect(hf.limits.list()).toMatchObject([{ by: "bob" }]);
    await Promise.all(Array.from({ length: 100 }, () => hf.fetch("crm")("/a")));
    expect(hf.lanes()).toMatchObject([{ breaker: "none" }]);
    hf.limits.end({ api: "crm", by: "ada" });
    expect(hf.lanes()).toMatchObject([{ breaker: "closed" }]);
    expect(ends).toEqual([{ api: "crm", endpoint: "*", how: "ended", by: "ada" }]);
    expect(() => hf.limits.end({ api: "crm", by: "ada" })).toThrow(expect.objectContaining({ code: "not-found" }));
  });

  test.each<[object, string]>([
    [{}, "override"],
    [{ rateLimit: { limit: 0 } }, "override.rateLimit.limit"],
    [{ rateLimit: { limit: 1 }, endpoint: "GET /a" }, "override.rateLimit"],
    [{ rateLimit: { limit: 1, burst: 4 } }, "override.rateLimit"],
    [{ concurrency: 0 }, "override.concurrency.max"],
    [{ breaker: { window: 0 } }, "override.breaker.window"],
    [{ concurrency: 1, for: 0 }, "override.for"],
    [{ concurrency: 1, for: "25h" }, "override.for"],
    [{ concurrency: 1, by: "" }, "override.by"],
    [{ concurrency: 1, reason: undefined }, "override.reason"],
    [{ concurrency: 1, forever: true }, "override.forever"],
  ])("that make no sense (%j) are refused by path", async (wrong, path) => {
    await using hf = await createHoldfast({
      apis: { crm: { baseUrl: "https://crm.test", rateLimit: { limit: 10 }, endpoints: { "POST /bulk": { cost: 5 } } } },
    });
    const options = { api: "crm", for: "1m", by: "ada", reason: "test", ...wrong } as Parameters<typeof hf.limits.set>[0];
    expect(() => hf.limits.set(options)).toThrow(expect.objectContaining({ code: "config", path }));
    expect(hf.limits.list()).toEqual([]);
  });
});

describe("a cost over a burst", () => {
  test("is refused where it is said", async () => {
    await using hf = await createHoldfast({ apis: { crm: { baseUrl: "https://crm.test", rateLimit: { limit: 10 } } } });
    await expect(
      Promise.resolve().then(() => hf.call("crm", { operation: "import", effects: "read", cost: 11 }, async () => 1)),
    ).rejects.toMatchObject({ code: "config", path: "call.cost", message: expect.stringContaining("burst of 10") });
    expect(await hf.call("crm", { operation: "import", effects: "read", cost: 10 }, async () => 1)).toBe(1);
  });
});
