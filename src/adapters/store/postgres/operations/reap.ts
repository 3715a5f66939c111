import type { ClaimedOperation, OperationStore } from "../../../../ports/operation-store.ts";
import type { Database } from "../database.ts";
import { packText } from "../parameters.ts";
import { statement } from "../statement.ts";
import { CLAIMED_COLUMNS, toClaimed, type ClaimedColumns } from "./entry.ts";

/** Where nothing was leased, one row stands for the count alone, and its other columns are null. */
type PoisonedRow = readonly [returned: number, id: string | null, ...ClaimedColumns];

/** Takes back leases that ran out; operations that nobody survives are leased to the caller instead. */
export function reaping(database: Database, schema: string): OperationStore["reap"] {
  const { time } = database;
  const takeBack = statement<PoisonedRow>(
    `SELECT returned, id::text, ${CLAIMED_COLUMNS}
     FROM "${schema}".reap_1($1::text, ($2::text)::float8, ($3::text)::float8, ($4::text)::int4, ($5::text)::int4)`,
  );
  return async ({ worker, now, leaseUntil, poisonAfter, limit }) => {
    const rows = await database.once("take back leases", takeBack, [
      packText(worker),
      String(time.toDatabase(now)),
      String(time.toDatabase(leaseUntil)),
      String(poisonAfter),
      String(limit),
    ]);
    const poisoned: ClaimedOperation[] = [];
    for (const [, id, ...columns] of rows) if (id !== null) poisoned.push(toClaimed(columns, time));
    return { returned: rows[0]?.[0] ?? 0, poisoned };
  };
}
