import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { sqlite } from "../../src/adapters/store/sqlite/index.ts";
import type { Store } from "../../src/ports/store.ts";
import type { StoreUnderTest } from "../../src/testing/store-conformance.ts";

/** A SQLite store in a folder of its own. */
export function sqliteSubject(): StoreUnderTest {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-store-"));
  const path = join(folder, "holdfast.db");
  let crashes = 0;
  return {
    open: sqlite(path),
    // The file and its log as they stand are what a crash leaves. Copied by another process: in this one, closing the
    // copied file would drop the locks of the store that is open.
    afterCrash: async () => {
      const copy = join(folder, `crashed-${(crashes += 1)}.db`);
      for (const suffix of ["", "-wal"]) {
        if (existsSync(`${path}${suffix}`)) execFileSync("cp", [`${path}${suffix}`, `${copy}${suffix}`]);
      }
      return sqlite(copy);
    },
    dispose: async () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** One SQLite store for many tests, one after the other: it stays open, and is emptied after each. */
export function pooledSqlite(): { readonly subject: () => StoreUnderTest; readonly end: () => Promise<void> } {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-store-"));
  const path = join(folder, "holdfast.db");
  let opened: Promise<Store> | undefined;
  return {
    subject: () => ({
      open: async () => ({ ...(await (opened ??= sqlite(path)())), close: async () => {} }),
      dispose: async () => empty(path),
    }),
    end: async () => {
      await (await opened)?.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Lanes stay, emptied: the store remembers their numbers, which never change. */
function empty(path: string): void {
  const db = new DatabaseSync(path, { timeout: 5_000 });
  const tables = db.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name <> 'lane'").all();
  db.exec("BEGIN IMMEDIATE");
  for (const { name } of tables) db.exec(`DELETE FROM ${String(name)}`);
  db.exec("UPDATE lane SET paused = 0, turn = NULL, ready = 0, leased = 0, parked = 0, succeeded = 0, dead = 0, cancelled = 0; COMMIT");
  db.close();
}
