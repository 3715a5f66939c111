import type { DatabaseSync } from "node:sqlite";
import type { OperationState } from "../../../../ports/operation-store.ts";
import type { Tally } from "./tally.ts";

/** Deletes operations whose time to be kept is over, with all that belongs to them. */
export function sweeping(db: DatabaseSync, tally: Tally): (now: number, limit: number) => number {
  const over = db.prepare(
    `SELECT ended.seq, ended.lane, ended.state, head FROM ended JOIN operation USING (seq)
     WHERE keep_until <= ? ORDER BY keep_until, ended.seq LIMIT ?`,
  );
  const deleteLabel = db.prepare("DELETE FROM operation_label WHERE name = ? AND value = ? AND seq = ?");
  const deletions = ["attempt", "ended", "operation"].map((table) => db.prepare(`DELETE FROM ${table} WHERE seq = ?`));

  return (now, limit) => {
    const rows = over.all(now, limit) as { seq: number; lane: number; state: OperationState; head: string }[];
    for (const { seq, lane, state, head } of rows) {
      const { labels } = JSON.parse(head) as { labels: Record<string, string> };
      for (const [name, value] of Object.entries(labels)) deleteLabel.run(name, value, seq);
      for (const statement of deletions) statement.run(seq);
      tally.add(lane, state, -1);
    }
    return rows.length;
  };
}
