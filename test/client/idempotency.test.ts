import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { systemClock } from "../../src/adapters/clock/system.ts";
import { memory } from "../../src/adapters/store/memory/index.ts";
import { sqlite } from "../../src/adapters/store/sqlite/index.ts";
import type { ApiOptions } from "../../src/api/api-options.ts";
import { isHoldfastError } from "../../src/core/errors.ts";
import { explain } from "../../src/core/explain.ts";
import { createHoldfast, type Holdfast, type HoldfastOptions } from "../../src/client/holdfast.ts";
import { payloadFingerprint, scopedKey } from "../../src/policy/idempotency/key.ts";
import type { Store, StoreFactory } from "../../src/ports/store.ts";
import type { Transport } from "../../src/ports/transport.ts";
import { flakyApi, manualClock, type FlakyApi, type FlakyScript } from "../../src/testing/index.ts";
import { engineFor, QUICK } from "./engines.ts";
import { json, pause, serve } from "./server.ts";

let api: FlakyApi;
const opened: Holdfast<"api">[] = [];
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "holdfast-keys-"));
});

afterEach(async () => {
  for (const hf of opened.splice(0)) await hf.close();
  await api?.close();
  rmSync(folder, { recursive: true, force: true });
});

/** An API that honours keys at `/keyed` and knows nothing of them at `/blind`. */
async function start(rules: FlakyScript["rules"] = []): Promise<void> {
  api = await flakyApi({
    endpoints: {
      "POST /keyed": { subject: "body.email", key: { header: "Idempotency-Key" } },
      "POST /blind": { subject: "body.email" },
    },
    rules,
  });
}

async function engine(options: Omit<ApiOptions, "baseUrl"> = {}, rest: Partial<HoldfastOptions> = {}): Promise<Holdfast<"api">> {
  const hf = await engineFor(api.url, options, rest);
  opened.push(hf);
  return hf;
}

const post = (key: string | undefined, body: unknown = { email: "ada@example.com" }, header = "Idempotency-Key"): RequestInit => ({
  method: "POST",
  headers: { "content-type": "application/json", ...(key === undefined ? {} : { [header]: key }) },
  body: typeof body === "string" ? body : JSON.stringify(body),
});

const failure = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    (value) => expect.fail(`resolved with ${String(value)}`),
    (error: unknown) => error,
  );

describe("a key that we mint", () => {
  test("is the same on every attempt, and another for the next call", async () => {
    await start([{ when: { nth: [1, 2] }, then: { status: 503 } }]);
    const send = (await engine({ idempotency: {} })).fetch("api");
    await send("/keyed", post(undefined));
    await send("/keyed", post(undefined, { email: "grace@example.com" }));
    const keys = api.ledger.requests().map(({ key }) => key);
    expect(new Set(keys.slice(0, 3)).size).toBe(1);
    expect(keys[3]).not.toBe(keys[0]);
    expect(keys.every((key) => /^[0-9a-f-]{36}$/.test(key ?? ""))).toBe(true);
  });

  test("is not minted for a key-blind API, nor for a read", async () => {
    await using server = await serve((_, response) => json(response, 200, {}));
    await using blind = await engineFor(server.url);
    await using honouring = await engineFor(server.url, { idempotency: {} });
    await blind.fetch("api")("/x", post(undefined));
    await honouring.fetch("api")("/x");
    expect(server.seen.map(({ headers }) => headers["idempotency-key"])).toEqual([undefined, undefined]);
  });

  test("is refused where the API's policy wants the caller's own", async () => {
    await start();
    const send = (await engine({ idempotency: { required: true } })).fetch("api");
    expect(isHoldfastError(await failure(send("/keyed", post(undefined))), "idempotency-key-missing")).toBe(true);
    expect((await send("/keyed", post("k"))).status).toBe(201);
  });
});

