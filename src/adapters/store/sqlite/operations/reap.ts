import type { DatabaseSync } from "node:sqlite";
import type { OperationStore } from "../../../../ports/operation-store.ts";
import type { Sync } from "../../sync.ts";
import { claimedReader } from "./claim.ts";
import { PLACE } from "./entry.ts";
import { cancelled, type Moves, type Moving } from "./settle.ts";
import type { Tally } from "./tally.ts";

/** Takes back leases that ran out; operations that nobody survives are leased to the caller instead. */
export function reaping(db: DatabaseSync, move: Moves, tally: Tally): Sync<OperationStore>["reap"] {
  const over = db.prepare(`SELECT ${PLACE}, cancel FROM leased WHERE lease_until <= ? ORDER BY lease_until, seq LIMIT ?`);
  const remove = db.prepare("DELETE FROM leased WHERE seq = ?");
  const lease = db.prepare(
    `UPDATE leased SET claims = claims + 1, vanished = vanished + 1, doubt = 1, worker = ?, lease_until = ?, since = ? WHERE seq = ?`,
  );
  const read = claimedReader(db);

  return ({ worker, now, leaseUntil, poisonAfter, limit }) => {
    const poisoned: number[] = [];
    let returned = 0;
    for (const row of over.all(now, limit) as unknown as Moving[]) {
      const vanished = row.vanished + 1;
      if (row.cancel == null && vanished >= poisonAfter) {
        lease.run(worker, leaseUntil, now, row.seq);
        poisoned.push(row.seq);
        continue;
      }
      remove.run(row.seq);
      returned += 1;
      if (row.cancel == null) move.ready({ ...row, vanished, doubt: 1 });
      else move.ended(row, cancelled(row.cancel, now));
      tally.move(row.lane, "leased", row.cancel == null ? "ready" : "cancelled", 1);
    }
    return { returned, poisoned: read(poisoned) };
  };
}
