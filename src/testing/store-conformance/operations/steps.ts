import assert from "node:assert/strict";
import type { Because } from "../../../core/decision.ts";
import type { ClaimedOperation, ClaimRequest, LaneKey, OperationStore, Settlement } from "../../../ports/operation-store.ts";
import type { Store } from "../../../ports/store.ts";
import { letter, MINUTE, numberOf, operation, T0 } from "../samples.ts";

export const LANE: LaneKey = { api: "crm", endpoint: "POST /contacts", partition: "" };
/** Every operation of the samples is due by then, and has not waited long. */
export const NOW: number = T0 + MINUTE;
export const STOPPED: Because = { code: "cancelled", detail: "an operator stopped it" };

/** The queue; a backend without one fails every rule about it. */
export function queueOf({ operations }: Store): OperationStore {
  assert.ok(operations, "the store has a queue");
  return operations;
}

export async function claim(queue: OperationStore, fields: Partial<ClaimRequest> = {}): Promise<readonly ClaimedOperation[]> {
  return queue.claim({ worker: "worker-1", allowances: [{ ...LANE, max: 100 }], now: NOW, leaseUntil: NOW + MINUTE, ...fields });
}

export async function claimOne(queue: OperationStore, fields: Partial<ClaimRequest> = {}): Promise<ClaimedOperation> {
  const [first, ...others] = await claim(queue, { allowances: [{ ...LANE, max: 1 }], ...fields });
  assert.ok(first, "one operation is due");
  assert.equal(others.length, 0);
  return first;
}

export async function claimedNumbers(queue: OperationStore, fields: Partial<ClaimRequest> = {}): Promise<number[]> {
  return (await claim(queue, fields)).map((claimed) => numberOf(claimed.operation));
}

export function settlement(
  { operation: { id }, claim: number }: ClaimedOperation,
  outcome: Settlement["outcome"],
  fields: Partial<Settlement> = {},
): Settlement {
  return { id, claim: number, now: NOW + 1_000, outcome, ...fields };
}

type Outcome<State extends Settlement["outcome"]["state"]> = Extract<Settlement["outcome"], { readonly state: State }>;

export const SUCCEEDED: Outcome<"succeeded"> = { state: "succeeded", keepUntil: NOW + 60 * MINUTE };
export const PARKED: Outcome<"parked"> = {
  state: "parked",
  until: NOW + 10 * MINUTE,
  because: { code: "backoff", delayMs: 600_000 },
  delayMs: 600_000,
};
export const READY: Outcome<"ready"> = { state: "ready" };

export function parkedForBreaker(until: number): Outcome<"parked"> {
  return { state: "parked", until, because: { code: "breaker-open" }, delayMs: 0 };
}

export function dead(number: number): Outcome<"dead"> {
  return { state: "dead", letter: letter(number, { id: operation(number).id, diedAt: NOW }) };
}
