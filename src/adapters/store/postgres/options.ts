import { ConfigError } from "../../../core/errors.ts";
import { durationMs, type Duration } from "../../../core/duration.ts";
import type { Clock } from "../../../ports/clock.ts";
import { systemClock } from "../../clock/system.ts";
import { isListener, type PostgresListener } from "./work-channel.ts";

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
  /**
   * What to hear with that other processes have put work into the queue: postgres.js, or a function that makes a `Client` of `pg`.
   * It needs a connection of its own that is no pooler's. Without it the queue is polled.
   *
   * @default none
   */
  readonly listen?: PostgresListener;
  /** The clock whose instants are given with the verbs; its difference from the database's is measured. @default the machine's */
  readonly clock?: Clock;
}

const DEFAULTS = {
  schema: "holdfast",
  migrate: true,
  prepare: true,
  listTimeout: "10s",
  clock: systemClock,
} as const satisfies Required<Omit<PostgresOptions, "listen">>;

const OPTIONS: readonly string[] = [...Object.keys(DEFAULTS), "listen"];

export interface ResolvedPostgresOptions {
  readonly schema: string;
  readonly migrate: boolean;
  readonly prepare: boolean;
  readonly listTimeoutMs: number;
  readonly listen: PostgresListener | undefined;
  readonly clock: Clock;
}

export function resolveOptions(options: PostgresOptions): ResolvedPostgresOptions {
  for (const name of Object.keys(options)) {
    if (!OPTIONS.includes(name)) {
      throw new ConfigError({
        path: `postgres.${name}`,
        message: `postgres() has no option ${JSON.stringify(name)}; it has ${OPTIONS.join(", ")}`,
      });
    }
  }
  const { schema, migrate, prepare, listTimeout, listen, clock } = { ...DEFAULTS, ...options };
  if (!/^[a-z_][a-z0-9_]{0,47}$/.test(schema) || schema.startsWith("pg_")) {
    throw new ConfigError({
      path: "postgres.schema",
      message: `postgres.schema is ${JSON.stringify(schema)}; give up to 48 lower-case letters, digits and underscores, not beginning with a digit or "pg_"`,
    });
  }
  for (const [name, value] of Object.entries({ migrate, prepare })) {
    if (typeof value !== "boolean") {
      throw new ConfigError({ path: `postgres.${name}`, message: `postgres.${name} is true or false, not ${String(value)}` });
    }
  }
  if (listen !== undefined && !isListener(listen)) {
    throw new ConfigError({
      path: "postgres.listen",
      message:
        "postgres.listen is a function that makes a Client of pg (`() => new Client(url)`), or what postgres.js gives (`postgres(url)`)",
    });
  }
  return Object.freeze({ schema, migrate, prepare, listTimeoutMs: durationMs(listTimeout, "postgres.listTimeout"), listen, clock });
}