describe("how the API wants the key", () => {
  test.each<[string, ApiOptions["idempotency"], string, Record<string, string | undefined>]>([
    ["bare, given bare", {}, "k-1", { "idempotency-key": "k-1" }],
    ["bare, given quoted", {}, '"k-1"', { "idempotency-key": "k-1" }],
    ["quoted, given bare", { quoted: true }, "k-1", { "idempotency-key": '"k-1"' }],
    ["quoted, given quoted", { quoted: true }, '"k-1"', { "idempotency-key": '"k-1"' }],
    ["quoted, with a quote in it", { quoted: true }, '"k\\"1"', { "idempotency-key": '"k\\"1"' }],
    ["under another name", { header: "X-Request-Token" }, "k-1", { "x-request-token": "k-1", "idempotency-key": undefined }],
  ])("%s", async (_, idempotency, given, expected) => {
    await using server = await serve((_seen, response) => json(response, 201, {}));
    await using hf = await engineFor(server.url, { idempotency: idempotency ?? {} });
    await hf.fetch("api")("/x", post(given));
    expect(server.seen[0]?.headers).toMatchObject(Object.fromEntries(Object.entries(expected).filter(([, value]) => value !== undefined)));
    for (const [name, value] of Object.entries(expected)) expect(server.seen[0]?.headers[name]).toBe(value);
  });

  test("its own name works for the caller too", async () => {
    await using server = await serve((_seen, response) => json(response, 201, {}));
    await using hf = await engineFor(server.url, { idempotency: { header: "X-Request-Token" } });
    const send = hf.fetch("api");
    await send("/x", post("k-1", {}, "X-Request-Token"));
    await send("/x", post("k-1", {}, "Idempotency-Key"));
    expect(server.seen).toHaveLength(1);
  });
});

