import { Client, Pool } from "pg";
import postgresJs from "postgres";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { systemClock } from "../../src/adapters/clock/system.ts";
import { postgres, type PostgresClient, type PostgresOptions } from "../../src/adapters/store/postgres/index.ts";
import { claimOne, queueOf, settlement } from "../../src/testing/store-conformance/operations/steps.ts";
import { answer, attempt, beginRequest, letter, MINUTE, operation } from "../../src/testing/store-conformance/samples.ts";
import { testDatabase, type TestDatabase } from "./server.ts";

let database: TestDatabase;
let admin: Pool;

beforeAll(async () => {
  database = await testDatabase();
  admin = new Pool({ connectionString: database.url, max: 8 });
}, 60_000);

afterAll(async () => {
  await admin.end();
  await database.dispose();
});

/** A pool that comes as a role of its own. */
async function poolAs(role: string, grants: string): Promise<Pool> {
  await admin.query(`DROP ROLE IF EXISTS ${role}; CREATE ROLE ${role} LOGIN PASSWORD 'secret'; ${grants}`);
  return new Pool({ connectionString: Object.assign(new URL(database.url), { username: role, password: "secret" }).href, max: 2 });
}

async function dropRole(role: string): Promise<void> {
  await admin.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
}

const version = async (schema: string): Promise<number> =>
  ((await admin.query(`SELECT max(number)::int4 AS version FROM ${schema}.migration`)).rows[0] as { version: number }).version;

describe("what postgres() is given", () => {
  it("is a pool: a single client of pg, and anything else, is refused with what to give instead", () => {
    for (const client of [new Client(), {}, undefined, "postgres://localhost", () => {}]) {
      expect(() => postgres(client as unknown as PostgresClient)).toThrow(
        expect.objectContaining({
          code: "config",
          path: "postgres.client",
          message: expect.stringContaining("takes a Pool of pg") as string,
        }) as Error,
      );
    }
  });

  it("takes the pools of both clients as their own types have them", async () => {
    const sql = postgresJs(database.url);
    expect(postgres(admin)).toBeTypeOf("function");
    expect(postgres(sql)).toBeTypeOf("function");
    await sql.end();
  });

  it.each([
    [{ schema: "Holdfast" }, "postgres.schema"],
    [{ schema: "pg_holdfast" }, "postgres.schema"],
    [{ schema: 'x"; DROP SCHEMA public; --' }, "postgres.schema"],
    [{ listTimeout: "soon" as "1s" }, "postgres.listTimeout"],
    [{ pool: 3 } as PostgresOptions, "postgres.pool"],
  ] as const)("is refused with %o", (options, path) => {
    expect(() => postgres(admin, options)).toThrow(expect.objectContaining({ code: "config", path }) as Error);
  });
});

