import type { LaneBacklog, LaneKey } from "../../../../ports/operation-store.ts";
import type { Lane } from "./lane.ts";
import type { QueueState } from "./state.ts";

/** What stands in each lane. */
export function backlog(queue: QueueState, now: number): LaneBacklog[] {
  return [...queue.lanes]
    .filter((lane) => lane.paused || lane.leased > 0 || lane.parked > 0 || lane.ready > 0)
    .map((lane) => laneBacklog(lane, now))
    .sort((a, b) => compare(a.api, b.api) || compare(a.endpoint, b.endpoint) || compare(a.partition, b.partition));
}

function laneBacklog(lane: Lane, now: number): LaneBacklog {
  const parkedDue = lane.parkedDue(now);
  const oldestDueAt = Math.min(lane.oldestReadyAt, parkedDue > 0 ? untilOf(lane, 0) : Infinity);
  const nextDueAt = parkedDue < lane.parked ? untilOf(lane, parkedDue) : undefined;
  return {
    ...lane.key,
    due: lane.ready + parkedDue,
    leased: lane.leased,
    parked: lane.parked - parkedDue,
    ...(oldestDueAt < Infinity && { oldestDueAt }),
    ...(nextDueAt !== undefined && { nextDueAt }),
    paused: lane.paused,
  };
}

/** Makes operations ready that wait for the breaker of their lane. */
export function wake(queue: QueueState, key: LaneKey, now: number, limit: number): number {
  const lane = queue.lane(key);
  const woken = lane.waitingForBreaker(limit);
  for (const entry of woken) {
    lane.remove(entry);
    const { standing } = entry;
    entry.standing = { state: "ready", dueAt: standing.state === "parked" ? Math.min(now, standing.until) : now };
    lane.addReady(entry);
  }
  return woken.length;
}

function untilOf(lane: Lane, index: number): number {
  const standing = lane.parkedAt(index)?.standing;
  return standing?.state === "parked" ? standing.until : Infinity;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
