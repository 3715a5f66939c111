import type { DatabaseSync, StatementSync } from "node:sqlite";

/** Statements whose text depends on what was asked for (filters). Bounded: at the limit all are dropped. */
const LIMIT = 200;

/** Prepares each text once. */
export function statementCache(db: DatabaseSync): (sql: string) => StatementSync {
  const cache = new Map<string, StatementSync>();
  return (sql) => {
    let statement = cache.get(sql);
    if (!statement) {
      if (cache.size >= LIMIT) cache.clear();
      statement = db.prepare(sql);
      cache.set(sql, statement);
    }
    return statement;
  };
}
