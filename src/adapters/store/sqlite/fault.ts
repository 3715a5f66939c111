import { StoreError } from "../../../core/errors.ts";

/** What went wrong in a thread, in a form that can be posted to another. */
export interface Fault {
  readonly message: string;
  /** SQLite's extended result code, where it was SQLite that failed. */
  readonly sqliteCode?: number;
  /** Another process held the lock for too long; nothing is wrong with the request. */
  readonly busy?: boolean;
}

/** Primary result codes: https://sqlite.org/rescode.html */
const BUSY = 5;
const PROTOCOL = 15;
const NOT_OURS_TO_MEND: ReadonlyMap<number, string> = new Map([
  [7, "out of memory"],
  [8, "the file or its directory cannot be written"],
  [10, "an I/O error"],
  [11, "the file is damaged"],
  [13, "the disk is full"],
  [14, "one of its files cannot be opened"],
  [26, "the file is not a database"],
]);

interface SqliteError extends Error {
  readonly code: "ERR_SQLITE_ERROR";
  readonly errcode: number;
}

/** SQLite's extended result code of an error, or undefined where the error is not SQLite's. */
export function sqliteCode(error: unknown): number | undefined {
  return error instanceof Error && (error as Partial<SqliteError>).code === "ERR_SQLITE_ERROR" ? (error as SqliteError).errcode : undefined;
}

/** Another connection holds the lock; the same statement may succeed later. */
export function isBusy(error: unknown): boolean {
  const primary = (sqliteCode(error) ?? 0) & 0xff;
  return primary === BUSY || primary === PROTOCOL;
}

/** What is broken for good, in words: no later write can be trusted until the store is opened again. */
export function fatalCause(error: unknown): string | undefined {
  return NOT_OURS_TO_MEND.get((sqliteCode(error) ?? 0) & 0xff);
}

export function toFault(error: unknown): Fault {
  const code = sqliteCode(error);
  return { message: error instanceof Error ? error.message : String(error), ...(code !== undefined && { sqliteCode: code }) };
}

/** Refuses to open a file, in one sentence that names it. A refusal that is already one passes through. */
export function refuse(path: string, why: string, cause?: unknown): never {
  if (cause instanceof StoreError) throw cause;
  const fatal = cause === undefined ? undefined : fatalCause(cause);
  const detail = cause instanceof Error ? ` (${fatal ? `${fatal}: ` : ""}${cause.message})` : "";
  throw new StoreError(`cannot open the SQLite store ${path}: ${why}${detail}`, { cause });
}
