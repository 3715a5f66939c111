import type { DatabaseSync } from "node:sqlite";
import { refuse } from "./fault.ts";

export function pragma(db: DatabaseSync, name: string): string | number {
  return Object.values(db.prepare(`PRAGMA ${name}`).get() as Record<string, string | number>)[0] as string | number;
}

/** Sets a pragma and reads it back, because SQLite answers a setting that it cannot honour with silence. */
export function setPragma(path: string, db: DatabaseSync, name: string, value: string, expected: string | number): void {
  db.exec(`PRAGMA ${name} = ${value}`);
  requirePragma(path, db, name, expected);
}

/** Refuses a connection whose setting is not the one that durable commits need. */
export function requirePragma(path: string, db: DatabaseSync, name: string, expected: string | number): void {
  const found = pragma(db, name);
  if (found === expected) return;
  refuse(
    path,
    `${name} reads back as ${String(found)} and not ${String(expected)}, so that a commit would not be durable; put the file on a local disk`,
  );
}
