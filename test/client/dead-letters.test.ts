import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { memory } from "../../src/adapters/store/memory/index.ts";
import { sqlite } from "../../src/adapters/store/sqlite/index.ts";
import type { ApiOptions } from "../../src/api/api-options.ts";
import type { ReplayEntry } from "../../src/client/replay-options.ts";
import type { Holdfast, HoldfastOptions } from "../../src/client/holdfast.ts";
import { explain } from "../../src/core/explain.ts";
import type { DeadLetter } from "../../src/ports/dead-letter-store.ts";
import { flakyApi, manualClock, type FlakyApi, type FlakyScript } from "../../src/testing/index.ts";
import { engineFor } from "./engines.ts";
import { json, pause, serve } from "./server.ts";

let api: FlakyApi;
let hf: Holdfast<"api">;
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "holdfast-letters-"));
});

afterEach(async () => {
  await hf?.close();
  await api?.close();
  rmSync(folder, { recursive: true, force: true });
});

async function start(
  rules: FlakyScript["rules"] = [],
  options: Omit<ApiOptions, "baseUrl"> = {},
  engine: Partial<HoldfastOptions> = {},
): Promise<void> {
  api = await flakyApi({
    endpoints: {
      "POST /keyed": { subject: "body.email", key: { header: "Idempotency-Key" } },
      "POST /blind": { subject: "body.email" },
    },
    rules,
  });
  hf = await engineFor(
    api.url,
    { retry: { maxAttempts: 2, backoff: { base: 1, cap: 1 } }, breaker: false, retryBudget: false, ...options },
    engine,
  );
}

const post = (email: string, headers: Record<string, string> = {}): RequestInit => ({
  method: "POST",
  headers: { "content-type": "application/json", ...headers },
  body: JSON.stringify({ email }),
});

async function open(): Promise<readonly DeadLetter[]> {
  return (await hf.deadLetters.list({ state: "open" })).items.toReversed();
}

/** Sends a write that fails, and gives its letter. */
async function bury(email: string, path = "/blind", init: RequestInit = post(email)): Promise<DeadLetter> {
  const outcome = await hf
    .fetch("api")(path, init)
    .catch((error: unknown) => error);
  return await hf.deadLetters.get(explain(outcome)?.deadLetter ?? "none");
}

