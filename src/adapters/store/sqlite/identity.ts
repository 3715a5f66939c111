import type { DatabaseSync } from "node:sqlite";
import { refuse } from "./fault.ts";
import { pragma } from "./pragma.ts";

/** `HOLD`: the mark in the header of a file that is ours. */
export const APPLICATION_ID: number = 0x48_4f_4c_44;

/**
 * The first release without the WAL-reset bug: before it, two processes that write and checkpoint at the same moment could
 * leave a corrupt file.
 */
export const SQLITE_FLOOR = "3.51.3";

/** Refuses a SQLite that is too old to be trusted with several processes on one file. */
export function checkVersion(path: string, version: string): void {
  if (atLeast(version, SQLITE_FLOOR)) return;
  refuse(
    path,
    `this Node.js ${process.version} carries SQLite ${version}, and ${SQLITE_FLOOR} is the first that is safe here; update Node.js`,
  );
}

/**
 * Looks before anything is touched: `new` for an empty file, `ours` for one of ours; anything else is refused and left as it is.
 * All is read of one moment: between two looks another process may have made the file ours.
 */
export function identify(path: string, db: DatabaseSync): "new" | "ours" {
  db.exec("BEGIN");
  const { tables } = db.prepare("SELECT count(*) AS tables FROM sqlite_schema").get() as { tables: number };
  const owner = pragma(db, "application_id");
  const version = pragma(db, "user_version");
  db.exec("COMMIT");
  if (owner === APPLICATION_ID) return "ours";
  if (tables === 0 && owner === 0 && version === 0) return "new";
  return refuse(path, "it is an SQLite database of another program; give another path");
}

/** Whether a dotted version is not older than another. */
function atLeast(version: string, floor: string): boolean {
  const [have, want] = [version, floor].map((text) => text.split(".").map(Number)) as [number[], number[]];
  for (const [index, part] of want.entries()) {
    const difference = (have[index] ?? 0) - part;
    if (difference !== 0) return difference > 0;
  }
  return true;
}
