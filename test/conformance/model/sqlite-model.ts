import { DatabaseSync } from "node:sqlite";
import { deadLetters } from "../../../src/adapters/store/sqlite/dead-letters.ts";
import { migrate } from "../../../src/adapters/store/sqlite/migrate.ts";
import { operations } from "../../../src/adapters/store/sqlite/operations/index.ts";
import type { Queue } from "./queue-steps.ts";

export function database(): DatabaseSync {
  const db = new DatabaseSync(":memory:");
  migrate(":memory:", db);
  return db;
}

/** Emptied, and with sequences starting over, so that a failing example can be told by itself. */
export function empty(db: DatabaseSync): void {
  const tables = db.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'").all();
  for (const { name } of tables) db.exec(`DELETE FROM ${String(name)}`);
  db.exec("DELETE FROM sqlite_sequence");
}

/** SQLite's queue, with what the writer does at the end of each transaction. */
export function committing(db: DatabaseSync): Queue {
  const { queue, transaction } = operations(db, deadLetters(db));
  const verbs = Object.entries(queue as unknown as Record<string, (...args: never[]) => unknown>).map(([name, verb]) => [
    name,
    (...args: never[]): unknown => {
      const result = verb(...args);
      transaction.beforeCommit();
      return result;
    },
  ]);
  return Object.fromEntries(verbs) as Queue;
}
