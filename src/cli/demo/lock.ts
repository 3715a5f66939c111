import { DatabaseSync } from "node:sqlite";

/**
 * Takes a lock that ends with its process, however that ends: an exclusive transaction on a file of its own, which the
 * operating system lets go of. A file with a process id in it would outlive a SIGKILL and have to be guessed about.
 *
 * @returns What lets go of it, or undefined when another process has it.
 */
export function tryLock(path: string): (() => void) | undefined {
  const db = new DatabaseSync(path, { timeout: 0 });
  try {
    db.exec("BEGIN EXCLUSIVE");
    return () => db.close();
  } catch (error) {
    db.close();
    if ((error as { errcode?: unknown }).errcode === SQLITE_BUSY) return undefined;
    throw error;
  }
}

const SQLITE_BUSY = 5;
