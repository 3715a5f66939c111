import type { Driver, Queryable } from "./driver.ts";
import type { Parameter, Statement } from "./statement.ts";

/** The part of a `Pool` of `pg` that is used. */
export interface PgPool extends PgQueryable {
  readonly totalCount: number;
  connect(done: (error: Error | undefined, client: PgPoolClient | undefined) => void): void;
  on(event: "error", listener: (error: Error) => void): unknown;
  removeListener(event: "error", listener: (error: Error) => void): unknown;
}

export interface PgQueryable {
  query(query: PgQuery): Promise<{ readonly rows: unknown[][] }>;
  query(text: string): Promise<unknown>;
}

export interface PgPoolClient extends PgQueryable {
  on(event: "error", listener: (error: Error) => void): unknown;
  removeListener(event: "error", listener: (error: Error) => void): unknown;
  /** With `true` the connection is closed instead of used again. */
  release(destroy?: boolean): void;
}

export interface PgQuery {
  readonly name?: string;
  readonly text: string;
  readonly values: Parameter[];
  readonly rowMode: "array";
}

export function isPgPool(client: unknown): client is PgPool {
  const pool = client as Partial<PgPool> | null | undefined;
  return (
    typeof pool === "object" &&
    typeof pool?.query === "function" &&
    typeof pool.connect === "function" &&
    typeof pool.totalCount === "number"
  );
}

/** A connection that breaks is an `error` event, of the pool while it is idle, and one that nobody listens to ends the process. */
function ignore(): void {}

/** `pg` through its own pool: a connection that broke is thrown away by the pool, and the next call gets another. */
export function pgDriver(pool: PgPool): Driver {
  pool.on("error", ignore);
  return {
    ...queryable(pool),
    transaction: async (mode, work) => {
      const client = await checkOut(pool);
      let broken = false;
      try {
        await client.query(`BEGIN ${mode}`);
        const result = await work(queryable(client));
        await client.query("COMMIT");
        return result;
      } catch (error) {
        await client.query("ROLLBACK").catch(() => {
          broken = true;
        });
        throw error;
      } finally {
        client.removeListener("error", ignore);
        client.release(broken);
      }
    },
    detach: () => {
      pool.removeListener("error", ignore);
    },
  };
}

/**
 * A connection of the pool, and somebody who listens to it from the same tick on: what the server said right behind its
 * greeting, that it is ended, is heard before any promise is settled.
 */
function checkOut(pool: PgPool): Promise<PgPoolClient> {
  return new Promise((resolve, reject) => {
    pool.connect((error, client) => {
      if (client === undefined) {
        reject(error ?? new Error("the pool gave no connection"));
        return;
      }
      client.on("error", ignore);
      resolve(client);
    });
  });
}

function queryable(client: PgQueryable): Queryable {
  return {
    query: async <Row extends readonly unknown[]>({ name, text }: Statement<Row>, values: readonly Parameter[], named: boolean) => {
      const { rows } = await client.query({ text, values: [...values], rowMode: "array", ...(named && { name }) });
      return rows as unknown as readonly Row[];
    },
    script: async (text) => {
      await client.query(text);
    },
  };
}
