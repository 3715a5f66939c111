import type { ClaimedOperation, NewOperation } from "../../../../ports/operation-store.ts";
import type { DatabaseTime } from "../database-time.ts";
import { hashOf } from "../hash.ts";
import { packText } from "../parameters.ts";

/** Ids as they are made, and as PostgreSQL writes them. */
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

export function isUuid(id: string): boolean {
  return UUID.test(id);
}

/** A flow's name in an index, which cannot hold a long one: a long name is cut, and told from others by its hash. */
const INDEXED_FLOW = 200;

export function flowName(flow: string): string {
  return packText(flow.length <= INDEXED_FLOW ? flow : `${flow.slice(0, INDEXED_FLOW - 40)} ${hashOf(flow)}`);
}

/** The name under which an idempotency key of an API stands. */
export function keyHash(api: string, idempotencyKey: string): string {
  return hashOf(api, idempotencyKey);
}

/** All of an operation but its instants and its body, as JSON. */
export function toHead({ acceptedAt: _acceptedAt, dueAt: _dueAt, expiresAt: _expiresAt, request, ...operation }: NewOperation): string {
  const { body: _body, ...head } = request;
  return JSON.stringify({ ...operation, request: head });
}

/** The columns of the table `operation` that an operation is made of. */
export type OperationColumns = readonly [
  acceptedAt: number,
  dueAt: number,
  expiresAt: number | null,
  head: string,
  body: Uint8Array | null,
];

export function toOperation([acceptedAt, dueAt, expiresAt, text, body]: OperationColumns, time: DatabaseTime): NewOperation {
  const { request, ...head } = JSON.parse(text) as Omit<NewOperation, "acceptedAt" | "dueAt" | "expiresAt">;
  return {
    ...head,
    request: body === null ? request : { ...request, body: new Uint8Array(body) },
    acceptedAt: time.fromDatabase(acceptedAt),
    dueAt: time.fromDatabase(dueAt),
    ...(expiresAt !== null && { expiresAt: time.fromDatabase(expiresAt) }),
  };
}

/** The columns of a claimed operation, as `claim_1` and `reap_1` give them. */
export type ClaimedColumns = readonly [
  claims: number,
  attempts: number,
  delay: number,
  vanished: number,
  doubt: boolean,
  ...operation: OperationColumns,
];

export const CLAIMED_COLUMNS = "claims, attempts, delay, vanished, doubt, accepted_at, due_at, expires_at, head, body";

export function toClaimed(
  [claim, attempts, previousDelayMs, vanished, inDoubt, ...columns]: ClaimedColumns,
  time: DatabaseTime,
): ClaimedOperation {
  return { operation: toOperation(columns, time), claim, attempts, previousDelayMs, vanished, inDoubt };
}