describe("a write that is given up", () => {
  test("is kept before its caller hears of it", async () => {
    let added = false;
    const store = async () => {
      const opened = await memory()();
      const add: typeof opened.deadLetters.add = async (letters) => {
        await pause(30);
        await opened.deadLetters.add(letters);
        added = true;
      };
      return { ...opened, deadLetters: { ...opened.deadLetters, add } };
    };
    await start([{ then: { status: 400 } }], {}, { store });
    await hf.fetch("api")("/blind", post("a"));
    expect(added).toBe(true);
  });

  test("that cannot be kept says both", async () => {
    const store = async () => {
      const opened = await memory()();
      return { ...opened, deadLetters: { ...opened.deadLetters, add: () => Promise.reject(new Error("disk full")) } };
    };
    await start([{ then: { reset: "after" } }], {}, { store });
    const error = await hf
      .fetch("api")("/blind", post("a"))
      .catch((caught: unknown) => caught);
    expect(error).toMatchObject({
      code: "store",
      message: expect.stringContaining("disk full") as string,
      cause: { message: "fetch failed" },
    });
  });

  test("keeps the request as it was sent, and every attempt", async () => {
    await start(
      [
        { when: { nth: 1 }, then: { status: 503, headers: { "x-request-id": "up-1" }, text: "busy" } },
        { when: { nth: 2 }, then: { status: 422, json: { error: { code: "INVALID_FIELD" } } } },
      ],
      { idempotency: {} },
    );
    const said: unknown[] = [];
    hf.on("dead-letter:added", (event) => said.push(event));
    const response = await hf.fetch("api", { labels: { lead: "42" } })("/keyed?dry=1", post("ada@example.com"));
    expect(response.status).toBe(422);
    const letter = await hf.deadLetters.get(explain(response)?.deadLetter ?? "");
    const keys = new Set(api.ledger.requests().map(({ key }) => key));
    expect(letter).toMatchObject({
      api: "api",
      endpoint: "POST /keyed",
      reason: "permanent",
      state: "open",
      revision: 1,
      labels: { lead: "42" },
      idempotencyKey: [...keys][0],
      because: { code: "permanent", attempt: 2 },
      attempts: [
        {
          attempt: 1,
          verdict: { kind: "transient", status: 503 },
          because: { code: "backoff" },
          bodyExcerpt: "busy",
          headers: { "x-request-id": "up-1" },
          upstreamRequestId: "up-1",
        },
        { attempt: 2, verdict: { kind: "permanent", status: 422 }, bodyExcerpt: expect.stringContaining("INVALID_FIELD") as string },
      ],
    });
    expect(keys.size).toBe(1);
    expect(letter.request).toMatchObject({ method: "POST", url: `${api.url}/keyed?dry=1` });
    expect(new TextDecoder().decode(letter.request?.body)).toBe('{"email":"ada@example.com"}');
    expect(letter.attempts[1]?.startedAt).toBeGreaterThanOrEqual(letter.attempts[0]?.startedAt ?? Number.NaN);
    expect(said).toEqual([
      {
        id: letter.id,
        api: "api",
        endpoint: "POST /keyed",
        reason: "permanent",
        fingerprint: letter.fingerprint,
        title: letter.title,
      },
    ]);
  });

  test("joins the others that failed as it did", async () => {
    await start([
      { when: { where: { "body.email": "bad-*" } }, then: { status: 422, json: { error: "field 17 of lead 4711 is invalid" } } },
      { then: { status: 400, json: { error: "no" } } },
    ]);
    await bury("bad-1");
    await bury("bad-2");
    await bury("other");
    const groups = [];
    for await (const group of hf.deadLetters.groups()) groups.push(group);
    expect(groups.map(({ open: members, reason, state }) => [members, reason, state])).toEqual([
      [1, "permanent", "open"],
      [2, "permanent", "open"],
    ]);
  });

  test("is no letter where it only reads", async () => {
    await start([{ then: { status: 500 } }]);
    await hf.fetch("api")("/blind");
    expect(await open()).toEqual([]);
  });

  test("by an abort in its wait between attempts is not in doubt, and not kept", async () => {
    await start([{ then: { status: 429 } }], { retry: { maxAttempts: 3, backoff: { base: 60_000, cap: 60_000, jitter: "none" } } });
    const controller = new AbortController();
    hf.on("retry:scheduled", () => setTimeout(() => controller.abort(), 5));
    await expect(hf.fetch("api")("/blind", { ...post("a"), signal: controller.signal })).rejects.toMatchObject({ name: "AbortError" });
    expect(await open()).toEqual([]);
  });

  test("by a timeout of its caller's own, on its way, is in doubt and kept", async () => {
    await start([{ then: { hang: true, effect: true } }]);
    // As AbortSignal.timeout() does it, but when the request is there, however slow the machine is.
    const controller = new AbortController();
    const call = hf.fetch("api")("/blind", { ...post("a"), signal: controller.signal });
    const caught = call.catch((error: unknown) => error);
    while (api.ledger.requests().length === 0) await pause(2);
    controller.abort(new DOMException("The operation was aborted due to timeout", "TimeoutError"));
    const error = await caught;
    expect(error).toMatchObject({ name: "TimeoutError" });
    expect((await open()).map(({ reason, because }) => [reason, because.code])).toEqual([["outcome-unknown", "cancelled"]]);
    expect(api.ledger.effects()).toEqual(new Map([["a", 1]]));
  });
});

describe("closing", () => {
  test("waits for what is under way, so that it is kept if it fails", async () => {
    await using server = await serve((_, response) => void arrived.promise.then(() => json(response, 400, {})));
    const arrived = Promise.withResolvers<void>();
    const file = join(folder, "holdfast.db");
    hf = await engineFor(server.url, {}, { store: sqlite(file) });
    const calls = [hf.fetch("api")("/blind", post("a")), hf.fetch("api")("/blind", post("b", { "Idempotency-Key": "k" }))];
    const work = hf
      .call("api", { operation: "import", effects: "write", maxAttempts: 1 }, async () => {
        await arrived.promise;
        throw new Error("no");
      })
      .catch((error: unknown) => error);
    while (server.seen.length < 2) await pause(2);
    const closing = Promise.all([hf.close(), hf.close()]);
    await expect(hf.fetch("api")("/blind", post("c"))).rejects.toMatchObject({ code: "closed" });
    arrived.resolve();
    await closing;
    for (const response of await Promise.all(calls)) expect(explain(response)?.deadLetter).toBeDefined();
    expect(explain(await work)?.deadLetter).toBeDefined();
    hf = await engineFor(server.url, {}, { store: sqlite(file) });
    expect((await hf.deadLetters.list()).items).toHaveLength(3);
  });

  test("waits no longer than its grace", async () => {
    await using server = await serve(() => undefined);
    hf = await engineFor(server.url);
    const controller = new AbortController();
    const call = hf
      .fetch("api")("/blind", { ...post("a"), signal: controller.signal })
      .catch((error: unknown) => error);
    while (server.seen.length === 0) await pause(2);
    await hf.close({ grace: 20 });
    controller.abort(new Error("bye"));
    expect(await call).toMatchObject({ code: "store" });
  });
});

