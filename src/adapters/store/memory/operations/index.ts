import type { DeadLetterStore } from "../../../../ports/dead-letter-store.ts";
import type { OperationState, OperationStore } from "../../../../ports/operation-store.ts";
import type { Sync } from "../../sync.ts";
import { accept } from "./accept.ts";
import { backlog, wake } from "./backlog.ts";
import { cancel } from "./cancel.ts";
import { claim } from "./claim.ts";
import { isHeld, toView } from "./entry.ts";
import { list, waiting } from "./listing.ts";
import { reap } from "./reap.ts";
import { settle } from "./settle.ts";
import { QueueState } from "./state.ts";
import { sweep } from "./sweep.ts";

/** Fewer operations than this are never worth a sweep of our own. */
const SWEEP_FLOOR = 1_024;

/**
 * The durable queue's verbs, in memory. It is the model that the other backends are compared with. Operations that have ended
 * are swept at their time, also by itself whenever their number has doubled; ones that have not ended are never dropped, and
 * over `maxOperations` of them no more are accepted.
 */
export function operations(letters: Sync<DeadLetterStore>, maxOperations: number): Sync<Omit<OperationStore, "onWork">> {
  const queue = new QueueState();
  const isKept = (id: string): boolean => letters.get(id) !== undefined;
  let sweepAt = SWEEP_FLOOR;

  const sweepNowAndThen = (now: number): void => {
    if (queue.byId.size < sweepAt) return;
    sweep(queue, isKept, now, Infinity);
    sweepAt = Math.max(SWEEP_FLOOR, queue.byId.size * 2);
  };

  return {
    accept: (operations) => {
      sweepNowAndThen(operations[0]?.acceptedAt ?? 0);
      return accept(queue, operations, maxOperations);
    },
    claim: (request) => claim(queue, request),
    settle: (settlements) => settle(queue, letters, settlements),
    extend: (leases) =>
      leases.map(({ id, claim, leaseUntil }) => {
        const entry = queue.byId.get(id);
        if (!isHeld(entry, claim)) return "stale";
        entry.standing.leaseUntil = leaseUntil;
        return "applied";
      }),
    reap: (request) => reap(queue, request),
    backlog: (now) => backlog(queue, now),
    wake: (lane, now, limit) => wake(queue, lane, now, limit),
    cancel: (ids, because, now) => ids.map((id) => cancel(queue, id, because, now)),
    pause: (lane, paused) => {
      queue.lane(lane).paused = paused;
    },
    get: (id) => {
      const entry = queue.byId.get(id);
      return entry && toView(entry);
    },
    list: (filter, page) => list(queue, filter, page),
    waiting: (limit) => waiting(queue, limit),
    stats: () => {
      const counts: Record<OperationState, number> = { ready: 0, leased: 0, parked: 0, succeeded: 0, dead: 0, cancelled: 0 };
      for (const { standing } of queue.byId.values()) counts[standing.state] += 1;
      return counts;
    },
    sweep: (now, limit) => sweep(queue, isKept, now, limit),
  };
}
