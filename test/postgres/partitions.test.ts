import { Pool } from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { systemClock } from "../../src/adapters/clock/system.ts";
import { postgres } from "../../src/adapters/store/postgres/index.ts";
import type { NewOperation, OperationStore, Settlement } from "../../src/ports/operation-store.ts";
import type { Store } from "../../src/ports/store.ts";
import { attempt, answer, letter, operation } from "../../src/testing/store-conformance/samples.ts";
import { testDatabase, type TestDatabase } from "./server.ts";

const DAY = 86_400_000;

let database: TestDatabase;
let pool: Pool;
let store: Store;
let queue: OperationStore;
let schemas = 0;
let schema: string;

beforeAll(async () => {
  database = await testDatabase();
  pool = new Pool({ connectionString: database.url, max: 8 });
}, 60_000);

afterAll(async () => {
  await pool.end();
  await database.dispose();
});

beforeEach(async () => {
  schema = `days_${(schemas += 1)}`;
  store = await postgres(pool, { schema })();
  queue = store.operations as OperationStore;
});

afterEach(() => store.close());

const now = (): number => systemClock.now();
const LANE = { api: "crm", endpoint: "POST /contacts", partition: "" };

/** An operation whose id was made so many days ago. */
function ofDay(number: number, daysAgo: number, fields: Partial<NewOperation> = {}): NewOperation {
  const time = Math.trunc(now() - daysAgo * DAY)
    .toString(16)
    .padStart(12, "0");
  const id = `${time.slice(0, 8)}-${time.slice(8)}-7000-8000-${String(number).padStart(12, "0")}`;
  return operation(number, { id, acceptedAt: now(), dueAt: now(), ...fields });
}

/** The name of a day's partition. */
function partition(daysAgo: number, table = "operation"): string {
  return `${table}_${new Date(now() - daysAgo * DAY).toISOString().slice(0, 10).replaceAll("-", "")}`;
}

async function partitions(table = "operation"): Promise<string[]> {
  const { rows } = await pool.query<{ relname: string }>(
    `SELECT relname FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid WHERE inhparent = '${schema}.${table}'::regclass ORDER BY relname`,
  );
  return rows.map(({ relname }) => relname);
}

/** Makes the partition of a day that is long over, as if this store had been at work then. */
async function makeDay(daysAgo: number): Promise<void> {
  const day = Math.floor((now() - daysAgo * DAY) / DAY);
  for (const table of ["operation", "attempt", "answer"]) {
    await pool.query(
      `DO $$ BEGIN EXECUTE format('CREATE TABLE ${schema}.${partition(daysAgo, table)} PARTITION OF ${schema}.${table} FOR VALUES FROM (%L) TO (%L)',
         ${schema}.first_id_1(${day}), ${schema}.first_id_1(${day + 1})); END $$`,
    );
  }
}

async function rowsIn(table: string): Promise<number> {
  const { rows } = await pool.query<{ count: number }>(`SELECT count(*)::int4 AS count FROM ${schema}.${table}`);
  return (rows[0] as { count: number }).count;
}

async function tend(): Promise<number> {
  const { rows } = await pool.query<{ dropped: number }>(`SELECT ${schema}.tend_partitions_1(3) AS dropped`);
  return (rows[0] as { dropped: number }).dropped;
}

async function settleAll(outcome: (id: string) => Settlement["outcome"]): Promise<void> {
  const claimed = await queue.claim({ worker: "w", allowances: [{ ...LANE, max: 10_000 }], now: now() + 1_000, leaseUntil: now() + DAY });
  const settled = await queue.settle(
    claimed.map(({ operation: { id }, claim }) => ({ id, claim, now: now(), attempt: attempt(1), outcome: outcome(id) })),
  );
  expect(settled.every((result) => result === "applied")).toBe(true);
}

