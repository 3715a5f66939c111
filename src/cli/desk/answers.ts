/** What the gateway's API answers, as commands read it; `GET /openapi.json` tells the whole of it. */
import type { Because } from "../../core/decision.ts";
import type { AttemptRecord, DeadLetter, DeadLetterGroup, StoredRequest } from "../../ports/dead-letter-store.ts";
import type { LaneKey, OperationState } from "../../ports/operation-store.ts";
import type { SyncStatus } from "../../client/syncs.ts";

type Bytes = { readonly text: string } | { readonly base64: string };
type ToldRequest = Omit<StoredRequest, "body"> & { readonly body?: Bytes };

export type LetterLine = Omit<DeadLetter, "request" | "attempts"> & {
  readonly attempts: number;
  readonly doubt?: string;
};
export type WholeLetter = Omit<DeadLetter, "request"> & { readonly request?: ToldRequest; readonly doubt?: string };
export type GroupLine = DeadLetterGroup;

interface OperationHead extends LaneKey {
  readonly id: string;
  readonly flow: string;
  readonly state: OperationState;
  readonly since: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly key?: string;
  readonly priority: number;
  readonly acceptedAt: number;
  readonly dueAt: number;
  readonly expiresAt?: number;
  readonly parkedUntil?: number;
  readonly leaseUntil?: number;
  readonly worker?: string;
  readonly because?: Because;
}
export interface OperationLine extends OperationHead {
  readonly attempts: number;
}
export interface WholeOperation extends OperationHead {
  readonly request: ToldRequest;
  readonly attempts: readonly AttemptRecord[];
  readonly answer?: { readonly status?: number; readonly headers?: readonly (readonly [string, string])[]; readonly body: Bytes };
}

export interface LaneLine extends LaneKey {
  readonly id: string;
  readonly breaker: "closed" | "open" | "half-open" | "none" | "unknown";
  readonly because: string;
  readonly inFlight: number;
  readonly waiting: number;
  readonly queue: {
    readonly due: number;
    readonly leased: number;
    readonly parked: number;
    readonly oldestDueAt?: number;
    readonly nextDueAt?: number;
    readonly paused: boolean;
  };
  readonly holds: readonly { readonly what: string; readonly by: string; readonly why?: string; readonly until?: number }[];
}

export type SyncLine = SyncStatus;

export interface ReplayView {
  readonly id: string;
  readonly state: "running" | "stopping" | "finished" | "failed";
  readonly resolved: number;
  readonly failedAgain: number;
  readonly skipped: number;
  readonly stopped?: string;
  readonly error?: string;
  readonly entries: readonly { readonly id: string; readonly result: string; readonly because: string }[];
}

/** Bytes as they were. */
export function bytesOf(told: Bytes | undefined): Uint8Array | undefined {
  if (told === undefined) return undefined;
  return "text" in told ? new TextEncoder().encode(told.text) : Buffer.from(told.base64, "base64");
}

/** A request as it is kept. */
export function requestOf({ body, ...rest }: ToldRequest): StoredRequest {
  const bytes = bytesOf(body);
  return bytes === undefined ? rest : { ...rest, body: bytes };
}

export function letterOf({ request, doubt: _doubt, ...rest }: WholeLetter): DeadLetter {
  return request === undefined ? rest : { ...rest, request: requestOf(request) };
}
