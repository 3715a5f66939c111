import { createHmac } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Pool } from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { memory } from "../../src/adapters/store/memory/index.ts";
import { postgres } from "../../src/adapters/store/postgres/index.ts";
import { sqlite } from "../../src/adapters/store/sqlite/index.ts";
import { createHoldfast, type Holdfast } from "../../src/client/holdfast.ts";
import type { InboxEvent, InboxOptions } from "../../src/client/inbox-options.ts";
import { signWebhook } from "../../src/policy/webhook/standard-webhooks.ts";
import type { StoreFactory } from "../../src/ports/store.ts";
import { flakyApi } from "../../src/testing/flaky-api/flaky-api.ts";
import { manualClock, type ManualClock } from "../../src/testing/manual-clock.ts";
import { testDatabase, type TestDatabase } from "../postgres/server.ts";
import { lasting } from "../sync/world.ts";

const SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const VERIFY = { scheme: "standard-webhooks", secret: SECRET } as const;
const DAY = 86_400_000;

let folder: string;
let database: TestDatabase;
let pool: Pool;
let files = 0;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "holdfast-inbox-"));
  database = await testDatabase();
  pool = new Pool({ connectionString: database.url, max: 4 });
});

afterAll(async () => {
  await pool.end();
  await database.dispose();
  rmSync(folder, { recursive: true, force: true });
});

const STORES: Readonly<Record<string, () => StoreFactory>> = {
  memory: () => memory(),
  sqlite: () => sqlite(join(folder, `${(files += 1)}.db`)),
  postgres: () => postgres(pool, { schema: "inbox" }),
};

async function signed(id: string, body: string, clock: ManualClock): Promise<Request> {
  const headers = await signWebhook({ id, now: clock.now(), body, secrets: [SECRET] });
  return new Request("https://example.com/in/crm", { method: "POST", body, headers: { ...headers, "content-type": "application/json" } });
}

