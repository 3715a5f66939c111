import { Pool } from "pg";
import postgresJs from "postgres";
import { postgres, type PostgresClient, type PostgresOptions } from "../../src/adapters/store/postgres/index.ts";
import type { StoreConformanceOptions, StoreUnderTest } from "../../src/testing/store-conformance.ts";

/** A client of either kind, and its end. */
export interface Client {
  readonly client: PostgresClient;
  readonly end: () => Promise<void>;
}

export type ClientKind = "pg" | "postgres.js";

export function connect(kind: ClientKind, url: string, max = 4): Client {
  if (kind === "pg") {
    const pool = new Pool({ connectionString: url, max, application_name: "holdfast" });
    // As everybody who has a pool: a connection that breaks while nobody uses it is no reason to end the process.
    pool.on("error", () => {});
    return { client: pool, end: () => pool.end() };
  }
  // Array types need not be fetched: all parameters are texts.
  const sql = postgresJs(url, { max, fetch_types: false, onnotice: () => {}, connection: { application_name: "holdfast" } });
  return { client: sql, end: () => sql.end({ timeout: 1 }) };
}

/** Schemas that were used and emptied: emptying one takes a tenth of the time of making one. */
const free: string[] = [];
let schemas = 0;

/** A store in an empty schema. `admin` is a pool on the same database. */
export function postgresSubject(kind: ClientKind, url: string, admin: Pool, options: PostgresOptions = {}): StoreUnderTest {
  const schema = free.pop() ?? `test_${(schemas += 1)}`;
  const first = connect(kind, url);
  const clients = [first];
  return {
    open: postgres(first.client, { ...options, schema }),
    // Every process that was at work is gone, and what it had not committed with it; another comes.
    afterCrash: async () => {
      const successor = connect(kind, url);
      clients.push(successor);
      return postgres(successor.client, { ...options, schema });
    },
    dispose: async () => {
      for (const { end } of clients) await end();
      await emptySchema(admin, schema);
      free.push(schema);
    },
  };
}

/** Deletes every row but those of the migrations. */
export async function emptySchema(admin: Pool, schema: string): Promise<void> {
  await admin.query(`DO $$ DECLARE name regclass; BEGIN
    FOR name IN SELECT oid::regclass FROM pg_class
      WHERE relnamespace = '${schema}'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition AND relname <> 'migration'
    LOOP EXECUTE 'DELETE FROM ' || name; END LOOP;
  END $$`);
}

/** What the backend claims to do. */
export const postgresCapabilities: NonNullable<StoreConformanceOptions["capabilities"]> = {
  shared: true,
  persistent: true,
  crash: true,
  coordinator: true,
  watermarks: true,
  steps: true,
  inbox: true,
  documents: true,
};
