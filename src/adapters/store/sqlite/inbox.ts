import type { DatabaseSync } from "node:sqlite";
import type { InboxEvent, InboxStore, TakeResult } from "../../../ports/inbox-store.ts";
import type { OperationStore } from "../../../ports/operation-store.ts";
import type { Sync } from "../sync.ts";

/** Ids of webhooks that were taken; what is to be done about one is accepted in the same transaction. */
export function inbox(db: DatabaseSync, queue: Pick<Sync<OperationStore>, "accept">): Sync<InboxStore> {
  const find = db.prepare("SELECT fingerprint, taken_at FROM inbox WHERE source = ? AND id = ? AND keep_until > ?");
  const keep = db.prepare(
    `INSERT INTO inbox (source, id, fingerprint, taken_at, keep_until) VALUES (?, ?, ?, ?, ?) ON CONFLICT (source, id)
     DO UPDATE SET fingerprint = excluded.fingerprint, taken_at = excluded.taken_at, keep_until = excluded.keep_until`,
  );
  const forget = db.prepare(
    "DELETE FROM inbox WHERE (source, id) IN (SELECT source, id FROM inbox WHERE keep_until <= ? ORDER BY keep_until LIMIT ?)",
  );

  const take = ({ source, id, fingerprint, now, keepUntil, operations }: InboxEvent): TakeResult => {
    const known = find.get(source, id, now) as { fingerprint: string; taken_at: number } | undefined;
    if (known) return { state: known.fingerprint === fingerprint ? "duplicate" : "conflict", takenAt: known.taken_at };
    keep.run(source, id, fingerprint, now, keepUntil);
    return { state: "taken", operations: queue.accept(operations) };
  };

  return {
    take: (events) => events.map(take),
    sweep: (now, limit) => Number(forget.run(now, limit).changes),
  };
}
