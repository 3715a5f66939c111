import type { DatabaseSync } from "node:sqlite";
import { fatalCause, isBusy, sqliteCode, toFault, type Fault } from "./fault.ts";
import { pause } from "./pause.ts";
import type { Answer, Call } from "./protocol.ts";

/** The connection cannot be trusted any more. */
export class FatalError extends Error {}

export interface GroupCommitOptions {
  readonly path: string;
  readonly busyTimeoutMs: number;
  readonly perform: (call: Call) => unknown;
  /** The last thing of each transaction. */
  readonly beforeCommit?: () => void;
  readonly afterRollback?: () => void;
}

/** Groups after one that had to wait during which we leave the lock free for a moment between two of ours. */
const COURTEOUS_GROUPS = 100;
const COURTESY_MS = 0.5;

/**
 * Makes the function that does a group of calls as one transaction and gives their answers once it is on disk: fifty
 * callers pay for one fsync.
 *
 * - A call that fails takes nobody with it: the group is rolled back and its calls are done again one by one, so that only
 *   the faulty one is refused. That costs time when something is wrong instead of a savepoint each time nothing is.
 * - An I/O error, a full disk or a damaged page is fatal, and so is any error of COMMIT: after a failed fsync the kernel may
 *   have dropped the very pages that were to be written, so that trying again could succeed without being true.
 * - Another process that holds the lock is waited for here, with short steps: SQLite's own waiting backs off to 100 ms, and a
 *   busy neighbour then keeps us out for seconds.
 */
export function groupCommit(db: DatabaseSync, options: GroupCommitOptions): (calls: readonly Call[]) => Answer[] {
  const begin = db.prepare("BEGIN IMMEDIATE");
  const commit = db.prepare("COMMIT");
  let courteous = 0;

  const takeLock = (): void => {
    if (courteous > 0) {
      courteous -= 1;
      pause(COURTESY_MS);
    }
    for (let waited = 0, tries = 0; ; tries += 1) {
      try {
        begin.run();
        return;
      } catch (error) {
        if (!isBusy(error) || waited >= options.busyTimeoutMs) throw error;
        courteous = COURTEOUS_GROUPS;
        // Uneven steps, so that two processes do not keep missing each other.
        waited += pause(0.2 + ((tries * 0.37) % 1));
      }
    }
  };

  const fatal = (error: unknown, why: string): FatalError =>
    new FatalError(
      `the SQLite store ${options.path} cannot be written any more: ${why} (${toFault(error).message}, SQLite code ${sqliteCode(error) ?? "none"}). ` +
        'Nothing that was waiting is acknowledged. Mend the cause, look at the file with "holdfast store check", and open the store again',
      { cause: error },
    );

  const run = (calls: readonly Call[]): Answer[] => {
    let answers: Answer[];
    try {
      takeLock();
      answers = calls.map((call): Answer => ({ id: call.id, result: options.perform(call) }));
      options.beforeCommit?.();
    } catch (error) {
      options.afterRollback?.();
      const why = fatalCause(error);
      if (why !== undefined) throw fatal(error, why);
      if (db.isTransaction) db.exec("ROLLBACK");
      else if (isBusy(error)) return calls.map(({ id }) => ({ id, fault: busyFault(options) }));
      const [only] = calls;
      return calls.length === 1 && only ? [{ id: only.id, fault: toFault(error) }] : calls.flatMap((call) => run([call]));
    }
    try {
      commit.run();
    } catch (error) {
      throw fatal(error, fatalCause(error) ?? "COMMIT failed");
    }
    return answers;
  };
  return run;
}

function busyFault({ path, busyTimeoutMs }: GroupCommitOptions): Fault {
  return {
    message: `another process held the write lock of ${path} for more than ${busyTimeoutMs} ms (option busyTimeout); nothing was written`,
    sqliteCode: 5,
    busy: true,
  };
}
