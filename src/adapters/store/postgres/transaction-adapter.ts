import { ConfigError } from "../../../core/errors.ts";

/** The user's own transaction, as far as it is needed: one query with texts for parameters. */
export interface TransactionAdapter {
  readonly query: (text: string, values: readonly (string | null)[]) => Promise<readonly Readonly<Record<string, unknown>>[]>;
}

type Verb = (...args: never[]) => unknown;
type Rows = readonly Readonly<Record<string, unknown>>[];

/**
 * What a transaction of the user's client is asked with. Recognised by their shapes: a `Client` of `pg` between BEGIN and COMMIT
 * (from a pool or not), the `sql` that postgres.js' `begin()` gives, and the transactions of Drizzle, Kysely and Prisma; also
 * anything that has `query(text, values)` and answers rows or `{ rows }`. What is no transaction is refused, because what is
 * written there would not be undone with the rest.
 *
 * @throws ConfigError
 */
export function transactionAdapter(tx: unknown): TransactionAdapter {
  if (has(tx, "executeQuery")) return ofKysely(tx);
  if (has(tx, "$queryRawUnsafe")) return ofPrisma(tx);
  if (has(tx, "execute") && isObject(tx["session"])) return ofDrizzle(tx, tx["session"]);
  if (typeof tx === "function" && has(tx, "unsafe")) return ofPostgresJs(tx);
  if (has(tx, "query")) return ofPg(tx);
  return refuse("it is not a transaction of pg, postgres.js, Drizzle, Kysely or Prisma");
}

function ofPg(client: Readonly<Record<"query", Verb>> & Readonly<Record<string, unknown>>): TransactionAdapter {
  if (typeof client["totalCount"] === "number")
    refuse("it is a Pool, which gives each query to another connection; give the client that pool.connect() gave");
  if (has(client, "getTransactionStatus") && client.getTransactionStatus() === "I")
    refuse("no transaction is open on this client; send BEGIN first");
  return {
    query: async (text, values) => {
      const result = await call(client, "query", text, [...values]);
      return (Array.isArray(result) ? result : (result as { readonly rows: Rows }).rows) as Rows;
    },
  };
}

function ofPostgresJs(sql: Readonly<Record<"unsafe", Verb>>): TransactionAdapter {
  if (has(sql, "begin")) refuse("it is the pool of postgres.js; give the sql that begin() gives to its callback");
  return { query: async (text, values) => (await call(sql, "unsafe", text, [...values])) as Rows };
}

/** Drizzle keeps the client of its transaction in the transaction's session. */
function ofDrizzle(tx: object, session: Readonly<Record<string, unknown>>): TransactionAdapter {
  if (!has(tx, "rollback")) refuse("it is a database of Drizzle; give what transaction() gives to its callback");
  const { client } = session;
  if (typeof client === "function" && has(client, "unsafe")) return ofPostgresJs(client);
  if (has(client, "query")) return ofPg(client);
  return refuse("it is a transaction of Drizzle on a driver that is not known here; use node-postgres or postgres-js");
}

function ofKysely(tx: Readonly<Record<"executeQuery", Verb>> & Readonly<Record<string, unknown>>): TransactionAdapter {
  if (tx["isTransaction"] !== true)
    refuse("it is a Kysely that is not a transaction; give what transaction().execute() gives to its callback");
  return {
    query: async (text, values) => {
      // A compiled query as CompiledQuery.raw() makes it.
      const query = { kind: "RawNode", sqlFragments: [text], parameters: [] };
      const result = await call(tx, "executeQuery", { sql: text, parameters: [...values], query, queryId: { queryId: "holdfast" } });
      return (result as { readonly rows: Rows }).rows;
    },
  };
}

function ofPrisma(tx: Readonly<Record<"$queryRawUnsafe", Verb>>): TransactionAdapter {
  if (has(tx, "$transaction")) refuse("it is a client of Prisma; give the one that $transaction() gives to its callback");
  return { query: async (text, values) => (await call(tx, "$queryRawUnsafe", text, ...values)) as Rows };
}

function refuse(why: string): never {
  throw new ConfigError({ path: "enqueue.tx", message: `enqueue.tx cannot be used: ${why}` });
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}

function has<Name extends string>(value: unknown, name: Name): value is Readonly<Record<Name, Verb>> & Readonly<Record<string, unknown>> {
  return (isObject(value) || typeof value === "function") && typeof (value as unknown as Record<string, unknown>)[name] === "function";
}

function call<Name extends string>(target: Readonly<Record<Name, Verb>>, name: Name, ...args: readonly unknown[]): unknown {
  return (target[name] as (...args: readonly unknown[]) => unknown)(...args);
}
