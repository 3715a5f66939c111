import { readdirSync, readFileSync } from "node:fs";
import type { DatabaseSync } from "node:sqlite";

import { refuse } from "./fault.ts";
import { APPLICATION_ID } from "./identity.ts";
import { pragma } from "./pragma.ts";

const FOLDER = new URL("./migrations/", import.meta.url);

/**
 * Brings the schema up to date, all missing migrations in one transaction, so that several processes may open one new file
 * at once. The file's `user_version` is the number of the last one that was applied. A file from a newer release is refused:
 * this code cannot know what its rows mean.
 */
export function migrate(path: string, db: DatabaseSync): void {
  const migrations = readMigrations();
  if (pragma(db, "user_version") === migrations.length) return;
  db.exec("BEGIN IMMEDIATE");
  const version = pragma(db, "user_version") as number;
  if (version > migrations.length) {
    db.exec("ROLLBACK");
    refuse(path, `its schema is version ${version} and this release of holdfast knows ${migrations.length}; update holdfast`);
  }
  for (const sql of migrations.slice(version)) db.exec(sql);
  db.exec(`PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${migrations.length}`);
  db.exec("COMMIT");
}

/** The texts in order: `0001-….sql` first, with no number missing. */
function readMigrations(): string[] {
  const names = readdirSync(FOLDER)
    .filter((name) => /^\d{4}-.+\.sql$/.test(name))
    .sort();
  for (const [index, name] of names.entries()) {
    if (Number(name.slice(0, 4)) !== index + 1) throw new Error(`migration ${index + 1} is missing before ${name}`);
  }
  return names.map((name) => readFileSync(new URL(name, FOLDER), "utf8"));
}
