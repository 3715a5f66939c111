import type { NewOperation } from "../../../../ports/operation-store.ts";

/** What an operation takes from state to state; the columns that `ready`, `leased` and `parked` share. */
export interface Place {
  readonly seq: number;
  readonly lane: number;
  readonly flow: string;
  readonly rank: number;
  readonly due_at: number;
  readonly claims: number;
  readonly attempts: number;
  readonly delay: number;
  readonly vanished: number;
  readonly doubt: number;
}

/** Those columns, for statements. */
export const PLACE = "seq, lane, flow, rank, due_at, claims, attempts, delay, vanished, doubt";

export function toHead({ request: { body: _body, ...request }, ...rest }: NewOperation): string {
  return JSON.stringify({ ...rest, request });
}

export function toOperation(row: { readonly head: string; readonly body: Uint8Array | null }): NewOperation {
  const operation = JSON.parse(row.head) as NewOperation;
  return row.body === null ? operation : { ...operation, request: { ...operation.request, body: row.body } };
}