describe("secrets", () => {
  const CANARIES = ["canary-bearer-4f1c", "canary-cookie-77aa", "canary-api-key-0d9e", "canary-custom-token-1b2c"];

  test("stand in no letter and no file, though the other side says them back", async () => {
    await using mirror = await serve((seen, response) => json(response, 401, { youSent: seen.headers }));
    const file = join(folder, "holdfast.db");
    hf = await engineFor(
      mirror.url,
      { auth: { type: "bearer", token: "canary-bearer-4f1c" }, retry: { maxAttempts: 1 } },
      { store: sqlite(file) },
    );
    const told: unknown[] = [];
    hf.on("dead-letter:added", (event) => told.push(event));
    hf.on("attempt:settled", (event) => told.push(event));
    hf.on("call:settled", (event) => told.push(event));
    const response = await hf.fetch("api")(
      "/blind",
      post("a", {
        cookie: "session=canary-cookie-77aa",
        "x-api-key": "canary-api-key-0d9e",
        "x-tenant-token": "canary-custom-token-1b2c",
      }),
    );
    // The mirror does say them all: a test of nothing would be no test.
    const mirrored = await response.text();
    for (const canary of CANARIES) expect(mirrored).toContain(canary);
    const letter = await hf.deadLetters.get(explain(response)?.deadLetter ?? "");
    expect(letter.attempts[0]?.bodyExcerpt).toContain("[redacted]");
    await hf.close();
    const files = readdirSync(folder).map((name) => readFileSync(join(folder, name), "latin1"));
    const everything = JSON.stringify({ letter, told, explained: explain(response) }) + files.join("");
    expect(everything).toContain("POST /blind");
    for (const canary of CANARIES) expect(everything).not.toContain(canary);
  });
});

describe("another process", () => {
  const run = promisify(execFile);

  async function child(baseUrl: string): Promise<{ letters: DeadLetter[]; report: { resolved: number } }> {
    const script = join(import.meta.dirname, "harness", "letters.mjs");
    const env = { ...process.env, HOLDFAST_TEST_TOKEN: "from-the-environment" };
    const { stdout } = await run(process.execPath, [script, join(folder, "holdfast.db"), baseUrl], { env });
    return JSON.parse(stdout) as { letters: DeadLetter[]; report: { resolved: number } };
  }

  test("finds the letters, and replays them with a credential of its own", async () => {
    await using server = await serve((seen, response) => json(response, seen.nth === 1 ? 400 : 201, {}));
    hf = await engineFor(server.url, { retry: { maxAttempts: 1 } }, { store: sqlite(join(folder, "holdfast.db")) });
    const letter = await bury("ada@example.com", "/blind", post("ada@example.com", { "Idempotency-Key": "k-1" }));
    await hf.close();
    const { letters, report } = await child(server.url);
    expect(letters).toHaveLength(1);
    expect(letters[0]).toMatchObject({ id: letter.id, title: letter.title, attempts: [{ attempt: 1 }], url: `${server.url}/blind` });
    expect(report).toMatchObject({ resolved: 1 });
    expect(server.seen[1]?.headers).toMatchObject({ "idempotency-key": "k-1", authorization: "Bearer from-the-environment" });
    expect(server.seen[1]?.body.toString()).toBe('{"email":"ada@example.com"}');
  }, 30_000);
});

