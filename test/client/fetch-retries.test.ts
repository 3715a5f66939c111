import { afterEach, describe, expect, test } from "vitest";
import type { ApiOptions } from "../../src/api/api-options.ts";
import { isHoldfastError } from "../../src/core/errors.ts";
import { explain } from "../../src/core/explain.ts";
import type { Holdfast, HoldfastOptions } from "../../src/client/holdfast.ts";
import { flakyApi, manualClock, type FlakyApi, type FlakyScript } from "../../src/testing/index.ts";
import { engineFor, FAST, FASTER, QUICK } from "./engines.ts";
import { json, pause, serve } from "./server.ts";

let open: { api: FlakyApi; hf: Holdfast<"api"> }[] = [];

afterEach(async () => {
  for (const { api, hf } of open) {
    await hf.close();
    await api.close();
  }
  open = [];
});

/** The flaky API with one keyed and one blind endpoint, and an engine in front of it. */
async function against(
  script: FlakyScript,
  options: Omit<ApiOptions, "baseUrl"> = {},
  engine: Partial<HoldfastOptions> = {},
): Promise<{ api: FlakyApi; hf: Holdfast<"api">; send: typeof globalThis.fetch }> {
  const api = await flakyApi({
    endpoints: {
      "GET /contacts": { answer: { json: { contacts: [] } } },
      "POST /contacts": { subject: "body.email" },
      "POST /keyed": { subject: "body.email", key: { header: "Idempotency-Key" } },
      "PUT /contacts/{id}": { subject: "path.id" },
    },
    ...script,
  });
  const hf = await engineFor(api.url, options, engine);
  open.push({ api, hf });
  return { api, hf, send: hf.fetch("api") };
}

const contact = (email = "ada@example.com"): RequestInit => ({
  method: "POST",
  headers: { "content-type": "application/json" },
  body: JSON.stringify({ email }),
});