describe("a key that the caller gives", () => {
  test.each(["/keyed", "/blind"])("does its work once for fifty calls at a time, who all get the same bytes (%s)", async (path) => {
    await start();
    const send = (await engine()).fetch("api");
    const answers = await Promise.all(
      Array.from({ length: 50 }, async () => {
        const response = await send(path, post("k"));
        return { status: response.status, type: response.headers.get("content-type"), body: await response.text() };
      }),
    );
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
    expect(answers[0]).toMatchObject({ status: 201, type: "application/json" });
    expect(api.ledger.attempts().get("ada@example.com")).toBe(1);
  });

  test("gives the stored answer later, and says so", async () => {
    await start();
    const hf = await engine();
    const told: unknown[] = [];
    hf.on("idempotency:replayed", (event) => told.push(event));
    const first = await hf.fetch("api")("/blind", post("k"));
    const second = await hf.fetch("api")("/blind", post("k"));
    expect(first.headers.get("idempotency-replayed")).toBeNull();
    expect(second.headers.get("idempotency-replayed")).toBe("true");
    expect(await second.text()).toBe(await first.text());
    expect(explain(second)).toMatchObject({ attempts: 0, outcome: "replayed" });
    expect(told).toEqual([{ operation: explain(second)?.operation, api: "api", key: "k" }]);
    expect(api.ledger.requests()).toHaveLength(1);
  });

  test("is told apart by endpoint, API and partition", async () => {
    await start();
    const hf = await engine();
    await hf.fetch("api")("/blind", post("k"));
    await hf.fetch("api")("/keyed", post("k"));
    await hf.fetch("api", { partition: "a" })("/blind", post("k"));
    await hf.fetch("api", { partition: "b" })("/blind", post("k"));
    expect(api.ledger.requests()).toHaveLength(4);
  });

  test("stands for one payload", async () => {
    await start();
    const send = (await engine()).fetch("api");
    await send("/blind", post("k"));
    const error = await failure(send("/blind", post("k", { email: "grace@example.com" })));
    expect(isHoldfastError(error, "idempotency-mismatch")).toBe(true);
    expect(isHoldfastError(await failure(send("/blind?dry=1", post("k"))), "idempotency-mismatch")).toBe(true);
    expect(api.ledger.requests()).toHaveLength(1);
  });

  test.each<[string, string, string, ApiOptions["idempotency"]]>([
    ["the order of JSON keys", '{"email":"a","name":{"x":1,"y":2}}', '{ "name": {"y":2,"x":1}, "email": "a" }', undefined],
    [
      "fields that the API's options name",
      '{"email":"a","meta":{"sentAt":1}}',
      '{"email":"a","meta":{"sentAt":2}}',
      { ignore: ["meta.sentAt"] },
    ],
  ])("does not mind %s", async (_, one, other, idempotency) => {
    await start();
    const send = (await engine(idempotency === undefined ? {} : { idempotency })).fetch("api");
    await send("/blind", post("k", one));
    expect((await send("/blind", post("k", other))).headers.get("idempotency-replayed")).toBe("true");
  });

  test("knows forms and bytes too", async () => {
    await start();
    const send = (await engine()).fetch("api");
    const form = (value: string): RequestInit => {
      const body = new FormData();
      body.append("file", new File([value], "a.txt"));
      return { method: "POST", headers: { "Idempotency-Key": "form" }, body };
    };
    await send("/blind", form("one"));
    expect((await send("/blind", form("one"))).headers.get("idempotency-replayed")).toBe("true");
    expect(isHoldfastError(await failure(send("/blind", form("two"))), "idempotency-mismatch")).toBe(true);
    const bytes = (value: string): RequestInit => ({
      method: "POST",
      headers: { "Idempotency-Key": "bytes" },
      body: new TextEncoder().encode(value),
    });
    await send("/blind", bytes("one"));
    expect((await send("/blind", bytes("one"))).headers.get("idempotency-replayed")).toBe("true");
    expect(isHoldfastError(await failure(send("/blind", bytes("two"))), "idempotency-mismatch")).toBe(true);
  });

  test("is forgotten when its time is over", async () => {
    const clock = manualClock();
    const transport = vi.fn<Transport>(async () => Response.json({}, { status: 201 }));
    await using hf = await createHoldfast({ apis: { api: { baseUrl: "http://api.test", idempotency: { ttl: "1h" } } }, clock, transport });
    const send = hf.fetch("api");
    await send("/x", post("k"));
    await clock.advance("59m");
    expect((await send("/x", post("k"))).headers.get("idempotency-replayed")).toBe("true");
    await clock.advance("1m");
    expect((await send("/x", post("k"))).headers.get("idempotency-replayed")).toBeNull();
    expect(transport).toHaveBeenCalledTimes(2);
  });

  test("keeps a refusal that would be the same again", async () => {
    await start([{ when: { nth: 1 }, then: { status: 422, json: { error: "email" } } }]);
    const send = (await engine()).fetch("api");
    const [first, second] = [await send("/blind", post("k")), await send("/blind", post("k"))];
    expect([first.status, second.status, await second.json()]).toEqual([422, 422, { error: "email" }]);
    expect(second.headers.get("idempotency-replayed")).toBe("true");
    expect(api.ledger.requests()).toHaveLength(1);
  });

  test.each<[string, NonNullable<FlakyScript["rules"]>[number]["then"]]>([
    ["a 429", { status: 429, retryAfter: "600s" }],
    ["a 503 with Retry-After", { status: 503, retryAfter: "600s" }],
    ["a 401", { status: 401 }],
  ])("does not keep %s: nothing was done", async (_, then) => {
    await start([{ when: { nth: 1 }, then }]);
    const hf = await engine({ retry: { maxAttempts: 1 } });
    expect((await hf.fetch("api", { partition: "a" })("/blind", post("k"))).status).toBeGreaterThanOrEqual(400);
    // The pause of the limiter is not what is tested here.
    const again = await engine();
    expect((await again.fetch("api", { partition: "a" })("/blind", post("k"))).status).toBe(201);
    expect(api.ledger.effects().get("ada@example.com")).toBe(1);
  });

  test("does not keep a call of our own refusing", async () => {
    await start([{ when: { endpoint: "POST /blind" }, then: { status: 500 } }]);
    let ahead = 0;
    const clock = { ...systemClock, monotonic: () => systemClock.monotonic() + ahead };
    const hf = await engine({ retry: { maxAttempts: 1 }, breaker: { minimumCalls: 1, window: 1, openFor: "60s" } }, { clock });
    const send = hf.fetch("api");
    await send("/blind", post(undefined));
    expect(isHoldfastError(await failure(send("/blind", post("k"))), "circuit-open")).toBe(true);
    api.setRules([]);
    ahead = 70_000;
    expect((await send("/blind", post("k"))).status).toBe(201);
  });

  test("a stream goes through as it comes; the key-blind API is not asked again for it", async () => {
    const read = Promise.withResolvers<void>();
    await using server = await serve(async (_, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write("data: one\n\n");
      await read.promise;
      response.end("data: two\n\n");
    });
    await using hf = await engineFor(server.url);
    const response = await hf.fetch("api")("/x", post("k"));
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    expect(new TextDecoder().decode((await reader.read()).value)).toBe("data: one\n\n");
    read.resolve();
    expect(new TextDecoder().decode((await reader.read()).value)).toBe("data: two\n\n");
    const again = await hf.fetch("api")("/x", post("k"));
    expect([again.status, again.headers.get("holdfast-body-not-kept"), await again.text()]).toEqual([200, "true", ""]);
    expect(server.seen).toHaveLength(1);
  });

  test("a stream under a key ends with its caller's abort", async () => {
    await using server = await serve((_, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write("data: one\n\n");
    });
    await using hf = await engineFor(server.url);
    const controller = new AbortController();
    const response = await hf.fetch("api")("/x", { ...post("k"), signal: controller.signal });
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    await reader.read();
    controller.abort(new Error("enough"));
    await expect(reader.read()).rejects.toThrow("enough");
  });
});