describe("opening", () => {
  it("finds the history of operations that were settled before the last attempt stood with its answer", async () => {
    const open = postgres(admin, { schema: "earlier" });
    let store = await open();
    const queue = queueOf(store);
    await queue.accept([operation(1)]);
    const settled = settlement(await claimOne(queue), { state: "succeeded", keepUntil: 1e15, answer: answer() });
    await queue.settle([{ ...settled, attempt: attempt(1) }]);
    const before = await queue.get(operation(1).id);
    expect(before?.attempts).toHaveLength(1);
    await store.close();
    // As the migrations before the sixth left it.
    await admin.query(`INSERT INTO earlier.attempt (id, claim, record) SELECT id, claim, record FROM earlier.answer;
      ALTER TABLE earlier.answer DROP COLUMN claim, DROP COLUMN record; DELETE FROM earlier.migration WHERE number >= 6`);
    store = await open();
    expect(await queueOf(store).get(operation(1).id)).toEqual(before);
    await store.close();
  });

  it("makes the schema, and a second opening changes nothing", async () => {
    await (await postgres(admin)()).close();
    const first = await admin.query("SELECT * FROM holdfast.migration");
    await (await postgres(admin)()).close();
    expect((await admin.query("SELECT * FROM holdfast.migration")).rows).toEqual(first.rows);
  });

  it("may be done by many at once on an empty database", { timeout: 30_000 }, async () => {
    const pools = Array.from({ length: 6 }, () => new Pool({ connectionString: database.url, max: 1 }));
    const stores = await Promise.all(pools.map((pool) => postgres(pool, { schema: "crowded" })()));
    expect(
      await Promise.all(stores.map(({ idempotency }, index) => idempotency.begin([beginRequest({ key: `key-${index}` })]))),
    ).toHaveLength(6);
    for (const store of stores) await store.close();
    for (const pool of pools) await pool.end();
    expect(await version("crowded")).toBe(Number((await admin.query("SELECT count(*) FROM crowded.migration")).rows[0].count));
  });

  it("leaves a schema alone that is ahead of the code, and says what to do", async () => {
    await (await postgres(admin, { schema: "ahead" })()).close();
    await admin.query("INSERT INTO ahead.migration (number, name) VALUES (999, '0999-from-the-future.sql')");
    await expect(postgres(admin, { schema: "ahead" })()).rejects.toMatchObject({
      code: "store",
      message: expect.stringMatching(/its schema ahead is version 999 and this release of holdfast knows \d+; update holdfast/) as string,
    });
  });

  it("keeps stores in two schemas of one database apart, also through one pool", async () => {
    const [left, right] = await Promise.all(["left_one", "right_one"].map((schema) => postgres(admin, { schema })()));
    for (let round = 0; round < 8; round += 1) {
      await left?.idempotency.begin([beginRequest({ key: `key-${round}` })]);
      expect(await right?.idempotency.begin([beginRequest({ key: `key-${round}`, fingerprint: "other" })])).toEqual([
        { state: "claimed", earlier: "none" },
      ]);
    }
    await left?.close();
    await right?.close();
  });

  it("leaves the pool to its owner", async () => {
    const pool = new Pool({ connectionString: database.url, max: 1 });
    await (await postgres(pool)()).close();
    expect((await pool.query("SELECT 1 AS one")).rows).toEqual([{ one: 1 }]);
    expect(pool.listenerCount("error")).toBe(0);
    await pool.end();
  });

  it("works for a role that may create nothing once the schema is there, and is refused with migrate: false before", async () => {
    const pool = await poolAs("holdfast_worker", "");
    const open = postgres(pool, { schema: "granted", migrate: false });
    await expect(open()).rejects.toMatchObject({
      code: "store",
      message: expect.stringMatching(/schema granted is version 0 .* wants \d+, and the option migrate is off/) as string,
    });
    await expect(postgres(pool, { schema: "granted" })()).rejects.toMatchObject({ code: "store", sqlState: "42501", effect: "none" });
    await (await postgres(admin, { schema: "granted" })()).close();
    await admin.query(
      `GRANT USAGE ON SCHEMA granted TO holdfast_worker;
       GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA granted TO holdfast_worker;
       GRANT USAGE ON ALL SEQUENCES IN SCHEMA granted TO holdfast_worker`,
    );
    for (const migrate of [false, true]) {
      const store = await postgres(pool, { schema: "granted", migrate })();
      await store.idempotency.begin([beginRequest({ key: `key-${migrate}` })]);
      await store.deadLetters.add([letter(1)]);
      expect((await store.check()).faults).toEqual([]);
      await store.close();
    }
    await pool.end();
    await dropRole("holdfast_worker");
  });

  it("refuses a role whose commits would not be durable", async () => {
    const pool = await poolAs("holdfast_hasty", "ALTER ROLE holdfast_hasty SET synchronous_commit = off");
    await expect(postgres(pool)()).rejects.toMatchObject({
      code: "store",
      message: expect.stringContaining(
        "synchronous_commit is off for this role or database, so that a commit would not be durable",
      ) as string,
    });
    await pool.end();
    await dropRole("holdfast_hasty");
  });

  it("refuses a database that cannot hold every text", async () => {
    const name = `${new URL(database.url).pathname.slice(1)}_latin`;
    await admin.query(`CREATE DATABASE ${name} ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0`);
    const pool = new Pool({ connectionString: Object.assign(new URL(database.url), { pathname: `/${name}` }).href });
    await expect(postgres(pool)()).rejects.toMatchObject({ message: expect.stringContaining("encoding is LATIN1") as string });
    await pool.end();
    await admin.query(`DROP DATABASE ${name}`);
  });
});

describe("two processes whose clocks differ by an hour", () => {
  it("agree about leases: instants are moved to the database's time and back", async () => {
    const ahead = { ...systemClock, now: () => systemClock.now() + 60 * MINUTE };
    const [right, wrong] = await Promise.all([systemClock, ahead].map((clock) => postgres(admin, { schema: "skewed", clock })()));
    if (!right || !wrong) throw new Error("two stores");
    const now = systemClock.now();
    await right.idempotency.begin([beginRequest({ now, leaseUntil: now + MINUTE })]);
    const [seen] = await wrong.idempotency.begin([beginRequest({ token: "token-2", now: ahead.now(), leaseUntil: ahead.now() + MINUTE })]);
    expect(seen?.state).toBe("running");
    expect(Math.abs((seen as { leaseUntil: number }).leaseUntil - (now + 61 * MINUTE))).toBeLessThan(2_000);
    await wrong.idempotency.begin([beginRequest({ key: "key-2", now: ahead.now(), leaseUntil: ahead.now() + MINUTE })]);
    const later = { key: "key-2", token: "token-2", now: now + 2 * MINUTE, leaseUntil: now + 3 * MINUTE };
    expect(await right.idempotency.begin([beginRequest({ ...later, now })])).toMatchObject([{ state: "running" }]);
    expect(await right.idempotency.begin([beginRequest(later)])).toEqual([{ state: "claimed", earlier: "unknown" }]);

    await wrong.deadLetters.add([letter(1, { diedAt: ahead.now() })]);
    await right.deadLetters.add([letter(2, { diedAt: systemClock.now() + 5_000 })]);
    expect((await right.deadLetters.list({}, { limit: 9 })).items.map(({ id }) => id)).toEqual([letter(2).id, letter(1).id]);
    expect((await wrong.check()).facts["clockOffsetMs"]).toBeLessThan(-59 * MINUTE);
    await right.close();
    await wrong.close();
  });
});