describe("partitions of days", () => {
  it("are there for today and three days ahead when a store is opened, and for what else there is the rest", async () => {
    expect(await partitions()).toEqual([...[0, -1, -2, -3].map((days) => partition(days)), "operation_rest"].sort());
    expect(await partitions("attempt")).toHaveLength(5);
    await queue.accept([ofDay(1, 0), ofDay(2, -1), ofDay(3, 400), ofDay(4, -400)]);
    expect(await Promise.all([partition(0), partition(-1), "operation_rest"].map(rowsIn))).toEqual([1, 1, 2]);
    expect(await queue.stats()).toMatchObject({ ready: 4 });
    expect((await store.check()).faults).toEqual([]);
  });

  it("go, whole, once their day is over and nothing in them is needed any more", async () => {
    await makeDay(3);
    await queue.accept([1, 2, 3].map((number) => ofDay(number, 3)));
    await settleAll(() => ({ state: "succeeded", keepUntil: now() - 1, answer: answer() }));
    expect(await queue.sweep(now(), 100)).toBe(3);
    expect(await rowsIn(partition(3))).toBe(3);
    expect(await queue.list({}, { limit: 9 })).toEqual({ items: [], next: null });
    expect((await store.check()).faults).toEqual([]);
    expect(await tend()).toBe(1);
    for (const table of ["operation", "attempt", "answer"]) expect(await partitions(table)).not.toContain(partition(3, table));
    expect((await store.check()).faults).toEqual([]);
  });

  it("leave what is still needed in the rest: work that has not ended, dead letters, answers that are kept", async () => {
    await makeDay(5);
    await queue.accept([1, 2, 3, 4, 5, 6].map((number) => ofDay(number, 5, { idempotencyKey: `key-${number}` })));
    const outcomes: Settlement["outcome"][] = [
      { state: "succeeded", keepUntil: now() + DAY, answer: answer() },
      { state: "parked", until: now() + 30 * DAY, because: { code: "backoff" }, delayMs: 5 },
      { state: "ready" },
      { state: "succeeded", keepUntil: now() - 1 },
    ];
    const ids = (await queue.list({}, { limit: 9 })).items.map(({ operation: { id } }) => id).reverse();
    await settleAll((id) => outcomes[ids.indexOf(id)] ?? { state: "dead", letter: letter(1, { id, diedAt: now() }) });
    expect(await queue.sweep(now(), 100)).toBe(1);
    const before = await Promise.all(ids.map((id) => queue.get(id)));
    expect(await tend()).toBe(1);
    expect(await partitions()).not.toContain(partition(5));
    expect(await Promise.all(ids.map((id) => queue.get(id)))).toEqual(before);
    // The attempt that was answered stands with its answer.
    expect([await rowsIn("operation_rest"), await rowsIn("answer_rest"), await rowsIn("attempt_rest")]).toEqual([5, 1, 4]);
    expect((await store.check()).faults).toEqual([]);

    // And from there they go row by row.
    await settleAll(() => ({ state: "succeeded", keepUntil: now() - 1 }));
    expect(await queue.sweep(now() + 2 * DAY, 100)).toBe(2);
    expect(await rowsIn("operation_rest")).toBe(3);
    expect(await queue.accept([ofDay(9, 0, { idempotencyKey: "key-1", fingerprint: "payload-1" })])).toMatchObject([{ state: "accepted" }]);
    expect((await store.check()).faults).toEqual([]);
  });

  it("stay while much in them is needed, and while their day is not long over", async () => {
    await makeDay(4);
    await makeDay(1);
    await queue.accept([ofDay(1, 1), ...Array.from({ length: 1_001 }, (_, number) => ofDay(number, 4, { dueAt: now() + DAY }))]);
    expect(await tend()).toBe(0);
    expect(await partitions()).toEqual(expect.arrayContaining([partition(4), partition(1)]));
    await queue.cancel([ofDay(1, 4).id], { code: "cancelled" }, now());
    expect(await tend()).toBe(0);
  });

  it("that somebody looks at stay for now, and nobody waits for long", async () => {
    await makeDay(3);
    const reader = await pool.connect();
    await reader.query(`BEGIN; SELECT count(*) FROM ${schema}.operation`);
    const started = systemClock.monotonic();
    expect(await tend()).toBe(0);
    expect(systemClock.monotonic() - started).toBeLessThan(2_000);
    expect(await partitions()).toContain(partition(3));
    await reader.query("COMMIT");
    reader.release();
    expect(await tend()).toBe(1);
  });

  it("of days from which ids came early lie in the rest, and nothing is amiss", async () => {
    await pool.query(`DROP TABLE ${schema}.${partition(-3)}`);
    await queue.accept([ofDay(1, -3)]);
    expect(await tend()).toBe(0);
    expect(await partitions()).not.toContain(partition(-3));
    await queue.accept([ofDay(2, -3)]);
    expect(await rowsIn("operation_rest")).toBe(2);
    expect((await store.check()).faults).toEqual([]);
  });

  it("come and go under load, from several processes at once, and nothing is lost or doubled", { timeout: 60_000 }, async () => {
    for (const daysAgo of [3, 4, 5, 6, 7, 8]) await makeDay(daysAgo);
    const running = new AbortController();
    const accepted: string[] = [];
    const settled: string[] = [];
    let number = 0;
    const producer = async (): Promise<void> => {
      while (!running.signal.aborted) {
        const batch = Array.from({ length: 5 }, () => ofDay((number += 1), number % 9));
        for (const { state, id } of await queue.accept(batch)) if (state === "accepted") accepted.push(id);
      }
    };
    const work = async (): Promise<number> => {
      const claimed = await queue.claim({ worker: "w", allowances: [{ ...LANE, max: 20 }], now: now() + 1_000, leaseUntil: now() + DAY });
      const results = await queue.settle(
        claimed.map(({ operation: { id }, claim }) => ({
          id,
          claim,
          now: now(),
          attempt: attempt(1),
          outcome: { state: "succeeded", keepUntil: now() + DAY },
        })),
      );
      for (const [index, result] of results.entries()) if (result === "applied") settled.push(claimed[index]?.operation.id as string);
      return claimed.length;
    };
    const worker = async (): Promise<void> => {
      while (!running.signal.aborted) await work();
    };
    const everybody = [producer(), producer(), worker(), worker()];
    let dropped = 0;
    for (let round = 0; dropped < 6 && round < 100; round += 1) {
      dropped += (await Promise.all([tend(), tend()])).reduce((sum, count) => sum + count, 0);
      await new Promise((resolve) => setImmediate(resolve));
    }
    running.abort();
    await Promise.all(everybody);
    while ((await work()) > 0);
    expect(dropped).toBe(6);
    expect(accepted.length).toBeGreaterThan(0);
    expect(settled.toSorted()).toEqual(accepted.toSorted());
    expect(await queue.stats()).toMatchObject({ ready: 0, leased: 0, succeeded: accepted.length });
    expect((await store.check()).faults).toEqual([]);
  });

  it("are seen to by roles that may not make them", async () => {
    await pool.query(
      `CREATE ROLE holdfast_days LOGIN PASSWORD 'secret'; GRANT USAGE ON SCHEMA ${schema} TO holdfast_days;
       GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ${schema} TO holdfast_days; GRANT USAGE ON ALL SEQUENCES IN SCHEMA ${schema} TO holdfast_days`,
    );
    await makeDay(3);
    await pool.query(`DROP TABLE ${schema}.${partition(-2)}, ${schema}.${partition(-2, "attempt")}, ${schema}.${partition(-2, "answer")}`);
    const own = new Pool({
      connectionString: Object.assign(new URL(database.url), { username: "holdfast_days", password: "secret" }).href,
      max: 2,
    });
    const worker = await postgres(own, { schema, migrate: false })();
    expect(await partitions()).toEqual([...[0, -1, -2, -3].map((days) => partition(days)), "operation_rest"].sort());
    queue = worker.operations as OperationStore;
    await queue.accept([ofDay(1, 0, { idempotencyKey: "k" }), ofDay(2, 99)]);
    await settleAll((id) => ({ state: "dead", letter: letter(1, { id }) }));
    await worker.deadLetters.change(
      [1, 2].map((day) => ({ id: ofDay(day, day === 1 ? 0 : 99).id, revision: 1, state: "discarded", now: now() })),
    );
    await worker.deadLetters.sweep(now(), 9);
    await queue.sweep(now(), 9);
    expect((await worker.check()).faults).toEqual([]);
    await worker.close();
    await own.end();
    await pool.query("DROP OWNED BY holdfast_days; DROP ROLE holdfast_days");
  });
});

describe("an id that was swept", () => {
  it("may come again, although its old row still lies with its day", async () => {
    const given = ofDay(1, 0, { idempotencyKey: "key-1" });
    await queue.accept([given]);
    await settleAll(() => ({ state: "succeeded", keepUntil: now() - 1, answer: answer() }));
    await queue.sweep(now(), 9);
    expect(await queue.get(given.id)).toBeUndefined();
    expect(await queue.cancel([given.id], { code: "cancelled" }, now())).toEqual(["missing"]);
    expect(await rowsIn(partition(0))).toBe(1);
    const again = { ...given, priority: 7, dueAt: given.acceptedAt };
    expect(await queue.accept([again, ofDay(2, 0)])).toMatchObject([{ state: "accepted", id: given.id }, { state: "accepted" }]);
    expect(await queue.get(given.id)).toMatchObject({ operation: again, state: "ready", attempts: [], claim: 0 });
    expect((await store.check()).faults).toEqual([]);
  });
});