describe("a bad moment", () => {
  test.each([500, 502, 503, 504, 408, 520, 529])("%i is tried again until it is over", async (status) => {
    const { api, send } = await against({ rules: [{ when: { nth: { from: 1, to: 2 } }, then: { status } }] });
    const response = await send("/contacts");
    expect(await response.json()).toEqual({ contacts: [] });
    expect(explain(response)).toMatchObject({ attempts: 3, outcome: "succeeded" });
    expect(api.ledger.requests()).toHaveLength(3);
  });

  test.each<[string, FlakyScript["rules"]]>([
    ["a reset before anything happened", [{ when: { nth: 1 }, then: { reset: "before" } }]],
    ["a reset after it happened", [{ when: { nth: 1 }, then: { reset: "after" } }]],
    ["a body that breaks off", [{ when: { nth: 1 }, then: { cut: 3 } }]],
    ["a 503 whose body breaks off", [{ when: { nth: 1 }, then: { status: 503, text: "x".repeat(100), cut: 3 } }]],
  ])("%s is over with the next attempt", async (_, rules) => {
    const { send } = await against({ rules: rules ?? [] });
    const response = await send("/contacts");
    expect(await response.json()).toEqual({ contacts: [] });
    expect(explain(response)?.attempts).toBe(2);
  });

  test.each([400, 403, 404, 405, 410, 413, 415, 422, 501])("%i is answered as it is, at once", async (status) => {
    const { api, send } = await against({ rules: [{ then: { status, json: { error: { code: "NO" } } } }] });
    const response = await send("/contacts");
    expect([response.status, await response.json()]).toEqual([status, { error: { code: "NO" } }]);
    expect(explain(response)).toMatchObject({ attempts: 1, outcome: "failed", because: { code: "permanent" } });
    expect(api.ledger.requests()).toHaveLength(1);
  });

  test("an outage that does not end gives the last answer as it came, and forbids the loops above to go on", async () => {
    const { api, send } = await against({ rules: [{ then: { status: 503, text: "down for repairs" } }] });
    const response = await send("/contacts");
    expect([response.status, await response.text()]).toEqual([503, "down for repairs"]);
    expect(response.headers.get("x-should-retry")).toBe("false");
    expect(response.headers.get("stripe-should-retry")).toBe("false");
    expect(explain(response)).toMatchObject({ attempts: 3, because: { code: "attempts-exhausted", maxAttempts: 3 } });
    expect(api.ledger.requests()).toHaveLength(3);
  });

  test("one try that was all there is leaves it to the loops above", async () => {
    const { send } = await against({ rules: [{ then: { status: 503 } }] }, { retry: { maxAttempts: 1 } });
    expect((await send("/contacts")).headers.get("x-should-retry")).toBeNull();
  });

  test("a network that stays down surfaces as fetch itself would throw it", async () => {
    const { send } = await against({ rules: [{ then: { reset: "before" } }] });
    const error = await send("/contacts").catch((caught: unknown) => caught as Error);
    expect(error).toBeInstanceOf(TypeError);
    expect(error).toMatchObject({ message: "fetch failed" });
    expect(explain(error)).toMatchObject({ attempts: 3, because: { code: "attempts-exhausted" } });
  });

  test("a body that always breaks off can be handed over, and breaks off for its reader", async () => {
    const { send } = await against({ rules: [{ then: { cut: 3 } }] });
    const response = await send("/contacts");
    expect(response.status).toBe(200);
    expect(explain(response)).toMatchObject({ attempts: 3, verdict: { kind: "malformed", rule: "cut-body" } });
    await expect(response.text()).rejects.toThrow(TypeError);
  });

  test("a refusal whose body never ends is judged by its status", async () => {
    await using endless = await serve((_, response) => {
      response.writeHead(503, { "content-type": "text/plain" });
      response.write("we are ");
    });
    await using hf = await engineFor(endless.url, { retry: { maxAttempts: 1 }, timeout: { total: "2h" } }, { clock: FAST });
    const controller = new AbortController();
    const response = await hf.fetch("api")("/x", { signal: controller.signal });
    expect(response.status).toBe(503);
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    expect(new TextDecoder().decode((await reader.read()).value)).toBe("we are ");
    controller.abort();
    await expect(reader.read()).rejects.toMatchObject({ name: "AbortError" });
  });

  test("answers that are tried again hold no connection", async () => {
    await using flaky = await serve((seen, response) => {
      response.writeHead(seen.nth <= 30 ? 503 : 200, { "content-type": "application/octet-stream" });
      response.end("x".repeat(500_000));
    });
    await using hf = await engineFor(flaky.url, {
      retry: { maxAttempts: 4, backoff: { base: 1, cap: 1 } },
      retryBudget: false,
      breaker: false,
    });
    await Promise.all(Array.from({ length: 10 }, async () => await (await hf.fetch("api")("/x")).arrayBuffer()));
    // Ten callers keep one alive each, and perhaps the one before it; thirty answers that were held would be thirty more.
    for (let waited = 0; waited < 500 && (await flaky.connections()) > 20; waited += 10) await pause(10);
    expect(await flaky.connections()).toBeLessThanOrEqual(20);
  });
});

describe("checkJson", () => {
  const options = { checkJson: true } as const;

  test("half a JSON text is tried again", async () => {
    const { send } = await against({ rules: [{ when: { nth: 1 }, then: { malformed: true } }] }, options);
    const response = await send("/contacts");
    expect(await response.json()).toEqual({ contacts: [] });
    expect(explain(response)).toMatchObject({ attempts: 2, outcome: "succeeded" });
  });

  test("without it, it is the caller's affair", async () => {
    const { send } = await against({ rules: [{ then: { malformed: true } }] });
    const response = await send("/contacts");
    expect(explain(response)).toBeUndefined();
    await expect(response.json()).rejects.toThrow(SyntaxError);
  });

  test.each([1_000, 100_000, 900_000])("JSON of %i characters is not taken for half of one", async (length) => {
    await using server = await serve((_, response) => json(response, 200, { text: "ü".repeat(length) }));
    await using hf = await engineFor(server.url, options);
    const response = await hf.fetch("api")("/x");
    expect(((await response.json()) as { text: string }).text).toHaveLength(length);
    expect(server.seen).toHaveLength(1);
  });
});

