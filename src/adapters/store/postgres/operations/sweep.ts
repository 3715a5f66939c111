import type { OperationStore } from "../../../../ports/operation-store.ts";
import type { Database } from "../database.ts";
import { statement } from "../statement.ts";

/** Forgets operations whose time to be kept is over. */
export function sweeping(database: Database, schema: string): OperationStore["sweep"] {
  const sweep = statement<[gone: number]>(`SELECT "${schema}".sweep_1(($1::text)::float8, ($2::text)::int4)`);
  return async (now, limit) => {
    const [row] = await database.once("sweep operations", sweep, [String(database.time.toDatabase(now)), String(limit)]);
    return (row as [number])[0];
  };
}
