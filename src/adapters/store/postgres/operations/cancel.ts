import type { OperationStore } from "../../../../ports/operation-store.ts";
import type { Database } from "../database.ts";
import { textArray } from "../parameters.ts";
import { statement } from "../statement.ts";
import { inWaves } from "../waves.ts";
import { isUuid } from "./entry.ts";

type CancelResult = Awaited<ReturnType<OperationStore["cancel"]>>[number];

/** Ends operations that have not started; those under way are asked to end. */
export function cancelling(database: Database, schema: string): OperationStore["cancel"] {
  const cancel = statement<readonly [id: string, result: CancelResult]>(
    `SELECT id::text, result FROM "${schema}".cancel_1(($1::text)::uuid[], $2::text, ($3::text)::float8)`,
  );
  return (ids, because, now) =>
    inWaves(
      ids,
      (id) => id,
      async (wave) => {
        const rows = await database.once("cancel operations", cancel, [
          textArray(wave.filter(isUuid)),
          JSON.stringify(because),
          String(database.time.toDatabase(now)),
        ]);
        const results = new Map(rows);
        return wave.map((id) => results.get(id) ?? "missing");
      },
    );
}
