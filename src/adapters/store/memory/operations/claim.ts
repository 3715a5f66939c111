import type { ClaimedOperation, ClaimRequest } from "../../../../ports/operation-store.ts";
import { toClaimed, type Entry } from "./entry.ts";
import type { QueueState } from "./state.ts";

/** Leases of each lane as many as it is allowed, from its flows in turn. */
export function claim(queue: QueueState, { worker, allowances, now, leaseUntil }: ClaimRequest): ClaimedOperation[] {
  const claimed: ClaimedOperation[] = [];
  for (const { max, ...key } of allowances) {
    const lane = queue.lane(key);
    if (lane.paused || max < 1) continue;
    lane.promote(now);
    for (let taken = 0; taken < max; taken += 1) {
      const entry = lane.takeReady();
      if (!entry) break;
      lease(entry, worker, now, leaseUntil);
      lane.leased += 1;
      claimed.push(toClaimed(entry));
    }
  }
  return claimed;
}

function lease(entry: Entry, worker: string, now: number, leaseUntil: number): void {
  const dueAt = entry.standing.state === "ready" ? entry.standing.dueAt : now;
  entry.claims += 1;
  entry.standing = { state: "leased", since: now, dueAt, worker, leaseUntil };
}
