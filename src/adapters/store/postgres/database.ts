import type { Clock } from "../../../ports/clock.ts";
import { sleep } from "../../../ports/clock.ts";
import { systemRandom } from "../../clock/random.ts";
import { DatabaseTime } from "./database-time.ts";
import type { Driver, Queryable } from "./driver.ts";
import { faultOf, isConflict, isLostStatement, toStoreError } from "./fault.ts";
import { statement, type Parameter, type Statement } from "./statement.ts";

export interface DatabaseOptions {
  readonly clock: Clock;
  /** Whether statements are prepared by name. */
  readonly prepare: boolean;
  readonly listTimeoutMs: number;
}

/** Runs one statement after the other. */
export type Run = <Row extends readonly unknown[]>(query: Statement<Row>, values: readonly Parameter[]) => Promise<readonly Row[]>;

/** Tries of one transaction that loses against others; the waits between them grow to a tenth of a second. */
const CONFLICT_TRIES = 6;

const readClock = statement<[now: number]>("SELECT (extract(epoch FROM clock_timestamp()) * 1000)::float8");
const setTimeoutOfQuery = statement<[string]>("SELECT set_config('statement_timeout', $1::text, true)");

/**
 * Runs statements on the user's client, and knows what may be done about an error: transactions that lost against others are
 * done again, and so is what broke its connection and may be repeated; of any other the caller is told, who alone knows whether
 * to ask again.
 */
export class Database {
  readonly time: DatabaseTime;
  readonly #driver: Driver;
  readonly #options: DatabaseOptions;
  /** Off from the moment at which a pooler shows that it cannot keep prepared statements. */
  #prepare: boolean;

  constructor(driver: Driver, options: DatabaseOptions) {
    this.#driver = driver;
    this.#options = options;
    this.#prepare = options.prepare;
    this.time = new DatabaseTime(options.clock, async () => {
      const [row] = await this.#run((named) => driver.query(readClock, [], named), "tell its time", true);
      return (row as [number])[0];
    });
  }

  /**
   * One statement, a transaction of its own, that must not be done twice unasked: where its connection breaks, the caller is told.
   * `what` ends the sentence "the store cannot …".
   */
  once<Row extends readonly unknown[]>(what: string, query: Statement<Row>, values: readonly Parameter[]): Promise<readonly Row[]> {
    return this.#run((named) => this.#driver.query(query, values, named), what, false);
  }

  /** One statement that answers the same when it is done twice: one that reads, or that writes what it wrote before. */
  repeatable<Row extends readonly unknown[]>(what: string, query: Statement<Row>, values: readonly Parameter[]): Promise<readonly Row[]> {
    return this.#run((named) => this.#driver.query(query, values, named), what, true);
  }

  /** A command that must stand outside of transactions, such as VACUUM. */
  command(what: string, text: string): Promise<void> {
    return this.#run(() => this.#driver.script(text), what, true);
  }

  /** Several statements as one transaction, each of which sees what others have committed by then. */
  transaction<Result>(what: string, work: (run: Run, script: Queryable["script"]) => Promise<Result>): Promise<Result> {
    return this.#transaction(what, "ISOLATION LEVEL READ COMMITTED", false, work);
  }

  /**
   * Several reads of one snapshot, each ended by the server when it takes longer than `timeoutMs` (0: never). Their texts may be
   * made for the occasion.
   */
  snapshot<Result>(what: string, work: (run: Run) => Promise<Result>, timeoutMs: number = this.#options.listTimeoutMs): Promise<Result> {
    return this.#transaction(what, "ISOLATION LEVEL REPEATABLE READ READ ONLY", true, async (run) => {
      await run(setTimeoutOfQuery, [String(Math.ceil(timeoutMs))]);
      return work(run);
    });
  }

  #transaction<Result>(
    what: string,
    mode: string,
    again: boolean,
    work: (run: Run, script: Queryable["script"]) => Promise<Result>,
  ): Promise<Result> {
    // Not prepared: these are rare, and listings have texts without number.
    const attempt = (): Promise<Result> =>
      this.#driver.transaction(mode, (within) =>
        work(
          (query, values) => within.query(query, values, false),
          (text) => within.script(text),
        ),
      );
    return this.#run(attempt, what, again);
  }

  async #run<Result>(perform: (named: boolean) => Promise<Result>, what: string, mayRepeat: boolean): Promise<Result> {
    for (let tries = 1, reconnected = false; ; tries += 1) {
      const named = this.#prepare;
      try {
        return await perform(named);
      } catch (error) {
        const fault = faultOf(error);
        if (named && isLostStatement(fault)) this.#prepare = false;
        else if (isConflict(fault) && tries < CONFLICT_TRIES) await this.#pause(tries);
        else if (mayRepeat && !reconnected && !fault.answered && fault.effect === "unknown") reconnected = true;
        else throw toStoreError(what, error);
      }
    }
  }

  #pause(tries: number): Promise<void> {
    return sleep(this.#options.clock, systemRandom() * Math.min(100, 2 ** tries * 2));
  }
}
