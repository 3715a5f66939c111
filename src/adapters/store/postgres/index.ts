/**
 * `holdfast/postgres`: everything in a PostgreSQL database, shared by any number of processes. The client is handed in: the
 * `Pool` of `pg`, or postgres.js. What is between the two and the store (`Driver`) is withheld: it may change with either.
 */
import { ConfigError } from "../../../core/errors.ts";
import { durationMs, type Duration } from "../../../core/duration.ts";
import type { Clock } from "../../../ports/clock.ts";
import type { Store, StoreFactory } from "../../../ports/store.ts";
import { systemClock } from "../../clock/system.ts";
import { withNotice, WorkNotice } from "../work-notice.ts";
import { Database } from "./database.ts";
import { deadLetters } from "./dead-letters.ts";
import { driverOf, type PostgresClient } from "./driver.ts";
import { guard } from "./guard.ts";
import { health } from "./health.ts";
import { idempotency } from "./idempotency.ts";
import { migrate } from "./migrate.ts";
import { operations } from "./operations/index.ts";

export { PostgresStoreError } from "./fault.ts";

export type { PostgresClient } from "./driver.ts";
export type { PgPool, PgPoolClient, PgQuery, PgQueryable } from "./driver-pg.ts";
export type { PostgresJs, PostgresJsQueryable } from "./driver-postgres-js.ts";

export interface PostgresOptions {
  /**
   * The schema that holds the tables; it is made if there is none. Lower-case letters, digits and underscores.
   *
   * @default "holdfast"
   */
  readonly schema?: string;
  /**
   * Whether opening may make the schema and bring it up to date. Without it, one that is behind is refused: for roles that
   * may not create anything.
   *
   * @default true
   */
  readonly migrate?: boolean;
  /**
   * Whether statements are prepared by name, which saves their planning. Behind a pooler that cannot keep them this is
   * noticed, and switches itself off.
   *
   * @default true
   */
  readonly prepare?: boolean;
  /**
   * How long the database may work on one listing before it is ended.
   *
   * @default "10s"
   */
  readonly listTimeout?: Duration;
  /** The clock whose instants are given with the verbs; its difference from the database's is measured. @default the machine's */
  readonly clock?: Clock;
}

const DEFAULTS = {
  schema: "holdfast",
  migrate: true,
  prepare: true,
  listTimeout: "10s",
  clock: systemClock,
} as const satisfies Required<PostgresOptions>;

/**
 * Keeps everything in a PostgreSQL database (14 or later), in a schema of its own. A promise that resolves means that the
 * transaction is committed. The client stays the user's: `close()` of the store lets go of it and does not end it.
 *
 * Works through PgBouncer in transaction mode: nothing is kept in a session.
 *
 * @example
 * ```ts no-run
 * import { Pool } from "pg";
 * import { createHoldfast } from "holdfast";
 * import { postgres } from "holdfast/postgres";
 *
 * const pool = new Pool({ connectionString: process.env["DATABASE_URL"], max: 10 });
 * const hf = await createHoldfast({ store: postgres(pool) });
 * await hf.close();
 * await pool.end();
 * ```
 */
export function postgres(client: PostgresClient, options: PostgresOptions = {}): StoreFactory {
  for (const name of Object.keys(options)) {
    if (!Object.hasOwn(DEFAULTS, name)) {
      throw new ConfigError({
        path: `postgres.${name}`,
        message: `postgres() has no option ${JSON.stringify(name)}; it has ${Object.keys(DEFAULTS).join(", ")}`,
      });
    }
  }
  const { schema, prepare, listTimeout, clock, migrate: allowed } = { ...DEFAULTS, ...options };
  if (!/^[a-z_][a-z0-9_]{0,47}$/.test(schema) || schema.startsWith("pg_")) {
    throw new ConfigError({
      path: "postgres.schema",
      message: `postgres.schema is ${JSON.stringify(schema)}; give up to 48 lower-case letters, digits and underscores, not beginning with a digit or "pg_"`,
    });
  }
  const listTimeoutMs = durationMs(listTimeout, "postgres.listTimeout");
  driverOf(client).detach();

  return async (): Promise<Store> => {
    const driver = driverOf(client);
    const database = new Database(driver, { clock, prepare, listTimeoutMs });
    try {
      await migrate(database, { schema, allowed });
      await database.time.measure();
    } catch (error) {
      driver.detach();
      throw error;
    }
    const { over, close } = guard(database.time);
    let closing: Promise<void> | undefined;
    return {
      name: "postgres",
      idempotency: over(idempotency(database, schema)),
      deadLetters: over(deadLetters(database, schema)),
      operations: withNotice(over(operations(database, schema)), new WorkNotice()),
      check: over(health(database, schema)).check,
      close: () => (closing ??= close().then(() => driver.detach())),
    };
  };
}
