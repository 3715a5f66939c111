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
  /** Names this try and no other; the later `finish`, `extend` or `release` must show it again (fencing). */
  readonly token: string;
  readonly now: number;
  /** Until when this try holds the key: while `now < leaseUntil`. A lease that ran out leaves the outcome unknown, not free. */
  readonly leaseUntil: number;
}

export type BeginResult =
  /** The key is ours. `unknown` tells that an earlier holder vanished or gave up in mid-work, so its effect may stand. */
  | { readonly state: "claimed"; readonly earlier: "none" | "unknown" }
  | { readonly state: "running"; readonly leaseUntil: number }
  | { readonly state: "done"; readonly answer: StoredAnswer }
  /** The key stands for another payload. */
  | { readonly state: "mismatch" };

/** How the work under a key ended: with a definite answer, kept until `expiresAt`, or in doubt, kept until somebody resolves it. */
export type FinishRequest = {
  readonly key: string;
  readonly token: string;
  readonly now: number;
} & ({ readonly state: "done"; readonly answer: StoredAnswer; readonly expiresAt: number } | { readonly state: "unknown" });

/** Names a holder of a key. */
export interface KeyHolder {
  readonly key: string;
  readonly token: string;
}

/** `stale`: the one who asked no longer holds what it asked for; nothing was changed. */
export type Fenced = "applied" | "stale";

/**
 * Keeps what was done under each idempotency key.
 *
 * A key is *absent*, *running* (a token holds it under a lease), *done* (an answer is kept until it expires) or *unknown*
 * (the effect may stand and nobody holds it).
 *
 * ```
 * absent ──begin──▶ running ──finish done──▶ done ──expires──▶ absent
 *                   │  ▲  └─finish unknown, or the lease runs out──▶ unknown ──resolve──▶ absent
 *                   │  └────────────────────begin───────────────────────┘
 *                   └─release──▶ absent, or unknown again where it was taken over in doubt
 * ```
 *
 * A doubt therefore outlives every try that did not settle it: a try that takes a key over in doubt, sends nothing and
 * releases it leaves the doubt behind. A lease that ran out frees nobody: its holder may still finish, extend or release
 * as long as no other try has taken the key over.
 *
 * Verbs take batches, so that a backend can answer fifty callers with one commit. A batch is done in its order, each
 * request seeing what those before it did, and results come in the order asked. A promise that resolves means: durable.
 */
export interface IdempotencyStore {
  /**
   * Takes a key, or tells who has it. Any state but an expired `done` answers `mismatch` to another fingerprint. The token
   * that holds the key already is answered as before and gets the new lease, so that a repeated begin is harmless.
   */
  begin(requests: readonly BeginRequest[]): Promise<readonly BeginResult[]>;
  finish(requests: readonly FinishRequest[]): Promise<readonly Fenced[]>;
  /** Gives a key back unused: nothing of this try reached the other side. */
  release(requests: readonly KeyHolder[]): Promise<readonly Fenced[]>;
  /** Moves the end of leases. */
  extend(requests: readonly (KeyHolder & { readonly leaseUntil: number })[]): Promise<readonly Fenced[]>;
  /**
   * Clears doubts: somebody found out that the effect does not stand, or answers for sending it again. `stale` where there
   * is no doubt to clear: the key is absent, done, or held.
   */
  resolve(requests: readonly { readonly key: string; readonly now: number }[]): Promise<readonly Fenced[]>;
  /** Deletes `done` keys that expired at or before `now`; at most `limit` at a time. Answers how many went. */
  sweep(now: number, limit: number): Promise<number>;
}
