/** A bucket that holds `burst` tokens and refills at `limit` per `perMs`; a call costs one. */
export interface TokenBucket {
  /** Milliseconds until a token is there; 0 now. */
  waitMs(now: number): number;
  /** Takes a token. Ask {@link waitMs} first. */
  take(now: number): void;
  /** Tokens that are there. */
  left(now: number): number;
}

/** Thirds of a second do not add up to a second in floating point; a nanosecond is no reason to refuse. */
const ROUNDING_MS = 1e-6;

/**
 * Kept as one instant, the *theoretical arrival time* of the generic cell rate algorithm: the instant at which the bucket
 * will be full again. A call moves it on by the time of one token; it may stand at most `burst` tokens ahead. Nothing
 * is ever added up over time, so nothing drifts.
 */
export function tokenBucket(rate: { readonly limit: number; readonly perMs: number; readonly burst: number }): TokenBucket {
  const tokenMs = rate.perMs / rate.limit;
  const depthMs = tokenMs * rate.burst;
  let fullAt = -Infinity;
  return {
    waitMs(now) {
      const waitMs = Math.max(fullAt, now) + tokenMs - depthMs - now;
      return waitMs > ROUNDING_MS ? waitMs : 0;
    },
    take(now) {
      fullAt = Math.max(fullAt, now) + tokenMs;
    },
    left: (now) => (depthMs - Math.max(0, fullAt - now)) / tokenMs,
  };
}
