import { sql as drizzleSql } from "drizzle-orm";
import { drizzle as drizzlePg } from "drizzle-orm/node-postgres";
import { drizzle as drizzlePostgresJs } from "drizzle-orm/postgres-js";
import { Kysely, PostgresDialect } from "kysely";
import { Pool } from "pg";
import postgresJs from "postgres";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { postgres, transactionAdapter } from "../../src/adapters/store/postgres/index.ts";
import type { OperationStore } from "../../src/ports/operation-store.ts";
import type { Store } from "../../src/ports/store.ts";
import { createHoldfast, type Holdfast } from "../../src/client/holdfast.ts";
import { flakyApi, type FlakyApi } from "../../src/testing/flaky-api/flaky-api.ts";
import { operation } from "../../src/testing/store-conformance/samples.ts";
import { testDatabase, type TestDatabase } from "./server.ts";

let database: TestDatabase;
let pool: Pool;
let sql: ReturnType<typeof postgresJs>;
let store: Store;
let queue: OperationStore;
let api: FlakyApi;
let hf: Holdfast<"shop">;

beforeAll(async () => {
  database = await testDatabase();
  pool = new Pool({ connectionString: database.url, max: 4 });
  sql = postgresJs(database.url, { max: 4, onnotice: () => {} });
  await pool.query("CREATE TABLE orders (number int4 PRIMARY KEY)");
  store = await postgres(pool)();
  queue = store.operations as OperationStore;
  api = await flakyApi({ endpoints: { "POST /confirmations": { subject: "body.order" } } });
  hf = await createHoldfast({
    store: postgres(pool, { schema: "door" }),
    apis: { shop: { baseUrl: api.url } },
    worker: { pollEvery: "50ms" },
  });
}, 60_000);

afterAll(async () => {
  await hf.close();
  await api.close();
  await store.close();
  await sql.end();
  await pool.end();
  await database.dispose();
});

const undo = new Error("the order was not taken after all");

/** Runs work in a transaction of some client, which ends as `commits` says; the work inserts an order of that number. */
type InTransaction = (number: number, commits: boolean, work: (tx: unknown) => Promise<void>) => Promise<void>;

const clients: Readonly<Record<string, InTransaction>> = {
  "a client of a pg pool": async (number, commits, work) => {
    const client = await pool.connect();
    try {
      await client.query("BEGIN");
      await client.query("INSERT INTO orders VALUES ($1)", [number]);
      await work(client);
      await client.query(commits ? "COMMIT" : "ROLLBACK");
    } finally {
      client.release();
    }
    if (!commits) throw undo;
  },
  "postgres.js": async (number, commits, work) => {
    await sql.begin(async (tx) => {
      await tx`INSERT INTO orders VALUES (${number})`;
      await work(tx);
      if (!commits) throw undo;
    });
  },
  "Drizzle on pg": async (number, commits, work) => {
    await drizzlePg(pool).transaction(async (tx) => {
      await tx.execute(drizzleSql`INSERT INTO orders VALUES (${number})`);
      await work(tx);
      if (!commits) throw undo;
    });
  },
  "Drizzle on postgres.js": async (number, commits, work) => {
    await drizzlePostgresJs(sql).transaction(async (tx) => {
      await tx.execute(drizzleSql`INSERT INTO orders VALUES (${number})`);
      await work(tx);
      if (!commits) throw undo;
    });
  },
  Kysely: async (number, commits, work) => {
    const kysely = new Kysely<{ orders: { number: number } }>({ dialect: new PostgresDialect({ pool }) });
    await kysely.transaction().execute(async (tx) => {
      await tx.insertInto("orders").values({ number }).execute();
      await work(tx);
      if (!commits) throw undo;
    });
  },
  // Prisma needs an engine and a generated client; this has the shape of the one that $transaction() gives.
  "the shape of Prisma's transactions": async (number, commits, work) => {
    const client = await pool.connect();
    const tx = {
      $queryRawUnsafe: async (text: string, ...values: unknown[]) => (await client.query(text, values)).rows as unknown[],
      $executeRawUnsafe: async (text: string, ...values: unknown[]) => (await client.query(text, values)).rowCount,
    };
    try {
      await client.query("BEGIN");
      await tx.$executeRawUnsafe("INSERT INTO orders VALUES ($1)", number);
      await work(tx);
      await client.query(commits ? "COMMIT" : "ROLLBACK");
    } finally {
      client.release();
    }
    if (!commits) throw undo;
  },
};

let last = 0;

