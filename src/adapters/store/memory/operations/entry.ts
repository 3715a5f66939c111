import type { Because } from "../../../../core/decision.ts";
import type { AttemptRecord } from "../../../../ports/dead-letter-store.ts";
import type { StoredAnswer } from "../../../../ports/idempotency-store.ts";
import type { ClaimedOperation, NewOperation, OperationView } from "../../../../ports/operation-store.ts";
import type { Lane } from "./lane.ts";

/** An operation and what became of it so far. */
export interface Entry {
  /** Counts acceptances. */
  readonly seq: number;
  readonly operation: NewOperation;
  readonly lane: Lane;
  readonly history: AttemptRecord[];
  claims: number;
  attempts: number;
  previousDelayMs: number;
  vanished: number;
  inDoubt: boolean;
  standing: Standing;
}

export type Standing =
  | { readonly state: "ready"; readonly dueAt: number }
  | Leased
  | { readonly state: "parked"; readonly since: number; readonly until: number; readonly because?: Because }
  | { readonly state: "succeeded"; readonly since: number; readonly keepUntil: number; readonly answer?: StoredAnswer }
  | { readonly state: "dead"; readonly since: number; readonly because: Because }
  | { readonly state: "cancelled"; readonly since: number; readonly because: Because };

export interface Leased {
  readonly state: "leased";
  readonly since: number;
  /** Its place, should it come back. */
  readonly dueAt: number;
  readonly worker: string;
  leaseUntil: number;
  /** It was asked to cancel. */
  cancel?: Because;
}

/** The holder of a claim. */
export type Held = Entry & { standing: Leased };

export function isHeld(entry: Entry | undefined, claim: number): entry is Held {
  return entry?.standing.state === "leased" && entry.claims === claim;
}

export function toClaimed(entry: Entry): ClaimedOperation {
  const { operation, claims, attempts, previousDelayMs, vanished, inDoubt } = entry;
  return { operation: copyOperation(operation), claim: claims, attempts, previousDelayMs, vanished, inDoubt };
}

export function toView({ operation, claims, history, standing }: Entry): OperationView {
  const common = {
    operation: copyOperation(operation),
    state: standing.state,
    claim: claims,
    attempts: structuredClone(history),
    since: standing.state === "ready" ? standing.dueAt : standing.since,
  };
  switch (standing.state) {
    case "ready":
      return common;
    case "leased":
      return { ...common, leaseUntil: standing.leaseUntil, worker: standing.worker, ...(standing.cancel && { because: standing.cancel }) };
    case "parked":
      return { ...common, parkedUntil: standing.until, ...(standing.because && { because: standing.because }) };
    case "succeeded":
      return { ...common, ...(standing.answer && { answer: copyAnswer(standing.answer) }) };
    case "dead":
    case "cancelled":
      return { ...common, because: standing.because };
  }
}

/** An operation of its own: neither who stored it nor who reads it can change what is kept. */
export function copyOperation({ request, ...rest }: NewOperation): NewOperation {
  const { body, ...head } = request;
  return { ...structuredClone(rest), request: { ...structuredClone(head), ...(body && { body: new Uint8Array(body) }) } };
}

export function copyAnswer({ body, ...head }: StoredAnswer): StoredAnswer {
  return { ...structuredClone(head), body: new Uint8Array(body) };
}
