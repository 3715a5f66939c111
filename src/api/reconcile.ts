/** A write of which nobody here knows whether it happened. */
export interface ReconcileQuestion {
  /** Id of the operation (UUIDv7): what its attempts carried as `X-Request-Id`. */
  readonly operation: string;
  readonly idempotencyKey: string | undefined;
  readonly method: string;
  /** Absolute. */
  readonly url: string;
  /** What was sent, as text; undefined where there was no body, or it was a stream and is gone. */
  readonly body: string | undefined;
  /** The same API's `fetch`, to ask with: under its limits and with its credential. Takes a path. */
  readonly fetch: typeof globalThis.fetch;
}

/**
 * What the other side says. `true`: it stands; `response` is what the caller gets for it (by default an empty 204). `false`: it
 * does not, and may be sent again. `"unknown"`: it cannot tell, and the write stays in doubt as a dead letter.
 */
export type ReconcileAnswer = { readonly happened: true; readonly response?: Response } | { readonly happened: false | "unknown" };

/** Looks a write up at the other side. Ask for the effect itself (the contact with this email), not for the request. */
export type Reconcile = (question: ReconcileQuestion) => Promise<ReconcileAnswer>;
