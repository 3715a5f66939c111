import { Pool } from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { postgres } from "../../src/adapters/store/postgres/index.ts";
import { LANE, queueOf } from "../../src/testing/store-conformance/operations/steps.ts";
import { operation, T0 } from "../../src/testing/store-conformance/samples.ts";
import { testDatabase, type TestDatabase } from "./server.ts";

let database: TestDatabase;
let admin: Pool;

beforeAll(async () => {
  database = await testDatabase();
  admin = new Pool({ connectionString: database.url, max: 2 });
}, 60_000);

afterAll(async () => {
  await admin.end();
  await database.dispose();
});

/** How often the table of ready work was vacuumed by somebody's command. */
async function vacuums(schema: string): Promise<number> {
  const { rows } = await admin.query<{ count: number }>(
    "SELECT vacuum_count::int4 AS count FROM pg_stat_user_tables WHERE schemaname = $1 AND relname = 'ready'",
    [schema],
  );
  return rows[0]?.count ?? 0;
}

/** Opens the store as somebody, claims so many, and closes it. */
async function claimAs(pool: Pool, schema: string, first: number, count: number): Promise<void> {
  const store = await postgres(pool, { schema })();
  const queue = queueOf(store);
  await queue.accept(Array.from({ length: count }, (_, index) => operation(first + index)));
  const claimed = await queue.claim({ worker: "w", allowances: [{ ...LANE, max: count }], now: T0 + 1, leaseUntil: T0 + 60_000 });
  expect(claimed).toHaveLength(count);
  await store.close();
}

describe("what claims leave behind in the index of ready work", () => {
  it("is taken away after some thousands of them, and not before", async () => {
    await claimAs(admin, "cleaned", 0, 500);
    expect(await vacuums("cleaned")).toBe(0);
    await claimAs(admin, "cleaned", 500, 4_000);
    expect(await vacuums("cleaned")).toBe(1);
  });

  it("is left to autovacuum where the role does not own the table, without a warning of the server", async () => {
    await (await postgres(admin, { schema: "foreign_rows" })()).close();
    const role = "holdfast_rows_only";
    await admin.query(`DROP ROLE IF EXISTS ${role}; CREATE ROLE ${role} LOGIN PASSWORD 'secret';
      GRANT USAGE ON SCHEMA foreign_rows TO ${role}; GRANT ALL ON ALL TABLES IN SCHEMA foreign_rows TO ${role};
      GRANT ALL ON ALL SEQUENCES IN SCHEMA foreign_rows TO ${role}`);
    const pool = new Pool({
      connectionString: Object.assign(new URL(database.url), { username: role, password: "secret" }).href,
      max: 2,
    });
    const warnings: unknown[] = [];
    pool.on("connect", (client) => void client.on("notice", (notice) => warnings.push(notice.message)));
    await claimAs(pool, "foreign_rows", 0, 4_000);
    await pool.end();
    await admin.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
    expect(await vacuums("foreign_rows")).toBe(0);
    expect(warnings).toEqual([]);
  });
});