describe("when to come back", () => {
  test.each<[string, NonNullable<FlakyScript["rules"]>[number]["then"], number]>([
    ["seconds", { status: 429, retryAfter: "3s" }, 3_000],
    ["milliseconds", { status: 429, headers: { "retry-after-ms": "1500" } }, 1_500],
    ["a date", { status: 503, retryAfter: { in: "4s", as: "imf-date" } }, 4_000],
    ["a rate limit's reset", { status: 429, headers: { ratelimit: '"a";r=0;t=3' } }, 3_000],
  ])("is obeyed, given as %s", async (_, then, hintMs) => {
    const { hf, send } = await against({ rules: [{ when: { nth: 1 }, then }] }, { timeout: { total: "2h" } }, { clock: FAST });
    const waits: number[] = [];
    hf.on("retry:scheduled", ({ delayMs }) => waits.push(delayMs));
    const started = performance.now();
    const response = await send("/contacts");
    expect(performance.now() - started).toBeGreaterThanOrEqual(hintMs / FASTER - 5);
    expect([response.status, explain(response)?.attempts]).toEqual([200, 2]);
    expect(waits).toHaveLength(1);
    expect(waits[0]).toBeGreaterThanOrEqual(hintMs);
    expect(waits[0]).toBeLessThanOrEqual((hintMs + 1_000) * 1.1);
  });

  test("what is too long to sleep ends the call now, and says when", async () => {
    const { api, send } = await against({ rules: [{ then: { status: 429, retryAfter: "600s" } }] });
    const started = performance.now();
    const response = await send("/contacts");
    expect(performance.now() - started).toBeLessThan(5_000);
    expect(response.status).toBe(429);
    expect(explain(response)).toMatchObject({ attempts: 1, because: { code: "hint-over-maximum" }, retryAfterMs: 600_000 });
    expect(api.ledger.requests()).toHaveLength(1);
  });

  test("a 429 holds back all who call the same endpoint, and nobody else", async () => {
    const clock = manualClock();
    const rule = { when: { nth: 1, endpoint: "GET /contacts" }, then: { status: 429, retryAfter: "10s" } } as const;
    const { api, hf, send } = await against({ rules: [rule] }, {}, { clock });
    const scheduled = new Promise((resolve) => hf.on("retry:scheduled", resolve));
    const calls = [send("/contacts")];
    await scheduled;
    for (let call = 0; call < 5; call += 1) calls.push(send("/contacts"));
    expect((await send("/contacts/7", { method: "PUT", body: "{}" })).status).toBe(200);
    await clock.advance("9s");
    expect(api.ledger.requests("GET /contacts")).toHaveLength(1);
    await clock.advance("3s");
    expect((await Promise.all(calls)).map(({ status }) => status)).toEqual([200, 200, 200, 200, 200, 200]);
    expect(api.ledger.summary().endpoints["GET /contacts"]?.endings).toEqual({ 429: 1, 200: 6 });
  });

  test("x-should-retry: false ends it", async () => {
    const { api, send } = await against({ rules: [{ then: { status: 503, headers: { "x-should-retry": "false" } } }] });
    expect(explain(await send("/contacts"))).toMatchObject({ attempts: 1, because: { code: "vetoed-by-hint" } });
    expect(api.ledger.requests()).toHaveLength(1);
  });

  test("x-should-retry: true brings a refusal another try", async () => {
    const { send } = await against({ rules: [{ when: { nth: 1 }, then: { status: 404, headers: { "x-should-retry": "true" } } }] });
    expect(explain(await send("/contacts"))).toMatchObject({ attempts: 2, outcome: "succeeded" });
  });
});

