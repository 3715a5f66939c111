import { Client, Pool } from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { storeConformance } from "../../src/testing/store-conformance.ts";
import { poolerTo, type Pooler } from "../postgres/pooler.ts";
import { testDatabase, type TestDatabase } from "../postgres/server.ts";
import { postgresCapabilities as capabilities, postgresSubject } from "../postgres/subject.ts";

let database: TestDatabase;
let admin: Pool;
let pooler: Pooler;

beforeAll(async () => {
  database = await testDatabase();
  admin = new Pool({ connectionString: database.url, max: 2 });
  pooler = await poolerTo(database.url);
}, 60_000);

afterAll(async () => {
  await pooler.close();
  await admin.end();
  await database.dispose();
});

// Side by side, because most of a test is waiting for connections and commits.
for (const kind of ["pg", "postgres.js"] as const) {
  storeConformance({
    name: `postgres through ${kind} and a pooler in transaction mode`,
    create: () => postgresSubject(kind, pooler.url, admin),
    capabilities,
    describe,
    it: it.concurrent,
  });
}

describe("the pooler of this test", () => {
  it("did move clients from one connection to another, and could keep no prepared statement", async () => {
    expect(pooler.moved()).toBeGreaterThan(100);
    const client = new Client({ connectionString: pooler.url });
    const others = new Pool({ connectionString: pooler.url, max: 3 });
    await client.connect();
    await Promise.all(Array.from({ length: 6 }, () => others.query("SELECT 1")));
    const ask = (): Promise<unknown> => client.query({ name: "kept", text: "SELECT 1" });
    await expect(
      (async () => {
        for (let tries = 0; tries < 20; tries += 1) await ask();
      })(),
    ).rejects.toMatchObject({ code: "26000" });
    await client.end();
    await others.end();
  });
});
