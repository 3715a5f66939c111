import type { Driver, Queryable } from "./driver.ts";
import type { Parameter, Statement } from "./statement.ts";

/** The part of postgres.js' `sql` function that is used. */
export interface PostgresJs extends PostgresJsQueryable {
  begin(mode: string, work: (sql: PostgresJsQueryable) => Promise<unknown>): Promise<unknown>;
}

export interface PostgresJsQueryable {
  unsafe(
    text: string,
    values?: Parameter[],
    options?: { readonly prepare: boolean },
  ): PromiseLike<unknown> & { values(): PromiseLike<unknown> };
}

export function isPostgresJs(client: unknown): client is PostgresJs {
  if (typeof client !== "function") return false;
  const { unsafe, begin } = client as Partial<PostgresJs>;
  return typeof unsafe === "function" && typeof begin === "function";
}

/** postgres.js, which pools and reconnects by itself. It names prepared statements by its own counter. */
export function postgresJsDriver(sql: PostgresJs): Driver {
  return {
    ...queryable(sql),
    transaction: async <Result>(mode: string, work: (within: Queryable) => Promise<Result>) =>
      (await sql.begin(mode, (within) => work(queryable(within)))) as Result,
    detach: () => {},
  };
}

function queryable(sql: PostgresJsQueryable): Queryable {
  return {
    query: async <Row extends readonly unknown[]>({ text }: Statement<Row>, values: readonly Parameter[], named: boolean) =>
      (await sql.unsafe(text, [...values], { prepare: named }).values()) as readonly Row[],
    script: async (text) => {
      await sql.unsafe(text);
    },
  };
}