describe("time", () => {
  test("an attempt that hangs is given up, and the next may succeed", async () => {
    const { send } = await against({ rules: [{ when: { nth: 1 }, then: { hang: true } }] }, { timeout: { attempt: 300 } });
    expect(explain(await send("/contacts"))).toMatchObject({ attempts: 2, outcome: "succeeded" });
  });

  test("a body that hangs is cut off by the same timeout", async () => {
    await using server = await serve((seen, response) => {
      response.writeHead(200, { "content-type": "application/json" });
      if (seen.nth === 1) response.write('{"half":');
      else response.end("{}");
    });
    await using hf = await engineFor(server.url, { timeout: { attempt: 300 } });
    expect(explain(await hf.fetch("api")("/x"))).toMatchObject({ attempts: 2, outcome: "succeeded" });
  });

  test("one that always hangs ends with the timeout's error", async () => {
    const { send } = await against({ rules: [{ then: { hang: true } }] }, { timeout: { attempt: 30 } });
    const error = await send("/contacts").catch((caught: unknown) => caught);
    expect(isHoldfastError(error, "timeout")).toBe(true);
    expect(explain(error)).toMatchObject({ attempts: 3, because: { code: "attempts-exhausted" } });
  });

  test("the total cuts the attempt that is under way", async () => {
    const { send } = await against({ rules: [{ then: { hang: true } }] }, { timeout: { total: 80 } });
    const started = performance.now();
    const error = await send("/contacts").catch((caught: unknown) => caught);
    expect(isHoldfastError(error, "deadline")).toBe(true);
    expect(performance.now() - started).toBeLessThan(5_000);
  });

  test("nothing sleeps into the deadline", async () => {
    const { api, send } = await against(
      { rules: [{ then: { status: 503 } }] },
      { timeout: { total: "1s" }, retry: { maxAttempts: 3, backoff: { base: "10s", cap: "10s", jitter: "none" } } },
    );
    const started = performance.now();
    expect(explain(await send("/contacts"))).toMatchObject({ attempts: 1, because: { code: "deadline" } });
    expect(performance.now() - started).toBeLessThan(5_000);
    expect(api.ledger.requests()).toHaveLength(1);
  });

  test("a stream that has begun is not cut off by the attempt's timeout", async () => {
    await using server = await serve((_, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write("data: one\n\n");
      setTimeout(() => response.end("data: two\n\n"), 500);
    });
    await using hf = await engineFor(server.url, { timeout: { attempt: 300 } });
    expect(await (await hf.fetch("api")("/x")).text()).toBe("data: one\n\ndata: two\n\n");
  });
});

