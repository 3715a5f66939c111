import { DatabaseSync } from "node:sqlite";
import { isBusy, refuse } from "./fault.ts";
import { sizeOf } from "./file.ts";
import { checkVersion, identify } from "./identity.ts";
import { migrate } from "./migrate.ts";
import { pause } from "./pause.ts";
import { setPragma } from "./pragma.ts";

export interface ConnectionOptions {
  /** Absolute. */
  readonly path: string;
  /** How long to wait for another process. */
  readonly busyTimeoutMs: number;
}

/** A file up to this size is looked through when it is opened; `check()` looks through larger ones. */
const QUICK_CHECK_BYTES = 32 * 1024 * 1024;

/** WAL pages after which a commit folds them back into the file: 16 MiB of 4 KiB pages. */
const CHECKPOINT_PAGES = 4_000;

/** What is left of the log after a checkpoint is cut to this. */
const LOG_BYTES = 64 * 1024 * 1024;

/** The one connection that writes: refuses a file that is not ours, sets it up for durable commits, and brings it up to date. */
export function openWriter({ path, busyTimeoutMs }: ConnectionOptions): DatabaseSync {
  const db = connect(path);
  try {
    // SQLite does not wait for a lock at every step of making a file, so that the whole is tried again.
    for (let waited = 0; ; waited += pause(10)) {
      try {
        setUp(path, db);
        return db;
      } catch (error) {
        if (db.isTransaction) db.exec("ROLLBACK");
        if (!isBusy(error) || waited > busyTimeoutMs) throw error;
      }
    }
  } catch (error) {
    db.close();
    return refuse(path, "it cannot be opened", error);
  }
}

/** A connection that only reads, beside the writer. */
export function openReader({ path, busyTimeoutMs }: ConnectionOptions): DatabaseSync {
  const db = connect(path, busyTimeoutMs);
  db.exec("PRAGMA query_only = ON; PRAGMA temp_store = MEMORY");
  return db;
}

function setUp(path: string, db: DatabaseSync): void {
  checkVersion(path, (db.prepare("SELECT sqlite_version() AS version").get() as { version: string }).version);
  const identity = identify(path, db);
  setPragma(path, db, "journal_mode", "WAL", "wal");
  setPragma(path, db, "synchronous", "FULL", 2);
  // macOS: fsync alone leaves the bytes in the drive's cache. No effect elsewhere.
  db.exec("PRAGMA fullfsync = ON; PRAGMA checkpoint_fullfsync = ON");
  db.exec(`PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES}; PRAGMA journal_size_limit = ${LOG_BYTES}`);
  db.exec("PRAGMA cache_size = -32000; PRAGMA temp_store = MEMORY");
  if (identity === "ours" && sizeOf(path) <= QUICK_CHECK_BYTES) quickCheck(path, db);
  migrate(path, db);
}

/** The first fault that SQLite finds in the file's structure, or undefined. */
export function firstFault(db: DatabaseSync): string | undefined {
  const [first] = db.prepare("PRAGMA quick_check(1)").all() as { quick_check: string }[];
  return first?.quick_check === "ok" ? undefined : (first?.quick_check ?? "no answer");
}

function quickCheck(path: string, db: DatabaseSync): void {
  const fault = firstFault(db);
  if (fault !== undefined)
    refuse(path, `the file is damaged (${fault}); restore a copy, or save what is readable with ".recover" of the sqlite3 tool`);
}

function connect(path: string, timeout = 0): DatabaseSync {
  try {
    return new DatabaseSync(path, { timeout });
  } catch (error) {
    return refuse(path, "it cannot be opened", error);
  }
}
