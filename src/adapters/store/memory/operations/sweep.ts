import { CANCELLED_KEPT_MS } from "../../../../ports/operation-store.ts";
import type { Entry } from "./entry.ts";
import { keyName, type QueueState } from "./state.ts";

/** Forgets operations whose time to be kept is over. `isKept` tells whether a dead letter still is. */
export function sweep(queue: QueueState, isKept: (id: string) => boolean, now: number, limit: number): number {
  const over = [...queue.byId.values()]
    .map((entry) => ({ entry, until: keptUntil(entry, isKept) }))
    .filter(({ until }) => until <= now)
    .sort((a, b) => a.until - b.until || a.entry.seq - b.entry.seq)
    .slice(0, limit);
  for (const { entry } of over) {
    const { id, api, idempotencyKey } = entry.operation;
    queue.byId.delete(id);
    if (idempotencyKey !== undefined) queue.byKey.delete(keyName(api, idempotencyKey));
  }
  return over.length;
}

function keptUntil({ operation, standing }: Entry, isKept: (id: string) => boolean): number {
  switch (standing.state) {
    case "succeeded":
      return standing.keepUntil;
    case "cancelled":
      return standing.since + CANCELLED_KEPT_MS;
    case "dead":
      return isKept(operation.id) ? Infinity : 0;
    case "ready":
    case "leased":
    case "parked":
      return Infinity;
  }
}
