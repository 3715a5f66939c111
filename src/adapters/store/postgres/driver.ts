import { ConfigError } from "../../../core/errors.ts";
import { isPgPool, pgDriver, type PgPool } from "./driver-pg.ts";
import { isPostgresJs, postgresJsDriver, type PostgresJs } from "./driver-postgres-js.ts";
import type { Parameter, Statement } from "./statement.ts";

/** What runs statements: a pool, or one transaction of it. */
export interface Queryable {
  /** `named`: prepared under the statement's name where the client can; else parsed each time. */
  query<Row extends readonly unknown[]>(statement: Statement<Row>, values: readonly Parameter[], named: boolean): Promise<readonly Row[]>;
  /** Several statements without parameters. */
  script(text: string): Promise<void>;
}

/** All that the store asks of a client of PostgreSQL. Errors are the client's own. */
export interface Driver extends Queryable {
  /** `mode`: what follows BEGIN. Rolled back if `work` rejects. */
  transaction<Result>(mode: string, work: (within: Queryable) => Promise<Result>): Promise<Result>;
  /** Lets go of what was attached to the client; the client stays open. */
  detach(): void;
}

/** A client of PostgreSQL that `postgres()` takes: a `Pool` of `pg`, or what `postgres()` of postgres.js gives. */
export type PostgresClient = PgPool | PostgresJs;

export function driverOf(client: PostgresClient): Driver {
  if (isPgPool(client)) return pgDriver(client);
  if (isPostgresJs(client)) return postgresJsDriver(client);
  throw new ConfigError({
    path: "postgres.client",
    message:
      "postgres() takes a Pool of pg (`new Pool({ connectionString })`) or the function that postgres.js gives (`postgres(url)`); a single pg Client cannot serve calls that come together",
  });
}