describe("a lost answer under a key", () => {
  test("is asked for again where the API honours keys: the same key, one effect", async () => {
    await start([{ when: { nth: 1 }, then: { reset: "after" } }]);
    const send = (await engine({ idempotency: {} })).fetch("api");
    const response = await send("/keyed", post("k"));
    expect(explain(response)).toMatchObject({ attempts: 2, outcome: "succeeded" });
    expect(api.ledger.requests().map(({ key, repeat }) => [key, repeat])).toEqual([
      ["k", undefined],
      ["k", "replayed"],
    ]);
  });

  test("is a doubt where it does not: kept, and nothing is sent under that key again", async () => {
    await start([{ when: { nth: 1 }, then: { reset: "after" } }]);
    const hf = await engine();
    const send = hf.fetch("api");
    const lost = await failure(send("/blind", post("k")));
    expect(explain(lost)?.because.code).toBe("outcome-unknown");
    for (let repeat = 0; repeat < 3; repeat += 1) {
      const error = await failure(send("/blind", post("k")));
      expect(error).toMatchObject({ code: "outcome-unknown", because: { detail: `dead letter ${explain(lost)?.deadLetter}` } });
    }
    expect((await hf.deadLetters.list()).items).toHaveLength(1);
    expect(api.ledger.effects()).toEqual(new Map([["ada@example.com", 1]]));
  });

  test("is settled by reconcile() of the repeat", async () => {
    await start([{ when: { nth: 1 }, then: { reset: "before" } }]);
    const hf = await engine();
    await failure(hf.fetch("api")("/blind", post("k")));
    const response = await hf.fetch("api", { reconcile: async () => ({ happened: false }) })("/blind", post("k"));
    expect(response.status).toBe(201);
    expect((await hf.fetch("api")("/blind", post("k"))).headers.get("idempotency-replayed")).toBe("true");
  });
});

