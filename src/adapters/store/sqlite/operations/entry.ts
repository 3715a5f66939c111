import type { NewOperation } from "../../../../ports/operation-store.ts";

/** What an operation takes from state to state; the columns that `ready`, `leased` and `parked` share. */
export interface Place {
  readonly seq: number;
  readonly lane: number;
  readonly flow: string;
  readonly rank: number;
  readonly due_at: number;
  claims: number;
  readonly attempts: number;
  readonly delay: number;
  readonly vanished: number;
  readonly doubt: number;
}

/**
 * The places of operations that this process has claimed, by id. While a claim holds they cannot change, so that a settlement
 * need not read them; whether it holds is decided by the row alone.
 */
export class HeldPlaces {
  readonly #places = new Map<string, Place>();

  remember(id: string, place: Place): void {
    // Those that other processes took back are never asked for again.
    if (this.#places.size >= HELD_LIMIT) this.#places.clear();
    this.#places.set(id, place);
  }

  /** The place under this claim, if it is known; it is forgotten, since it is asked for once. */
  take(id: string, claims: number): Place | undefined {
    const place = this.#places.get(id);
    if (place?.claims !== claims) return undefined;
    this.#places.delete(id);
    return place;
  }

  /** After ROLLBACK. */
  forget(): void {
    this.#places.clear();
  }
}

const HELD_LIMIT = 20_000;

/** Those columns, for statements. */
export const PLACE = "seq, lane, flow, rank, due_at, claims, attempts, delay, vanished, doubt";

/** An operation as its statements take it. */
export interface OperationRow {
  readonly id: string;
  readonly api: string;
  readonly endpoint: string;
  readonly partition: string;
  readonly flow: string;
  readonly rank: number;
  readonly idempotencyKey: string | null;
  readonly fingerprint: string;
  readonly acceptedAt: number;
  readonly dueAt: number;
  /** Names and values, one after the other. */
  readonly labels: readonly string[];
  /** All of it but the body, as JSON. */
  readonly head: string;
  readonly body: Uint8Array | null;
}

export function toOperationRow(operation: NewOperation): OperationRow {
  const { id, api, endpoint, partition, flow, priority, idempotencyKey, fingerprint, acceptedAt, dueAt, labels } = operation;
  const { body, ...request } = operation.request;
  return {
    id,
    api,
    endpoint,
    partition,
    flow,
    rank: -priority,
    idempotencyKey: idempotencyKey ?? null,
    fingerprint,
    acceptedAt,
    dueAt,
    labels: Object.entries(labels).flat(),
    head: JSON.stringify({ ...operation, request }),
    body: body ?? null,
  };
}

export function toOperation(head: string, body: Uint8Array | null | undefined): NewOperation {
  const operation = JSON.parse(head) as NewOperation;
  return body == null ? operation : { ...operation, request: { ...operation.request, body } };
}
