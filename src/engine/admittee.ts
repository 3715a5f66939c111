import type { CallerSignal } from "../ports/leaving.ts";

/** What a lane asks of a call that wants to go. */
export interface Admittee {
  /** Units of the rate limit that it takes. */
  readonly cost: number;
  /** Monotonic ms after which waiting is useless. */
  readonly deadlineAt: number;
  /** Longest wait that it puts up with, ms. */
  readonly maxWaitMs: number;
  /** The caller's. */
  readonly callerSignal: CallerSignal | undefined;
  /** The breaker's stamp that it was admitted with; kept by the call until it settles. */
  generation: number;
  /** When it was admitted; kept for an admission that is given back. */
  admittedAt?: number;
}