describe("an abort of a keyed write on its way", () => {
  test("leaves a doubt, kept before its caller hears of it", async () => {
    await using server = await serve(() => undefined);
    await using hf = await engineFor(server.url);
    const controller = new AbortController();
    const call = failure(hf.fetch("api")("/x", { ...post("k"), signal: controller.signal }));
    while (server.seen.length === 0) await pause(2);
    const reason = new Error("the tab was closed");
    controller.abort(reason);
    expect(await call).toBe(reason);
    const letter = await hf.deadLetters.get(explain(reason)?.deadLetter ?? "");
    expect(letter).toMatchObject({ reason: "outcome-unknown", because: { code: "cancelled" }, idempotencyKey: "k" });
    expect(isHoldfastError(await failure(hf.fetch("api")("/x", post("k"))), "outcome-unknown")).toBe(true);
    expect(server.seen).toHaveLength(1);
  });

  test("of one among several does not disturb the others", async () => {
    const left = Promise.withResolvers<void>();
    await using server = await serve((_, response) => void left.promise.then(() => json(response, 201, { id: 7 })));
    await using hf = await engineFor(server.url);
    const controller = new AbortController();
    const first = failure(hf.fetch("api")("/x", { ...post("k"), signal: controller.signal }));
    const others = [1, 2, 3].map(() => hf.fetch("api")("/x", post("k")));
    while (server.seen.length === 0) await pause(2);
    controller.abort(new Error("bye"));
    expect(await first).toMatchObject({ message: "bye" });
    left.resolve();
    for (const response of await Promise.all(others)) expect(await response.json()).toEqual({ id: 7 });
    expect(server.seen).toHaveLength(1);
    expect((await hf.deadLetters.list()).items).toEqual([]);
  });

  test("leaves none where the API honours the key", async () => {
    await using server = await serve((seen, response) => void (seen.nth > 1 && json(response, 201, {})));
    await using hf = await engineFor(server.url, { idempotency: {} });
    const controller = new AbortController();
    const call = failure(hf.fetch("api")("/x", { ...post("k"), signal: controller.signal }));
    while (server.seen.length === 0) await pause(2);
    controller.abort(new Error("bye"));
    await call;
    expect((await hf.deadLetters.list()).items).toEqual([]);
    expect((await hf.fetch("api")("/x", post("k"))).status).toBe(201);
  });
});