describe.each(Object.entries(clients))("an operation that is accepted in a transaction of %s", (_name, inTransaction) => {
  it("is there with what else the transaction wrote, and not before it commits", async () => {
    const [first, second] = [(last += 1), (last += 1)];
    await inTransaction(first, true, async (tx) => {
      const given = [
        operation(first, { labels: { order: String(first) }, api: `api of ${first}` }),
        operation(second, { idempotencyKey: `key-${second}` }),
      ];
      expect(await queue.acceptIn?.(tx, given)).toEqual(given.map(({ id }) => ({ state: "accepted", id })));
      expect(await queue.get(operation(first).id)).toBeUndefined();
    });
    expect((await queue.get(operation(first).id))?.operation.labels).toEqual({ order: String(first) });
    const [claimed] = await queue.claim({
      worker: "w",
      allowances: [{ api: `api of ${first}`, endpoint: "POST /contacts", partition: "", max: 9 }],
      now: Number.MAX_SAFE_INTEGER / 4,
      leaseUntil: Number.MAX_SAFE_INTEGER / 2,
    });
    expect(claimed?.operation.id).toBe(operation(first).id);
    expect((await pool.query("SELECT FROM orders WHERE number = $1", [first])).rowCount).toBe(1);
  });

  it("is not there, and its key is free, when the transaction does not commit", async () => {
    const number = (last += 1);
    const given = operation(number, { idempotencyKey: `key-${number}`, api: `api of ${number}` });
    await expect(inTransaction(number, false, async (tx) => void (await queue.acceptIn?.(tx, [given])))).rejects.toBe(undo);
    expect(await queue.get(given.id)).toBeUndefined();
    expect((await pool.query("SELECT FROM orders WHERE number = $1", [number])).rowCount).toBe(0);
    expect(await queue.accept([given])).toEqual([{ state: "accepted", id: given.id }]);
    expect((await store.check()).faults).toEqual([]);
  });

  it("runs once when hf.enqueue() was given a transaction that commits, and never when it does not", async () => {
    const enqueue = async (number: number, tx: unknown): Promise<string> => {
      const { id, known } = await hf.enqueue("shop", "POST /confirmations", {
        json: { order: number },
        key: [number],
        ...{ tx: tx as object },
      });
      expect(known).toBe(false);
      return id;
    };
    const [kept, dropped] = [(last += 1), (last += 1)];
    const ids: string[] = [];
    await expect(inTransaction(dropped, false, async (tx) => void ids.push(await enqueue(dropped, tx)))).rejects.toBe(undo);
    await inTransaction(kept, true, async (tx) => {
      ids.push(await enqueue(kept, tx));
      await expect(hf.operations.get(ids[1] as string), "before the commit nobody sees it").rejects.toMatchObject({ code: "not-found" });
    });
    expect((await hf.operations.result(ids[1] as string)).status).toBe(201);
    await expect(hf.operations.get(ids[0] as string)).rejects.toMatchObject({ code: "not-found" });
    expect(api.ledger.effects().get(String(kept))).toBe(1);
    expect(api.ledger.attempts().get(String(dropped))).toBeUndefined();
  });

  it("is known when its key or its id is", async () => {
    const number = (last += 1);
    const keyed = { idempotencyKey: `key-${number}`, fingerprint: "payload" };
    await queue.accept([operation(number, keyed)]);
    await inTransaction((last += 1), true, async (tx) => {
      expect(
        await queue.acceptIn?.(tx, [
          operation((last += 1), keyed),
          operation((last += 1), { ...keyed, fingerprint: "other" }),
          operation(number),
        ]),
      ).toEqual([
        { state: "known", id: operation(number).id },
        { state: "mismatch", id: operation(number).id },
        { state: "known", id: operation(number).id },
      ]);
    });
  });
});

describe("what is no transaction", () => {
  const expectRefusal = (tx: unknown, why: RegExp): void => {
    expect(() => transactionAdapter(tx)).toThrow(
      expect.objectContaining({ code: "config", path: "enqueue.tx", message: expect.stringMatching(why) as string }) as Error,
    );
  };

  it("is refused, and what to give instead is said", async () => {
    expectRefusal(pool, /it is a Pool.*pool\.connect\(\)/);
    expectRefusal(sql, /it is the pool of postgres\.js.*begin\(\)/);
    expectRefusal(drizzlePg(pool), /it is a database of Drizzle.*transaction\(\)/);
    expectRefusal(drizzlePostgresJs(sql), /it is a database of Drizzle.*transaction\(\)/);
    expectRefusal(new Kysely({ dialect: new PostgresDialect({ pool }) }), /a Kysely that is not a transaction/);
    expectRefusal({ $queryRawUnsafe: () => [], $transaction: () => {} }, /it is a client of Prisma/);
    for (const other of [undefined, null, "tx", 1, {}, () => {}]) expectRefusal(other, /it is not a transaction of pg, postgres\.js/);
    const client = await pool.connect();
    expectRefusal(client, /no transaction is open on this client; send BEGIN first/);
    client.release();
  });

  it("is told from one that is open", async () => {
    const client = await pool.connect();
    await client.query("BEGIN");
    expect(await transactionAdapter(client).query("SELECT $1::text AS one", ["1"])).toEqual([{ one: "1" }]);
    await client.query("ROLLBACK");
    client.release();
    await sql.begin(async (tx) => {
      expect(await transactionAdapter(tx).query("SELECT $1::text AS one", ["1"])).toEqual([{ one: "1" }]);
    });
  });
});

describe("hf.enqueue() with a transaction", () => {
  it("refuses one for a store whose database is nobody else's, and what is no transaction", async () => {
    const own = await createHoldfast({ apis: { shop: { baseUrl: api.url } } });
    await expect(own.enqueue("shop", "POST /confirmations", { tx: pool })).rejects.toMatchObject({
      code: "config",
      path: "enqueue.tx",
      message: expect.stringContaining("the store memory is nobody else's") as string,
    });
    await expect(own.enqueue("shop", "POST /confirmations", { tx: "BEGIN" as unknown as object })).rejects.toMatchObject({
      code: "config",
      path: "enqueue.tx",
    });
    await own.close();
    await expect(hf.enqueue("shop", "POST /confirmations", { tx: pool })).rejects.toMatchObject({ code: "config", path: "enqueue.tx" });
  });
});

describe("a transaction that is broken", () => {
  it("is told as a StoreError, with nothing done", async () => {
    const client = await pool.connect();
    await client.query("BEGIN");
    await client.query("SELECT 1 / 0").catch(() => {});
    await expect(queue.acceptIn?.(client, [operation((last += 1))])).rejects.toMatchObject({
      code: "store",
      effect: "none",
      message: expect.stringMatching(/^the PostgreSQL store cannot keep operations in this transaction: .*aborted/) as string,
    });
    await client.query("ROLLBACK");
    client.release();
  });
});
