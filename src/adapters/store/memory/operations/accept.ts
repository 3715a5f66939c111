import { StoreError } from "../../../../core/errors.ts";
import type { AcceptResult, NewOperation } from "../../../../ports/operation-store.ts";
import { copyOperation, type Entry } from "./entry.ts";
import { keyName, type QueueState } from "./state.ts";

/** Keeps operations, none of them twice. A batch that would take the queue over its limit is refused as a whole. */
export function accept(queue: QueueState, operations: readonly NewOperation[], maxOperations: number): AcceptResult[] {
  if (queue.unfinished + operations.length > maxOperations) {
    throw new StoreError(
      `the memory store's queue holds ${queue.unfinished} operations that have not ended and takes at most ${maxOperations} ` +
        "(option maxOperations); slow down, or use a store that keeps them on disk, such as sqlite()",
    );
  }
  return operations.map((operation) => acceptOne(queue, operation));
}

function acceptOne(queue: QueueState, operation: NewOperation): AcceptResult {
  const { id, api, idempotencyKey, acceptedAt, dueAt } = operation;
  if (queue.byId.has(id)) return { state: "known", id };
  const key = idempotencyKey === undefined ? undefined : keyName(api, idempotencyKey);
  const earlier = key === undefined ? undefined : queue.byKey.get(key)?.operation;
  if (earlier) return { state: earlier.fingerprint === operation.fingerprint ? "known" : "mismatch", id: earlier.id };

  const lane = queue.lane(operation);
  const entry: Entry = {
    seq: (queue.lastSeq += 1),
    operation: copyOperation(operation),
    lane,
    history: [],
    claims: 0,
    attempts: 0,
    previousDelayMs: 0,
    vanished: 0,
    inDoubt: false,
    standing: dueAt > acceptedAt ? { state: "parked", since: acceptedAt, until: dueAt } : { state: "ready", dueAt },
  };
  queue.byId.set(id, entry);
  if (key !== undefined) queue.byKey.set(key, entry);
  queue.unfinished += 1;
  if (entry.standing.state === "parked") lane.addParked(entry);
  else lane.addReady(entry);
  return { state: "accepted", id };
}