describe("two engines over one file", () => {
  const durable = { durability: "before-send" } as const;

  test("one that works on a key keeps the other out, which is told for how long", async () => {
    const refused = Promise.withResolvers<void>();
    await using server = await serve((_, response) => void refused.promise.then(() => json(response, 201, { id: 1 })));
    const store = sqlite(join(folder, "holdfast.db"));
    await using one = await engineFor(server.url, durable, { store });
    await using other = await engineFor(server.url, durable, { store });
    const first = one.fetch("api")("/x", post("k"));
    while (server.seen.length === 0) await pause(2);
    const error = await failure(other.fetch("api")("/x", post("k")));
    expect(error).toMatchObject({ code: "idempotency-in-flight", retryable: true });
    expect((error as { retryAfterMs: number }).retryAfterMs).toBeGreaterThan(0);
    refused.resolve();
    expect((await first).status).toBe(201);
    const again = await other.fetch("api")("/x", post("k"));
    expect([again.headers.get("idempotency-replayed"), await again.json()]).toEqual(["true", { id: 1 }]);
    expect(server.seen).toHaveLength(1);
  });

  test("a holder that vanished leaves a doubt: asked first, and sent again only where that is safe", async () => {
    const file = join(folder, "holdfast.db");
    const clock = manualClock();
    const transport = vi.fn<Transport>(async () => Response.json({}, { status: 201 }));
    const vanish = async (...keys: string[]): Promise<void> => {
      const store = await sqlite(file)();
      const fingerprint = payloadFingerprint("POST", "POST /x", ["", { email: "ada@example.com" }]);
      const now = clock.now();
      const held = keys.map((key) => ({
        key: scopedKey("api", "POST /x", "", key),
        fingerprint,
        token: "gone",
        now,
        leaseUntil: now + 60_000,
      }));
      expect((await store.idempotency.begin(held)).map(({ state }) => state)).toEqual(keys.map(() => "claimed"));
      await store.close();
    };
    const open = (options: Omit<ApiOptions, "baseUrl">): Promise<Holdfast<"api">> =>
      engineFor("http://api.test", { ...durable, ...options }, { store: sqlite(file), clock, transport });
    await vanish("blind", "found", "not-found", "honoured");
    await clock.advance("61s");

    await using hf = await open({});
    const error = await failure(hf.fetch("api")("/x", post("blind")));
    expect(isHoldfastError(error, "outcome-unknown")).toBe(true);
    const letters = (await hf.deadLetters.list()).items;
    expect(letters).toHaveLength(1);
    expect(letters[0]).toMatchObject({
      reason: "outcome-unknown",
      idempotencyKey: "blind",
      request: { method: "POST", url: "http://api.test/x" },
    });
    expect(transport).not.toHaveBeenCalled();

    const found = await hf.fetch("api", { reconcile: async () => ({ happened: true, response: Response.json({ id: 9 }) }) })(
      "/x",
      post("found"),
    );
    expect(await found.json()).toEqual({ id: 9 });
    expect(transport).not.toHaveBeenCalled();
    expect(await (await hf.fetch("api")("/x", post("found"))).json()).toEqual({ id: 9 });

    expect((await hf.fetch("api", { reconcile: async () => ({ happened: false }) })("/x", post("not-found"))).status).toBe(201);
    expect(transport).toHaveBeenCalledTimes(1);
    await hf.close();

    await using honouring = await open({ idempotency: {} });
    expect((await honouring.fetch("api")("/x", post("honoured"))).status).toBe(201);
    expect(new Headers(transport.mock.lastCall?.[1].headers).get("idempotency-key")).toBe("honoured");
    expect(transport).toHaveBeenCalledTimes(2);
  }, 30_000);

  test("an answer outlives its process", async () => {
    await start();
    const file = join(folder, "holdfast.db");
    const first = await engine(durable, { store: sqlite(file) });
    const body = await (await first.fetch("api")("/blind", post("k"))).text();
    await first.close();
    const second = await engine(durable, { store: sqlite(file) });
    const response = await second.fetch("api")("/blind", post("k"));
    expect([response.headers.get("idempotency-replayed"), await response.text()]).toEqual(["true", body]);
    expect(api.ledger.requests()).toHaveLength(1);
  });
});