describe("writes", () => {
  test("one whose answer is lost is not sent again, but kept", async () => {
    const { api, hf, send } = await against({ rules: [{ when: { nth: 1 }, then: { reset: "after" } }] });
    const error = await send("/contacts", contact()).catch((caught: unknown) => caught);
    expect(explain(error)).toMatchObject({ attempts: 1, because: { code: "outcome-unknown" } });
    expect((await hf.deadLetters.get(explain(error)?.deadLetter ?? "")).reason).toBe("outcome-unknown");
    expect(api.ledger.effects("POST /contacts")).toEqual(new Map([["ada@example.com", 1]]));
  });

  test("one that never reached the other side is sent again", async () => {
    const port = await unusedPort();
    let later: FlakyApi | undefined;
    await using hf = await engineFor(`http://127.0.0.1:${port}`, {
      retry: { maxAttempts: 5, backoff: { base: 40, cap: 40, jitter: "none" } },
    });
    hf.on("retry:scheduled", ({ attempt, because }) => {
      expect(because.rule).toBe("code:ECONNREFUSED");
      if (attempt === 2)
        void flakyApi({ endpoints: { "POST /contacts": { subject: "body.email" } } }, { port }).then((api) => (later = api));
    });
    const response = await hf.fetch("api")("/contacts", contact());
    expect(response.status).toBe(201);
    expect(later?.ledger.effects()).toEqual(new Map([["ada@example.com", 1]]));
    await later?.close();
  });

  test("one whose API honours keys is sent again under the same key, and happens once", async () => {
    const { api, send } = await against(
      {
        rules: [
          { when: { nth: 1 }, then: { reset: "after" } },
          { when: { nth: 2 }, then: { status: 503 } },
        ],
      },
      { idempotency: {} },
    );
    const response = await send("/keyed", contact());
    expect(explain(response)).toMatchObject({ attempts: 3, outcome: "succeeded" });
    expect(new Set(api.ledger.requests().map(({ key }) => key)).size).toBe(1);
    expect(api.ledger.doubled()).toEqual([]);
  });

  test("a PUT is idempotent by its method", async () => {
    const { send } = await against({ rules: [{ when: { nth: 1 }, then: { reset: "after" } }] });
    expect(explain(await send("/contacts/7", { method: "PUT", body: "{}" }))).toMatchObject({ attempts: 2, outcome: "succeeded" });
  });

  test("every attempt carries the same request id", async () => {
    await using server = await serve((seen, response) => json(response, seen.nth < 3 ? 503 : 200, {}));
    await using hf = await engineFor(server.url);
    const response = await hf.fetch("api")("/x");
    const ids = new Set(server.seen.map(({ headers }) => headers["x-request-id"]));
    expect([...ids]).toEqual([explain(response)?.operation]);
  });
});

describe("a credential", () => {
  test("that has expired is refreshed once for fifty calls that were refused together", async () => {
    const api = await flakyApi({
      endpoints: { "GET /things": {} },
      auth: { uses: 60, tokens: [], endpoint: "GET /things" },
    });
    let asked = 0;
    const token = async (): Promise<string> => {
      asked += 1;
      if (asked === 1) return "stale";
      const response = await fetch(`${api.url}/oauth/token`, { method: "POST" });
      return ((await response.json()) as { access_token: string }).access_token;
    };
    const hf = await engineFor(api.url, { auth: { type: "bearer", token } });
    open.push({ api, hf });
    const refreshed: string[] = [];
    hf.on("credential:refreshed", (event) => refreshed.push(event.api));
    const answers = await Promise.all(Array.from({ length: 50 }, () => hf.fetch("api")("/things")));
    expect(answers.every(({ status }) => status === 200)).toBe(true);
    expect(asked).toBe(2);
    expect(api.ledger.summary().tokens).toEqual({ issued: 1, refused: 50 });
  });

  test("that is refused again after the refresh is the end", async () => {
    await using server = await serve((_, response) => json(response, 401, {}));
    await using hf = await engineFor(server.url, { auth: { type: "bearer", token: async () => "wrong" } });
    const response = await hf.fetch("api")("/x");
    expect([response.status, explain(response)?.because.code]).toEqual([401, "permanent-after-refresh"]);
    expect(server.seen).toHaveLength(2);
  });

  test("that cannot be refreshed makes a 401 permanent at once", async () => {
    await using server = await serve((_, response) => json(response, 401, {}));
    await using hf = await engineFor(server.url, { auth: { type: "bearer", token: "fixed" } });
    expect(explain(await hf.fetch("api")("/x"))?.because.code).toBe("permanent");
    expect(server.seen).toHaveLength(1);
  });

  test("that cannot be got for a moment costs a write nothing but an attempt: nothing was sent", async () => {
    await using server = await serve((_, response) => json(response, 201, {}));
    let asked = 0;
    const token = async (): Promise<string> => {
      asked += 1;
      if (asked === 1) throw Object.assign(new Error("socket hang up"), { code: "ECONNRESET" });
      return "good";
    };
    await using hf = await engineFor(server.url, { auth: { type: "bearer", token } });
    const response = await hf.fetch("api")("/x", contact());
    expect(explain(response)).toMatchObject({ attempts: 2, outcome: "succeeded" });
    expect(server.seen.map(({ headers }) => headers.authorization)).toEqual(["Bearer good"]);
  });

  test("whose refresh fails is tried again with the next attempt", async () => {
    await using server = await serve((seen, response) => json(response, seen.headers.authorization === "Bearer new" ? 200 : 401, {}));
    const answers: (() => string)[] = [
      () => "old",
      () => {
        throw Object.assign(new Error("socket hang up"), { code: "ECONNRESET" });
      },
      () => "new",
    ];
    await using hf = await engineFor(server.url, { auth: { type: "bearer", token: async () => (answers.shift() as () => string)() } });
    expect(explain(await hf.fetch("api")("/x"))).toMatchObject({ attempts: 2, outcome: "succeeded" });
    expect(server.seen.map(({ headers }) => headers.authorization)).toEqual(["Bearer old", "Bearer new"]);
  });

  test("whose refresh fails for good surfaces that, and the write is kept", async () => {
    await using server = await serve((_, response) => json(response, 401, {}));
    let asked = 0;
    const token = async (): Promise<string> => {
      asked += 1;
      if (asked > 1) throw new Error("no such client");
      return "old";
    };
    await using hf = await engineFor(server.url, {
      auth: { type: "bearer", token },
      retry: { maxAttempts: 2, backoff: { base: 1, cap: 1 } },
    });
    const error = await hf
      .fetch("api")("/x", contact())
      .catch((caught: unknown) => caught);
    expect(error).toMatchObject({ message: "no such client" });
    expect(explain(error)).toMatchObject({ outcome: "failed", verdict: { effect: "none" } });
    expect((await hf.deadLetters.get(explain(error)?.deadLetter ?? "")).request?.url).toBe(`${server.url}/x`);
  });
});

