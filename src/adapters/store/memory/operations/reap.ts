import type { ClaimedOperation, OperationStore } from "../../../../ports/operation-store.ts";
import type { Sync } from "../../sync.ts";
import { toClaimed, type Held } from "./entry.ts";
import { leave } from "./settle.ts";
import type { QueueState } from "./state.ts";

type Reap = Sync<OperationStore>["reap"];

/** Takes back leases that ran out; operations that nobody survives are leased to the caller instead. */
export function reap(queue: QueueState, { worker, now, leaseUntil, poisonAfter, limit }: Parameters<Reap>[0]): ReturnType<Reap> {
  const over = [...queue.byId.values()]
    .filter((entry): entry is Held => entry.standing.state === "leased" && entry.standing.leaseUntil <= now)
    .sort((a, b) => a.standing.leaseUntil - b.standing.leaseUntil || a.seq - b.seq)
    .slice(0, limit);
  const poisoned: ClaimedOperation[] = [];
  for (const entry of over) {
    const { cancel, dueAt } = entry.standing;
    entry.vanished += 1;
    entry.inDoubt = true;
    if (cancel) {
      leave(queue, entry, { state: "cancelled", since: now, because: cancel });
    } else if (entry.vanished < poisonAfter) {
      leave(queue, entry, { state: "ready", dueAt });
    } else {
      entry.claims += 1;
      entry.standing = { state: "leased", since: now, dueAt, worker, leaseUntil };
      poisoned.push(toClaimed(entry));
    }
  }
  return { returned: over.length - poisoned.length, poisoned };
}