describe("hf.call under a key", () => {
  test("does its work once, and gives the value again", async () => {
    await start();
    const hf = await engine();
    const fn = vi.fn<() => Promise<{ id: number; at: Date }>>(async () => ({ id: 1, at: new Date(0) }));
    const options = { operation: "import", effects: "write", idempotencyKey: "k", input: { lead: 1 } } as const;
    const [one, two] = await Promise.all([hf.call("api", options, fn), hf.call("api", options, fn)]);
    expect(one).toEqual({ id: 1, at: new Date(0) });
    expect(two).toEqual({ id: 1, at: "1970-01-01T00:00:00.000Z" });
    expect(explain(two)).toMatchObject({ outcome: "replayed" });
    expect(fn).toHaveBeenCalledTimes(1);
    const error = await failure(hf.call("api", { ...options, input: { lead: 2 } }, fn));
    expect(isHoldfastError(error, "idempotency-mismatch")).toBe(true);
  });

  test("hands the key and the operation's id to every attempt", async () => {
    await start();
    const hf = await engine({ idempotency: {}, retry: QUICK });
    const seen: (string | undefined)[] = [];
    await hf.call("api", { operation: "import", effects: "write", idempotencyKey: "k" }, ({ idempotencyKey, operation, attempt }) => {
      seen.push(idempotencyKey, operation);
      if (attempt < 3) throw new Error("not yet");
      return 1;
    });
    expect(new Set(seen).size).toBe(2);
  });

  test("that calls itself is told so", async () => {
    await start();
    const hf = await engine();
    const options = { operation: "import", effects: "write", idempotencyKey: "k" } as const;
    const error = await failure(hf.call("api", options, () => hf.call("api", options, async () => 1)));
    expect(error).toMatchObject({ code: "config", path: "idempotencyKey" });
  });

  test("that ended in doubt is kept without a request, and refused from then on", async () => {
    await start();
    const hf = await engine();
    const options = { operation: "import", effects: "write", idempotencyKey: "k" } as const;
    const lost = await failure(hf.call("api", options, () => Promise.reject(new Error("socket hang up"))));
    const letter = await hf.deadLetters.get(explain(lost)?.deadLetter ?? "");
    expect(letter).toMatchObject({ reason: "outcome-unknown", operation: "import", endpoint: "import", idempotencyKey: "k" });
    expect(letter.request).toBeUndefined();
    expect(isHoldfastError(await failure(hf.call("api", options, async () => 1)), "outcome-unknown")).toBe(true);
  });
});

describe("what a healthy call writes", () => {
  /** Counts every verb that is asked of the store. */
  function counting(factory: StoreFactory): { readonly store: StoreFactory; readonly verbs: string[] } {
    const verbs: string[] = [];
    const watched = <Port extends object>(port: Port, name: string): Port =>
      new Proxy(port, {
        get: (target, key) => {
          const verb: unknown = Reflect.get(target, key);
          if (typeof verb !== "function") return verb;
          return (...args: unknown[]) => {
            verbs.push(`${name}.${String(key)}`);
            return (verb as (...args: unknown[]) => unknown).apply(target, args);
          };
        },
      });
    const open = async (): Promise<Store> => {
      const store = await factory();
      return { ...store, idempotency: watched(store.idempotency, "idempotency"), deadLetters: watched(store.deadLetters, "deadLetters") };
    };
    return { store: open, verbs };
  }

  test("is nothing at on-failure, keyed or not", async () => {
    await start([{ when: { nth: [1, 3] }, then: { status: 503, retryAfter: { raw: "0" } } }]);
    const { store, verbs } = counting(memory());
    const hf = await engine({ idempotency: {} }, { store });
    await hf.fetch("api")("/keyed", post("k"));
    await hf.fetch("api")("/keyed", post(undefined, { email: "grace@example.com" }));
    await hf.fetch("api")("/keyed");
    await hf.call("api", { operation: "import", effects: "write", idempotencyKey: "k" }, async () => 1);
    expect(verbs).toEqual([]);
  });

  test("is its key and its answer at before-send, and nothing without a key", async () => {
    await start();
    const { store, verbs } = counting(memory());
    const hf = await engine({ durability: "before-send" }, { store });
    await hf.fetch("api")("/blind", post("k"));
    expect(verbs.splice(0)).toEqual(["idempotency.begin", "idempotency.finish"]);
    await hf.fetch("api")("/blind", post("k"));
    expect(verbs.splice(0)).toEqual(["idempotency.begin"]);
    await hf.fetch("api")("/blind", post(undefined));
    expect(verbs).toEqual([]);
  });

  test("of a failure is one dead letter, and none at durability none", async () => {
    await start([{ then: { status: 400 } }]);
    const { store, verbs } = counting(memory());
    const hf = await engine({ endpoints: { "POST /keyed": { durability: "none" } } }, { store });
    await hf.fetch("api")("/keyed", post(undefined));
    await hf.fetch("api")("/blind");
    expect(verbs).toEqual([]);
    await hf.fetch("api")("/blind", post(undefined));
    expect(verbs).toEqual(["deadLetters.add"]);
  });
});
