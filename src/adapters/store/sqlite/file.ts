import { chmodSync, closeSync, existsSync, openSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { refuse } from "./fault.ts";

/**
 * Makes the file, where there is none, for its owner alone, and takes looser rights from one that is there. SQLite gives
 * its -wal and -shm files the same mode.
 *
 * A file that exists is only looked at by its path, never opened: closing a descriptor of a database file would drop every
 * lock that this process holds on it (https://sqlite.org/howtocorrupt.html, §2.2).
 */
export function prepareFile(path: string): void {
  if (!existsSync(dirname(path))) refuse(path, `the directory ${dirname(path)} does not exist; create it first`);
  // First the log, then the file: whoever makes a store fills the file before the log.
  const logged = sizeOf(`${path}-wal`);
  try {
    closeSync(openSync(path, "wx", 0o600));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") refuse(path, "the file cannot be created", error);
  }
  if (!statSync(path).isFile()) refuse(path, "it is not a regular file");
  if (logged > 0 && sizeOf(path) === 0) {
    refuse(
      path,
      "the file is empty but its log (-wal) is not: it was cut off or replaced, and opening it would drop the log. Restore the file, or move the log away",
    );
  }
  tighten(path);
}

function tighten(path: string): void {
  if (process.platform === "win32") return;
  for (const file of [path, `${path}-wal`, `${path}-shm`]) {
    try {
      if ((statSync(file).mode & 0o077) !== 0) chmodSync(file, 0o600);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT")
        refuse(path, `others may read ${file}, and its mode cannot be set to 0600`, error);
    }
  }
}

/** Bytes of a file; 0 where there is none. */
export function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}