describe("a replay", () => {
  test("sends the same request under the same key and id, and resolves the letter", async () => {
    await start([{ when: { nth: { from: 1, to: 2 } }, then: { status: 503 } }], { idempotency: {} });
    const letter = await bury("ada@example.com", "/keyed", post("ada@example.com"));
    const seen: ReplayEntry[] = [];
    const report = await hf.deadLetters.replay({ ids: [letter.id], onEntry: (entry) => seen.push(entry) });
    expect(report).toEqual({
      resolved: 1,
      failedAgain: 0,
      skipped: 0,
      entries: [{ id: letter.id, result: "resolved", because: "replayed" }],
    });
    expect(seen).toEqual(report.entries);
    expect(await hf.deadLetters.get(letter.id)).toMatchObject({ state: "resolved", replays: 1, note: "replayed" });
    expect(new Set(api.ledger.requests().map(({ key }) => key))).toEqual(new Set([letter.idempotencyKey]));
    expect(api.ledger.effects()).toEqual(new Map([["ada@example.com", 1]]));
  });

  test("under a given key tells the key: a later call gets the answer", async () => {
    await start([{ when: { nth: 1 }, then: { reset: "before" } }]);
    const letter = await bury("a", "/blind", post("a", { "Idempotency-Key": "k" }));
    expect(letter.reason).toBe("outcome-unknown");
    expect((await hf.deadLetters.replay({ ids: [letter.id], confirm: true })).resolved).toBe(1);
    const later = await hf.fetch("api")("/blind", post("a", { "Idempotency-Key": "k" }));
    expect([later.status, later.headers.get("idempotency-replayed")]).toEqual([201, "true"]);
    expect(api.ledger.effects()).toEqual(new Map([["a", 1]]));
  });

  test.each<[string, () => RequestInit]>([
    [
      "a form",
      () => {
        const body = new FormData();
        body.append("name", "Ada\nLovelace");
        body.append("file", new File(["contents"], "a.txt"));
        return { method: "POST", body };
      },
    ],
    ["parameters", () => ({ method: "POST", body: new URLSearchParams({ name: "Ada" }) })],
    ["a text", () => ({ method: "POST", body: '{"name":"Ada"}' })],
    ["bytes", () => ({ method: "POST", body: new Uint8Array([1, 2, 3]) })],
    ["nothing", () => ({ method: "POST" })],
  ])("of %s stands for the same payload", async (_, init) => {
    await using server = await serve((seen, response) => json(response, seen.nth === 1 ? 503 : 201, {}));
    hf = await engineFor(server.url, { retry: { maxAttempts: 1 } });
    const letter = await bury("", "/x", { ...init(), headers: { "Idempotency-Key": "k" } });
    expect(await hf.deadLetters.replay({ ids: [letter.id], confirm: true })).toMatchObject({ resolved: 1 });
    expect(server.seen.map(({ headers }) => headers["x-request-id"])).toEqual([letter.id, letter.id]);
    const again = await hf.fetch("api")("/x", { ...init(), headers: { "Idempotency-Key": "k" } });
    expect(again.headers.get("idempotency-replayed")).toBe("true");
    const strip = (body: Buffer): string => body.toString("latin1").replaceAll(/-{4,}formdata-\S+/g, "boundary");
    expect(strip(server.seen[1]?.body as Buffer)).toBe(strip(server.seen[0]?.body as Buffer));
  });

  test("that fails again appends to the history, and moves to the group of its new failure", async () => {
    await start(
      [
        { when: { nth: { from: 1, to: 2 } }, then: { status: 503 } },
        { when: { nth: 3 }, then: { status: 422, json: { error: "email" } } },
      ],
      { idempotency: {} },
    );
    const letter = await bury("a", "/keyed", post("a"));
    const report = await hf.deadLetters.replay({ group: letter.fingerprint });
    expect(report).toMatchObject({ resolved: 0, failedAgain: 1, entries: [{ id: letter.id, result: "failed-again" }] });
    expect(report.stopped).toBeUndefined();
    const after = await hf.deadLetters.get(letter.id);
    expect(after).toMatchObject({ state: "open", reason: "permanent", replays: 1, diedAt: letter.diedAt });
    expect(after.fingerprint).not.toBe(letter.fingerprint);
    expect(after.attempts.map(({ verdict }) => verdict.status)).toEqual([503, 503, 422]);
    expect(await open()).toHaveLength(1);
  });

  test("by two operators at once is one", async () => {
    await start([{ when: { nth: 1 }, then: { status: 400 } }, { then: { delay: 40 } }]);
    const letter = await bury("a");
    const reports = await Promise.all([hf.deadLetters.replay({ ids: [letter.id] }), hf.deadLetters.replay({ filter: {} })]);
    expect(reports.map(({ resolved }) => resolved).sort((a, b) => a - b)).toEqual([0, 1]);
    expect(reports.flatMap(({ entries }) => entries).map(({ because }) => because)).toContain("another operator was first");
    expect(api.ledger.effects()).toEqual(new Map([["a", 1]]));
  });

  test("with a canary ends where the canary fails", async () => {
    await start([{ then: { status: 400 } }]);
    for (const email of ["a", "b", "c", "d"]) await bury(email);
    api.setRules([{ when: { where: { "body.email": "b" } }, then: { status: 400 } }]);
    const report = await hf.deadLetters.replay({ filter: {}, canary: 2 });
    expect(report).toMatchObject({ resolved: 1, failedAgain: 1, skipped: 0, stopped: "canary 2 of 2 failed again" });
    expect((await open()).map(({ request }) => new TextDecoder().decode(request?.body))).toEqual([
      '{"email":"b"}',
      '{"email":"c"}',
      '{"email":"d"}',
    ]);
  });

  test("leaves the rest of a group alone whose failure comes back, and goes on with others", async () => {
    await start([
      { when: { where: { "body.email": "bad-*" } }, then: { status: 422, text: "invalid" } },
      { then: { status: 400, text: "other" } },
    ]);
    for (const email of ["bad-1", "bad-2", "good-1", "bad-3", "good-2"]) await bury(email);
    api.setRules([{ when: { where: { "body.email": "bad-*" } }, then: { status: 422, text: "invalid" } }]);
    const before = api.ledger.requests().length;
    const report = await hf.deadLetters.replay({ filter: {} });
    expect(report).toMatchObject({
      resolved: 2,
      failedAgain: 1,
      skipped: 2,
      stopped: expect.stringContaining("the same failure came back") as string,
    });
    expect(report.entries.map(({ result }) => result)).toEqual(["failed-again", "skipped", "resolved", "skipped", "resolved"]);
    expect(api.ledger.requests().length - before).toBe(3);
  });

  test("skips what only the program can do again, what is not open, and what does not exist, and says why", async () => {
    await start([{ then: { status: 400 } }]);
    const error = await hf
      .call("api", { operation: "import", effects: "write", maxAttempts: 1 }, () => Promise.reject(new Error("no")))
      .catch((caught: unknown) => caught);
    const call = explain(error)?.deadLetter ?? "";
    const discarded = await bury("a");
    expect(await hf.deadLetters.discard({ ids: [discarded.id] }, "not ours")).toBe(1);
    const report = await hf.deadLetters.replay({ ids: [call, discarded.id, "nobody"] });
    expect(report).toMatchObject({ resolved: 0, failedAgain: 0, skipped: 3 });
    expect(Object.fromEntries(report.entries.map(({ id, because }) => [id, because]))).toEqual({
      [call]: "its request is not kept: only the program that made the call can do it again",
      [discarded.id]: "it is not open, or does not exist",
      nobody: "it is not open, or does not exist",
    });
  });

  test("that our own breaker refuses sends nothing, and leaves the letter open", async () => {
    await start([{ then: { status: 500 } }], { breaker: { minimumCalls: 2, window: 2 }, idempotency: {}, retry: { maxAttempts: 1 } });
    const letter = await bury("a", "/keyed");
    await bury("b", "/keyed");
    const report = await hf.deadLetters.replay({ ids: [letter.id] });
    expect(report).toMatchObject({ skipped: 1, entries: [{ because: expect.stringContaining("circuit breaker") as string }] });
    expect(await hf.deadLetters.get(letter.id)).toMatchObject({ state: "open", attempts: [{ attempt: 1 }] });
  });

  test("asks before it sends where the endpoint can tell", async () => {
    const asked: string[] = [];
    const reconcile = async ({ body }: { body: string | undefined }) => {
      asked.push(body ?? "");
      return { happened: body?.includes("there") === true ? true : ("unknown" as const) };
    };
    await start([{ when: { nth: { from: 1, to: 2 } }, then: { reset: "after" } }]);
    await bury("there");
    await bury("who-knows");
    await hf.close();
    // The same store, an engine that knows how to ask.
    const store = memory();
    const first = await engineFor(api.url, { retry: { maxAttempts: 1 } }, { store });
    api.setRules([{ when: { nth: { from: 1, to: 2 } }, then: { reset: "after" } }]);
    for (const email of ["there-too", "who-knows-too"])
      await first
        .fetch("api")("/blind", post(email))
        .catch(() => undefined);
    await first.close();
    hf = await engineFor(api.url, { retry: { maxAttempts: 1 }, endpoints: { "POST /blind": { reconcile } } }, { store });
    expect(await hf.deadLetters.replay({ filter: {} })).toMatchObject({ resolved: 1, skipped: 1 });
    expect(asked).toEqual(['{"email":"there-too"}', '{"email":"who-knows-too"}']);
    expect(api.ledger.effects()).toEqual(
      new Map([
        ["there", 1],
        ["who-knows", 1],
        ["there-too", 1],
        ["who-knows-too", 1],
      ]),
    );
    // Nobody can tell of the second; whoever sends it all the same has to say so.
    expect(await hf.deadLetters.replay({ filter: {}, confirm: true })).toMatchObject({ resolved: 1 });
    expect(api.ledger.effects().get("who-knows-too")).toBe(2);
  });

  test("can be stopped by its caller after the letter under way", async () => {
    await start([{ then: { status: 400 } }]);
    for (const email of ["a", "b", "c"]) await bury(email);
    api.setRules([]);
    const controller = new AbortController();
    const report = await hf.deadLetters.replay({ filter: {}, signal: controller.signal, onEntry: () => controller.abort() });
    expect(report).toMatchObject({ resolved: 1, stopped: "stopped by its caller" });
    expect(await open()).toHaveLength(2);
  });

  test("takes over from a process that died in the midst of it, but not at once", async () => {
    const clock = manualClock();
    const store = memory();
    let status = 400;
    const transport = async (): Promise<Response> => Response.json({}, { status });
    hf = await engineFor("http://api.test", { retry: { maxAttempts: 1 } }, { clock, store, transport });
    const letter = await bury("a");
    const opened = await store();
    await opened.deadLetters.change([{ id: letter.id, revision: 1, state: "replaying", replayed: true, now: clock.now() }]);
    status = 201;
    await clock.advance("5m");
    expect(await hf.deadLetters.replay({ filter: {} })).toMatchObject({
      resolved: 0,
      skipped: 1,
      entries: [{ because: "another replay has had it for 5m; after 15m it counts as lost" }],
    });
    await clock.advance("10m");
    // It was refused before; but the one who vanished may have sent it, and this API does not dedupe.
    expect(await hf.deadLetters.replay({ filter: {} })).toMatchObject({
      skipped: 1,
      entries: [{ because: expect.stringContaining("it may have happened") as string }],
    });
    expect(await hf.deadLetters.replay({ filter: {}, confirm: true })).toMatchObject({ resolved: 1 });
    expect((await hf.deadLetters.get(letter.id)).attempts.map(({ verdict }) => [verdict.effect, verdict.rule])).toEqual([
      ["done", "status:400"],
      ["unknown", "holder-vanished"],
    ]);
  });
});

