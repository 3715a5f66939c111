import type { DatabaseSync } from "node:sqlite";
import type { Because } from "../../../../core/decision.ts";
import type { OperationStore } from "../../../../ports/operation-store.ts";
import type { Sync } from "../../sync.ts";
import { PLACE } from "./entry.ts";
import { cancelled, type Moves, type Moving } from "./settle.ts";
import type { Tally } from "./tally.ts";

type CancelResult = ReturnType<Sync<OperationStore>["cancel"]>[number];

/** Ends an operation that has not started; one that is under way is asked to end. */
export function cancelling(db: DatabaseSync, move: Moves, tally: Tally): (id: string, because: Because, now: number) => CancelResult {
  const find = db.prepare("SELECT seq FROM operation WHERE id = ?");
  const takeReady = db.prepare(`DELETE FROM ready WHERE seq = ? RETURNING ${PLACE}`);
  const takeParked = db.prepare(`DELETE FROM parked WHERE seq = ? RETURNING ${PLACE}`);
  const ask = db.prepare("UPDATE leased SET cancel = coalesce(cancel, ?) WHERE seq = ?");

  return (id, because, now) => {
    const { seq } = (find.get(id) ?? {}) as { seq?: number };
    if (seq === undefined) return "missing";
    const reason = JSON.stringify(because);
    for (const [state, take] of [
      ["ready", takeReady],
      ["parked", takeParked],
    ] as const) {
      const row = take.get(seq) as unknown as Moving | undefined;
      if (!row) continue;
      move.ended(row, cancelled(reason, now));
      tally.move(row.lane, state, "cancelled", 1);
      return "cancelled";
    }
    return ask.run(reason, seq).changes === 1 ? "requested" : "ended";
  };
}