describe("the lane", () => {
  test("opens for the endpoint that fails while others go on", async () => {
    const { api, hf, send } = await against(
      { rules: [{ when: { endpoint: "GET /contacts" }, then: { status: 500 } }] },
      { retry: { maxAttempts: 1 }, breaker: { minimumCalls: 4, window: 4 } },
    );
    for (let call = 0; call < 4; call += 1) await send("/contacts");
    const error = await send("/contacts").catch((caught: unknown) => caught);
    expect(isHoldfastError(error, "circuit-open")).toBe(true);
    expect(explain(error)).toMatchObject({ attempts: 0, outcome: "refused", because: { code: "breaker-open" } });
    expect(explain(error)?.retryAfterMs).toBeGreaterThan(0);
    expect((await send("/contacts/7", { method: "PUT", body: "{}" })).status).toBe(200);
    expect(hf.lanes().map(({ endpoint, breaker }) => [endpoint, breaker])).toEqual([
      ["GET /contacts", "open"],
      ["PUT /contacts/{id}", "closed"],
    ]);
    expect(api.ledger.summary().endpoints["GET /contacts"]?.requests).toBe(4);
  });

  test("that opens in the midst of a call surfaces what the call itself met", async () => {
    const { send } = await against(
      { rules: [{ then: { status: 500, text: "broken" } }] },
      { retry: { maxAttempts: 4, backoff: { base: 1, cap: 1 } }, breaker: { minimumCalls: 2, window: 4 }, retryBudget: false },
    );
    const response = await send("/contacts");
    expect([response.status, await response.text()]).toEqual([500, "broken"]);
    expect(explain(response)).toMatchObject({ attempts: 2, because: { code: "breaker-open" } });
  });

  test("whose retries are used up surfaces the original answer, and the original error", async () => {
    const { api, send } = await against(
      { rules: [{ when: { endpoint: "PUT /contacts/{id}" }, then: { reset: "before" } }, { then: { status: 500, text: "broken" } }] },
      { retryBudget: { ratio: 0, minPerSecond: 0.2 }, breaker: false },
    );
    const reads = await Promise.all(Array.from({ length: 8 }, () => send("/contacts")));
    const codes = reads.map((response) => explain(response)?.because.code);
    expect(codes).toContain("lane-budget");
    expect(reads.every(({ status }) => status === 500)).toBe(true);
    expect(api.ledger.requests().length).toBe(8 + 2);
    const errors = await Promise.all(
      Array.from({ length: 8 }, () => send("/contacts/7", { method: "PUT", body: "{}" }).catch((caught: unknown) => caught)),
    );
    const refused = errors.filter((error) => explain(error)?.because.code === "lane-budget");
    expect(refused.length).toBeGreaterThan(0);
    expect(refused.every((error) => (error as Error).message === "fetch failed")).toBe(true);
  });

  test("one key of a retry quota does not use up another's", async () => {
    const { hf } = await against(
      { rules: [{ then: { status: 503 } }] },
      { retryQuota: { by: "user", limit: 1, per: "1m" }, retry: QUICK, breaker: false },
    );
    const as = (user: string): Promise<Response> => hf.fetch("api", { labels: { user } })("/contacts");
    expect(explain(await as("a"))).toMatchObject({ attempts: 2, because: { code: "key-budget" } });
    expect(explain(await as("a"))).toMatchObject({ attempts: 1, because: { code: "key-budget" } });
    expect(explain(await as("b"))).toMatchObject({ attempts: 2, because: { code: "key-budget" } });
  });
});

