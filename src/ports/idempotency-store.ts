/** An answer that was kept, so that a repeated call gets the same one: byte for byte. */
export interface StoredAnswer {
  /** `response`: an HTTP answer. `value`: what a function returned, as JSON. */
  readonly type: "response" | "value";
  readonly status?: number;
  readonly statusText?: string;
  readonly headers?: readonly (readonly [string, string])[];
  /** The body's bytes, or the JSON text of the value. */
  readonly body: Uint8Array;
}

/** What is asked when work under a key is about to start. Instants are wall-clock milliseconds. */
export interface BeginRequest {
  /** The key, already scoped by API and endpoint. */
  readonly key: string;
  /** Hash of method, endpoint and canonical payload. */
  readonly fingerprint: string;
  /** Names this try; the later `finish`, `extend` or `release` must show it again (fencing). */
  readonly token: string;
  readonly now: number;
  /** Until when this try holds the key. A lease that ran out leaves the outcome unknown, not free. */
  readonly leaseUntil: number;
}

export type BeginResult =
  /** The key is ours. `unknown` tells that an earlier holder vanished in mid-work, so its effect may stand. */
  | { readonly state: "claimed"; readonly earlier: "none" | "unknown" }
  | { readonly state: "running"; readonly leaseUntil: number }
  | { readonly state: "done"; readonly answer: StoredAnswer }
  | { readonly state: "mismatch" };

export interface FinishRequest {
  readonly key: string;
  readonly token: string;
  /** `done` keeps the answer until `expiresAt`; `unknown` keeps the doubt until somebody resolves it. */
  readonly state: "done" | "unknown";
  readonly answer?: StoredAnswer;
  readonly expiresAt: number;
  readonly now: number;
}

/**
 * Keeps what was done under each idempotency key. Verbs take batches, so that a backend can answer fifty callers with
 * one commit; results come in the order asked. A promise that resolves means: durable.
 */
export interface IdempotencyStore {
  begin(requests: readonly BeginRequest[]): Promise<readonly BeginResult[]>;
  /** `stale` where the token no longer holds the key: nothing was changed. */
  finish(requests: readonly FinishRequest[]): Promise<readonly ("applied" | "stale")[]>;
  /** Gives a key back unused: nothing reached the other side. */
  release(requests: readonly { readonly key: string; readonly token: string }[]): Promise<readonly ("applied" | "stale")[]>;
  /** Moves the end of leases; `stale` where the token no longer holds the key. */
  extend(
    requests: readonly { readonly key: string; readonly token: string; readonly leaseUntil: number }[],
  ): Promise<readonly ("applied" | "stale")[]>;
  /** Deletes `done` keys that expired at or before `now`; at most `limit` at a time. Answers how many went. */
  sweep(now: number, limit: number): Promise<number>;
}
