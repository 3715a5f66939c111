import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sqlite } from "../../src/adapters/store/sqlite/index.ts";
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
