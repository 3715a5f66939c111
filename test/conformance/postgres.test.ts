import { Pool } from "pg";
import { afterAll, beforeAll, describe, it } from "vitest";
import { storeConformance } from "../../src/testing/store-conformance.ts";
import { testDatabase, type TestDatabase } from "../postgres/server.ts";
import { postgresCapabilities as capabilities, postgresSubject } from "../postgres/subject.ts";

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

// Side by side, because most of a test is waiting for connections and commits.
for (const kind of ["pg", "postgres.js"] as const) {
  storeConformance({
    name: `postgres through ${kind}`,
    create: () => postgresSubject(kind, database.url, admin),
    capabilities,
    describe,
    it: it.concurrent,
  });
}
