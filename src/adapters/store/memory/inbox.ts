import type { InboxEvent, InboxStore, TakeResult } from "../../../ports/inbox-store.ts";
import type { OperationStore } from "../../../ports/operation-store.ts";
import type { Sync } from "../sync.ts";

interface Taken {
  readonly fingerprint: string;
  readonly takenAt: number;
  readonly keepUntil: number;
}

/** Ids of webhooks that were taken, in a Map. */
export function inbox(queue: Pick<Sync<OperationStore>, "accept">): Sync<InboxStore> {
  const events = new Map<string, Taken>();

  const take = ({ source, id, fingerprint, now, keepUntil, operations }: InboxEvent): TakeResult => {
    const name = JSON.stringify([source, id]);
    const known = events.get(name);
    if (known && known.keepUntil > now) {
      return { state: known.fingerprint === fingerprint ? "duplicate" : "conflict", takenAt: known.takenAt };
    }
    // The queue first: where it is full, the event has not been taken.
    const accepted = queue.accept(operations);
    events.set(name, { fingerprint, takenAt: now, keepUntil });
    return { state: "taken", operations: accepted };
  };

  return {
    take: (requests) => requests.map(take),
    sweep: (now, limit) => {
      const over = [...events]
        .filter(([, { keepUntil }]) => keepUntil <= now)
        .sort(([, a], [, b]) => a.keepUntil - b.keepUntil)
        .slice(0, limit);
      for (const [name] of over) events.delete(name);
      return over.length;
    },
  };
}
