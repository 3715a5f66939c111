import type { Because } from "../../../../core/decision.ts";
import type { OperationStore } from "../../../../ports/operation-store.ts";
import type { Sync } from "../../sync.ts";
import type { QueueState } from "./state.ts";

type CancelResult = ReturnType<Sync<OperationStore>["cancel"]>[number];

/** Ends an operation that has not started; one that is under way is asked to end. */
export function cancel(queue: QueueState, id: string, because: Because, now: number): CancelResult {
  const entry = queue.byId.get(id);
  if (!entry) return "missing";
  switch (entry.standing.state) {
    case "leased":
      entry.standing.cancel ??= structuredClone(because);
      return "requested";
    case "ready":
    case "parked":
      entry.lane.remove(entry);
      entry.standing = { state: "cancelled", since: now, because: structuredClone(because) };
      queue.unfinished -= 1;
      return "cancelled";
    case "succeeded":
    case "dead":
    case "cancelled":
      return "ended";
  }
}