describe("reconcile", () => {
  test.each([
    ["happened", { happened: true, response: Response.json({ id: 1 }, { status: 201 }) } as const, 201, 1],
    ["did not happen", { happened: false } as const, 201, 2],
  ])("a lost write that %s", async (_, told, status, requests) => {
    const effects = told.happened ? "after" : "before";
    const { api, hf } = await against({ rules: [{ when: { nth: 1 }, then: { reset: effects } }] });
    const asked: unknown[] = [];
    const send = hf.fetch("api", {
      reconcile: async (question) => {
        asked.push(question);
        return told;
      },
    });
    const response = await send("/contacts", contact());
    expect(response.status).toBe(status);
    expect(api.ledger.requests()).toHaveLength(requests);
    expect(api.ledger.effects("POST /contacts")).toEqual(new Map([["ada@example.com", 1]]));
    expect(asked).toMatchObject([
      {
        operation: explain(response)?.operation,
        idempotencyKey: undefined,
        method: "POST",
        url: `${api.url}/contacts`,
        body: contact().body,
        fetch: expect.any(Function) as unknown,
      },
    ]);
  });

  test.each<[string, () => Promise<{ happened: "unknown" }>, string]>([
    ["cannot be told", async () => ({ happened: "unknown" }), "the other side could not tell"],
    ["cannot be asked", () => Promise.reject(new Error("search is down")), "asking the other side failed: search is down"],
  ])("a lost write of which it %s is kept, and what it met surfaces", async (_, reconcile, detail) => {
    const { api, hf } = await against({ rules: [{ when: { nth: 1 }, then: { reset: "after" } }] });
    const error = await hf
      .fetch("api", { reconcile })("/contacts", contact())
      .catch((caught: unknown) => caught);
    expect(error).toMatchObject({ message: "fetch failed" });
    expect(explain(error)).toMatchObject({ because: { code: "outcome-unknown", detail } });
    expect((await hf.deadLetters.get(explain(error)?.deadLetter ?? "")).reason).toBe("outcome-unknown");
    expect(api.ledger.requests()).toHaveLength(1);
  });
});

async function unusedPort(): Promise<number> {
  const server = await serve(() => undefined);
  const { port } = new URL(server.url);
  await server[Symbol.asyncDispose]();
  return Number(port);
}
