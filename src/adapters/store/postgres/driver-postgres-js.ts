import { sleep } from "../../../ports/clock.ts";
import { systemClock } from "../../clock/system.ts";
import type { Driver, Queryable } from "./driver.ts";
import { faultOf } from "./fault.ts";
import type { Parameter, Statement } from "./statement.ts";
import { Turns } from "./turns.ts";

/** The part of postgres.js' `sql` function that is used. */
export interface PostgresJs extends PostgresJsQueryable {
  readonly options: { readonly max: number };
  begin(mode: string, work: (sql: PostgresJsQueryable) => Promise<unknown>): Promise<unknown>;
}

export interface PostgresJsQueryable {
  unsafe(text: string, values?: Parameter[], options?: { readonly prepare: boolean }): PostgresJsQuery;
}

export interface PostgresJsQuery extends PromiseLike<unknown> {
  values(): PromiseLike<unknown>;
}

export function isPostgresJs(client: unknown): client is PostgresJs {
  if (typeof client !== "function") return false;
  const { unsafe, begin } = client as Partial<PostgresJs>;
  return typeof unsafe === "function" && typeof begin === "function";
}

/**
 * postgres.js, which pools and reconnects by itself. It names prepared statements by its own counter. Three faults of it, up to
 * 3.4.9 at least, are kept away from here:
 *
 * - What breaks its connections breaks more (https://github.com/porsager/postgres/pull/1209). A statement that is written between
 *   the moment in which a socket has ended and the one in which postgres.js hears of it leaves that connection unable to write,
 *   for minutes; when a server goes down, that is what is asked again at once while the other connections end. So after a broken
 *   connection nothing is written before they have all ended. And in a transaction the rollback would be written to a socket that
 *   is gone, which ends the process, or to the next one, which is somebody else's; so there a broken connection is left to itself.
 * - Where a pooler gives it a connection that does not know its prepared statements, it prepares them again, all that were on
 *   their way at once, and answers one of them. So no more statements are on their way than there are connections, and none is
 *   prepared any more once that was seen.
 * - It prepares its COMMIT too. Where a pooler's connection does not know that, the transaction is aborted, and the COMMIT that is
 *   prepared again ends it without an error and with nothing kept. So a transaction is committed before, in plain text, and what
 *   postgres.js commits is an empty one that follows it on the same connection.
 */
export function postgresJsDriver(sql: PostgresJs): Driver {
  const care = careOf(sql);
  const carefully = <Result>(work: () => PromiseLike<Result>): Promise<Result> =>
    care.turns.take(async () => {
      await care.settled;
      try {
        return await work();
      } catch (error) {
        if (isBroken(error)) care.settled = sleep(systemClock, 1);
        throw error;
      }
    });
  const all = queryable(sql, () => {
    care.prepares = false;
  });
  return {
    query: (statement, values, named) => carefully(() => all.query(statement, values, named && care.prepares)),
    script: (text) => carefully(() => all.script(text)),
    transaction: <Result>(mode: string, work: (within: Queryable) => Promise<Result>) =>
      carefully(async () => (await sql.begin(mode, (within) => leavingBroken(within, committing(work)))) as Result),
    detach: () => {},
  };
}

/** What is known of a client, by however many stores it is used. */
interface Care {
  readonly turns: Turns;
  /** Over when the sockets that break now have all ended: timers run after all that the loop has to say of sockets. */
  settled: Promise<void>;
  prepares: boolean;
}

const cares = new WeakMap<PostgresJs, Care>();

function careOf(sql: PostgresJs): Care {
  const known = cares.get(sql) ?? { turns: new Turns(sql.options.max), settled: Promise.resolve(), prepares: true };
  cares.set(sql, known);
  return known;
}

function committing<Result>(work: (within: Queryable) => Promise<Result>): (within: Queryable) => Promise<Result> {
  return async (within) => {
    const result = await work(within);
    await within.script("COMMIT AND CHAIN");
    return result;
  };
}

/** Does work in a transaction; never ends where the connection breaks, by which postgres.js itself ends the transaction. */
async function leavingBroken<Result>(within: PostgresJsQueryable, work: (within: Queryable) => Promise<Result>): Promise<Result> {
  let broken = false;
  const look = async <Value>(result: Promise<Value>): Promise<Value> => {
    try {
      return await result;
    } catch (error) {
      broken ||= isBroken(error);
      throw error;
    }
  };
  const all = queryable(within);
  try {
    return await work({
      query: (statement, values, named) => look(all.query(statement, values, named)),
      script: (text) => look(all.script(text)),
    });
  } catch (error) {
    if (broken) await new Promise<never>(() => {});
    throw error;
  }
}

/** The socket is gone, or is about to be: errors of the operating system, and those of postgres.js. */
function isBroken(error: unknown): boolean {
  const { code, answered } = faultOf(error);
  return !answered && code !== undefined && /^(?:CONNECTION_|E[A-Z]+$)/.test(code);
}

function queryable(sql: PostgresJsQueryable, onLost?: () => void): Queryable {
  return {
    query: async <Row extends readonly unknown[]>({ text }: Statement<Row>, values: readonly Parameter[], named: boolean) => {
      const query = sql.unsafe(text, [...values], { prepare: named });
      const rows = (await query.values()) as readonly Row[] | undefined;
      // Beside a connection that breaks it may end a statement without an error and without an answer.
      if (!Array.isArray(rows)) throw Object.assign(new Error("the connection gave no answer"), { code: "CONNECTION_CLOSED" });
      // What postgres.js keeps of a statement that it had to prepare again.
      if (named && (query as { readonly retried?: unknown }).retried) onLost?.();
      return rows as readonly Row[];
    },
    script: async (text) => {
      await sql.unsafe(text);
    },
  };
}