/** Lets the worker work, which polls on the manual clock. */
async function until(clock: ManualClock, holds: () => boolean | Promise<boolean>): Promise<void> {
  for (let tries = 0; !(await holds()); tries += 1) {
    if (tries > 2_000) throw new Error("it did not come about");
    await clock.advance(20);
    // Stores answer from threads and servers, which no clock of ours moves.
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

async function idle(hf: Holdfast): Promise<boolean> {
  const { ready, leased, parked } = await hf.operations.stats();
  return ready + leased + parked === 0;
}

interface Inbox {
  readonly hf: Holdfast;
  readonly receive: (request: Request) => Promise<Response>;
}

async function open(store: StoreFactory, clock: ManualClock, options: Partial<InboxOptions>): Promise<Inbox> {
  const hf = await createHoldfast({ apis: {}, store, clock });
  return { hf, receive: hf.inbox({ source: "crm", verify: VERIFY, ...options }) };
}

describe.each(Object.keys(STORES))("an inbox over %s", (name) => {
  it("the same webhook 50 times at once, after a restart and after three days: one run of the handler", async () => {
    const clock = manualClock();
    const kept = lasting(STORES[name]!());
    const runs: string[] = [];
    const handler = ({ id, json }: InboxEvent): void => void runs.push(`${id} ${JSON.stringify(json())}`);
    const first = await open(kept.factory, clock, { handler });
    const deliveries = await Promise.all(
      Array.from({ length: 50 }, async () => await first.receive(await signed("evt_1", '{"n":1}', clock))),
    );
    expect(deliveries.map(({ status }) => status)).toEqual(Array.from({ length: 50 }, () => 200));
    const told = (await Promise.all(deliveries.map(async (answer) => (await answer.json()) as { taken: number }))).reduce(
      (sum, { taken }) => sum + taken,
      0,
    );
    expect(told).toBe(1);
    await until(clock, () => idle(first.hf));
    const closing = first.hf.close();
    await clock.advance("20s");
    await closing;

    const second = await open(kept.factory, clock, { handler });
    expect(await (await second.receive(await signed("evt_1", '{"n":1}', clock))).json()).toEqual({ taken: 0, duplicates: 1, conflicts: 0 });
    await clock.advance(3 * DAY);
    expect((await second.receive(await signed("evt_1", '{"n":1}', clock))).status).toBe(200);
    await until(clock, () => idle(second.hf));
    expect(runs).toEqual(['evt_1 {"n":1}']);

    // Another event, so that it is seen that the handler would have run.
    await second.receive(await signed("evt_2", "{}", clock));
    await until(clock, () => runs.length === 2);
    await second.hf.close({ grace: 0 });
    await kept.close();
  });
});

describe("what is not taken", () => {
  it("wrong signatures, stale timestamps, re-serialised bodies; and the reason is told", async () => {
    const clock = manualClock();
    let runs = 0;
    const { hf, receive } = await open(memory(), clock, { handler: () => void (runs += 1) });
    const told: string[] = [];
    hf.on("inbox:refused", ({ refusal }) => told.push(refusal));
    const body = '{"amount": 10.0}';
    const right = await signed("evt_1", body, clock);
    const other = (headers: Record<string, string>, text: string = body): Request =>
      new Request(right.url, { method: "POST", body: text, headers: { ...Object.fromEntries(right.headers), ...headers } });
    expect((await receive(other({ "webhook-signature": "v1,AAAA" }))).status).toBe(401);
    expect((await receive(other({ "webhook-id": "evt_2" }))).status).toBe(401);
    expect((await receive(other({}, JSON.stringify(JSON.parse(body))))).status).toBe(401);
    await clock.advance("6m");
    const late = await receive(other({}));
    expect(late.status).toBe(401);
    expect(await late.json()).toMatchObject({ code: "timestamp-wrong" });
    expect(told).toEqual(["signature-wrong", "signature-wrong", "signature-wrong", "timestamp-wrong"]);
    expect((await receive(new Request(right.url))).status).toBe(405);
    await clock.advance("1m");
    expect(runs).toBe(0);
    expect((await hf.operations.stats()).ready).toBe(0);
  });

  it("the same id with another body: 409, an event, and one run", async () => {
    const clock = manualClock();
    const bodies: string[] = [];
    const { hf, receive } = await open(memory(), clock, { handler: ({ body }) => void bodies.push(new TextDecoder().decode(body)) });
    const conflicts: string[] = [];
    hf.on("inbox:conflict", ({ id }) => conflicts.push(id));
    await receive(await signed("evt_1", '{"n":1}', clock));
    expect((await receive(await signed("evt_1", '{"n":2}', clock))).status).toBe(409);
    await until(clock, () => idle(hf));
    expect(bodies).toEqual(['{"n":1}']);
    expect(conflicts).toEqual(["evt_1"]);
  });

  it("too long a body, said or found out", async () => {
    const { receive } = await open(memory(), manualClock(), { handler: () => {}, maxBytes: 10 });
    const url = "https://example.com/";
    expect((await receive(new Request(url, { method: "POST", body: "x".repeat(11), headers: { "content-length": "11" } }))).status).toBe(
      413,
    );
    const stream = new Blob(["x".repeat(6), "y".repeat(6)]).stream();
    expect((await receive(new Request(url, { method: "POST", body: stream, duplex: "half" } as RequestInit))).status).toBe(413);
  });

  it("what the store cannot keep: 503, and the sender comes again", async () => {
    const clock = manualClock();
    const { hf, receive } = await open(memory({ maxOperations: 1 }), clock, {
      handler: async ({ signal }) => await new Promise((resolve) => signal.addEventListener("abort", resolve)),
    });
    expect((await receive(await signed("evt_1", "{}", clock))).status).toBe(200);
    const full = await receive(await signed("evt_2", "{}", clock));
    expect([full.status, full.headers.get("retry-after")]).toEqual([503, "5"]);
    const { items } = await hf.operations.list();
    await hf.operations.cancel(
      items.map(({ operation }) => operation.id),
      "test",
    );
  });

  it.each([
    ["inbox.source", { source: "a/b" }],
    ["inbox.handler", {}],
    ["inbox.handler", { handler: () => {}, forwardTo: { api: "x", endpoint: "POST /" } }],
    ["inbox.verify.scheme", { handler: () => {}, verify: { scheme: "none", secret: "x" } }],
    ["inbox.verify.secret", { handler: () => {}, verify: { scheme: "stripe", secret: "" } }],
    ["inbox.verify.id", { handler: () => {}, verify: { scheme: "hmac", secret: "x", header: "X-Sig" } }],
    ["inbox.forwardTo.api", { forwardTo: { api: "nobody", endpoint: "POST /" } }],
    ["inbox.orderBy", { forwardTo: { api: "x", endpoint: "POST /" }, orderBy: () => "" }],
    ["inbox.colour", { handler: () => {}, colour: "red" }],
  ])("%s that makes no sense is refused", async (path, wrong) => {
    const hf = await createHoldfast({ apis: {} });
    expect(() => hf.inbox({ source: "crm", verify: VERIFY, ...wrong } as never)).toThrow(expect.objectContaining({ code: "config", path }));
    await hf.close();
  });
});

describe("a handler", () => {
  it("that throws is run again, and after its last try the event is a dead letter that a replay gives it again", async () => {
    const clock = manualClock();
    let broken = true;
    const runs: string[] = [];
    const { hf, receive } = await open(memory(), clock, {
      retry: { maxAttempts: 3 },
      handler: ({ operation }) => {
        runs.push(operation);
        if (broken) throw new Error("the ledger is locked");
      },
    });
    await receive(await signed("evt_1", "{}", clock));
    await until(clock, () => idle(hf));
    expect(runs).toHaveLength(3);
    expect(new Set(runs).size).toBe(1);
    expect((await hf.deadLetters.list()).items).toMatchObject([
      { api: "inbox:crm", reason: "exhausted", labels: { "inbox-event": "evt_1" } },
    ]);
    broken = false;
    expect(await hf.deadLetters.replay({ filter: {} })).toMatchObject({ resolved: 1 });
    expect(runs).toHaveLength(4);
  });

  it("that was cut off is not run again, unless it may be", async () => {
    for (const repeatable of [false, true]) {
      const clock = manualClock();
      const kept = lasting();
      const started = Promise.withResolvers<void>();
      const first = await open(kept.factory, clock, {
        repeatable,
        handler: async () => {
          started.resolve();
          await new Promise(() => {});
        },
        timeout: "1s",
        retry: { maxAttempts: 2 },
      });
      await first.receive(await signed("evt_1", "{}", clock));
      await clock.advance(10);
      await started.promise;
      await until(clock, () => idle(first.hf));
      expect((await first.hf.deadLetters.list()).items.map(({ reason }) => reason)).toEqual([repeatable ? "exhausted" : "outcome-unknown"]);
    }
  });

  it("gets what tells of the event, and neither signatures nor credentials", async () => {
    const clock = manualClock();
    const seen = Promise.withResolvers<InboxEvent>();
    const { receive } = await open(memory(), clock, {
      source: "gh",
      verify: { scheme: "github", secret: "s" },
      handler: (event) => seen.resolve(event),
    });
    const body = '{"zen":"π"}';
    const headers = {
      "x-hub-signature-256": `sha256=${createHmac("sha256", "s").update(body).digest("hex")}`,
      "x-github-delivery": "d-1",
      "x-github-event": "ping",
      authorization: "Bearer nobody's business",
    };
    await receive(new Request("https://example.com/", { method: "POST", body, headers }));
    await clock.advance(100);
    const event = await seen.promise;
    expect([event.id, event.json(), event.headers.get("x-github-event")]).toEqual(["d-1", { zen: "π" }, "ping"]);
    expect(JSON.stringify([...event.headers])).not.toMatch(/sha256=|Bearer/);
  });

  it("runs events of one key in their order, also past one that fails at first; other keys do not wait", async () => {
    const clock = manualClock();
    const runs: string[] = [];
    let failures = 2;
    const { hf, receive } = await open(memory(), clock, {
      orderBy: ({ json }) => (json() as { order: string }).order,
      handler: ({ id }) => {
        if (id === "a1" && (failures -= 1) >= 0) throw new Error("not yet");
        runs.push(id);
      },
    });
    for (const id of ["a1", "a2", "b1", "a3", "b2"]) await receive(await signed(id, `{"order":"${id[0]}"}`, clock));
    await until(clock, () => idle(hf));
    expect(runs.filter((id) => id.startsWith("a"))).toEqual(["a1", "a2", "a3"]);
    expect(runs.filter((id) => id.startsWith("b"))).toEqual(["b1", "b2"]);
    expect(runs.indexOf("b2")).toBeLessThan(runs.indexOf("a1"));
  });
});

describe("sending on", () => {
  it("is an operation of the API: one effect there, with the event's id, through its bad day", async () => {
    const api = await flakyApi({
      endpoints: { "POST /hooks": { key: { header: "Idempotency-Key" } } },
      rules: [
        { when: { nth: 1 }, then: { status: 503 } },
        { when: { nth: 2 }, then: { reset: "after" } },
      ],
    });
    const hf = await createHoldfast({ apis: { app: { baseUrl: api.url, idempotency: {}, retry: { backoff: { base: "5ms" } } } } });
    const receive = hf.inbox({ source: "crm", verify: VERIFY, forwardTo: { api: "app", endpoint: "POST /hooks" } });
    const clock = manualClock(Date.now());
    for (let delivery = 0; delivery < 3; delivery += 1) expect((await receive(await signed("evt_1", '{"n":1}', clock))).status).toBe(200);
    const { items } = await hf.operations.list();
    await hf.operations.result(items[0]!.operation.id);
    expect(api.ledger.doubled()).toEqual([]);
    expect([...api.ledger.effects("POST /hooks").values()]).toEqual([1]);
    expect((await hf.operations.get(items[0]!.operation.id)).operation.labels).toEqual({ "inbox-source": "crm", "inbox-event": "evt_1" });
    await hf.close();
    await api.close();
  });

  it("is served by a plain HTTP server too", async () => {
    const hf = await createHoldfast({ apis: {} });
    const ids: string[] = [];
    const receive = hf.inbox({ source: "crm", verify: VERIFY, handler: ({ id }) => void ids.push(id) });
    const answerTo = async (incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> => {
      const chunks: Uint8Array[] = [];
      for await (const chunk of incoming) chunks.push(chunk as Uint8Array);
      const answer = await receive(
        new Request("http://local/", { method: "POST", body: Buffer.concat(chunks), headers: incoming.headers as HeadersInit }),
      );
      outgoing.writeHead(answer.status).end(await answer.text());
    };
    const server = createServer((incoming, outgoing) => void answerTo(incoming, outgoing));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as { port: number };
    const request = await signed("evt_1", "{}", manualClock(Date.now()));
    const answer = await fetch(`http://127.0.0.1:${port}/`, { method: "POST", body: await request.text(), headers: request.headers });
    expect(answer.status).toBe(200);
    await expect.poll(() => ids).toEqual(["evt_1"]);
    server.close();
    await hf.close();
  });
});
