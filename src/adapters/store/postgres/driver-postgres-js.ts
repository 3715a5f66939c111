import { sleep } from "../../../ports/clock.ts";
import { systemClock } from "../../clock/system.ts";
import type { Driver, Queryable } from "./driver.ts";
import { faultOf } from "./fault.ts";
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

/**
 * postgres.js, which pools and reconnects by itself. It names prepared statements by its own counter.
 *
 * What breaks its connections breaks more in postgres.js up to 3.4.9 (https://github.com/porsager/postgres/pull/1209), which is
 * kept away from here. A statement that is written between the moment in which a socket has ended and the one in which
 * postgres.js hears of it leaves that connection unable to write, for minutes; when a server goes down, that is what is asked
 * again at once while the other connections end. So after a broken connection nothing is written before they have all ended.
 * And in a transaction the rollback would be written to a socket that is gone, which ends the process, or to the next one, which
 * is somebody else's; so there a broken connection is left to itself.
 */
export function postgresJsDriver(sql: PostgresJs): Driver {
  /** Over when the sockets that break now have all ended: timers run after all that the loop has to say of sockets. */
  let settled: Promise<void> = Promise.resolve();
  const carefully = async <Result>(work: () => PromiseLike<Result>): Promise<Result> => {
    await settled;
    try {
      return await work();
    } catch (error) {
      if (isBroken(error)) settled = sleep(systemClock, 1);
      throw error;
    }
  };
  const all = queryable(sql);
  return {
    query: (statement, values, named) => carefully(() => all.query(statement, values, named)),
    script: (text) => carefully(() => all.script(text)),
    transaction: <Result>(mode: string, work: (within: Queryable) => Promise<Result>) =>
      carefully(async () => (await sql.begin(mode, (within) => leavingBroken(within, work))) as Result),
    detach: () => {},
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

function queryable(sql: PostgresJsQueryable): Queryable {
  return {
    query: async <Row extends readonly unknown[]>({ text }: Statement<Row>, values: readonly Parameter[], named: boolean) =>
      (await sql.unsafe(text, [...values], { prepare: named }).values()) as readonly Row[],
    script: async (text) => {
      await sql.unsafe(text);
    },
  };
}