describe("a group", () => {
  test("that was resolved and fails again has regressed", async () => {
    await start([{ then: { status: 400 } }]);
    const { fingerprint } = await bury("a");
    await hf.deadLetters.setGroupState(fingerprint, "resolved");
    await bury("b");
    const groups = [];
    for await (const group of hf.deadLetters.groups()) groups.push(group);
    expect(groups).toMatchObject([{ fingerprint, state: "open", regressed: true, total: 2 }]);
  });

  test("that does not exist has no state", async () => {
    await start();
    await expect(hf.deadLetters.setGroupState("v1:none", "resolved")).rejects.toMatchObject({ code: "not-found" });
    await expect(hf.deadLetters.get("none")).rejects.toMatchObject({ code: "not-found" });
  });
});

describe("what makes no sense", () => {
  beforeEach(() => start());

  test.each<[string, () => Promise<unknown>, string]>([
    ["a replay of nothing in particular", () => hf.deadLetters.replay({}), "replay"],
    ["an option that nobody knows", () => hf.deadLetters.replay({ filter: {}, canaries: 3 } as object), "replay.canaries"],
    ["a canary that is no number", () => hf.deadLetters.replay({ filter: {}, canary: -1 }), "replay.canary"],
    [
      "a filter with a name misspelt",
      () => hf.deadLetters.replay({ filter: { fingerpint: "v1:a" } as object }),
      "replay.filter.fingerpint",
    ],
    ["a replay of what is not open", () => hf.deadLetters.replay({ filter: { state: "discarded" } }), "replay.filter.state"],
    ["a discard with a name misspelt", () => hf.deadLetters.discard({ fingerpint: "v1:a" } as object, "x"), "filter.fingerpint"],
    ["a listing with a name misspelt", () => hf.deadLetters.list({ fingerpint: "v1:a" } as object), "filter.fingerpint"],
  ])("is refused by its path: %s", async (_, call, path) => {
    await expect(call()).rejects.toMatchObject({ code: "config", path });
  });
});
