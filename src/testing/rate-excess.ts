import { durationMs } from "../core/duration.ts";
import type { Duration } from "../core/duration.ts";

/** What a rate limit promises: in no interval of length t do more than `burst + t · limit / per` calls start. */
export interface RateBound {
  readonly limit: number;
  readonly per: Duration;
  /** @default limit */
  readonly burst?: number;
}

/**
 * By how many calls the worst interval of all breaks a bound; zero or less means that the bound held. Give it the
 * instants at which calls started, in milliseconds, in order.
 *
 * It looks at every interval, not at fixed windows: for starts i ≤ j it wants `j − i + 1 − rate · (tⱼ − tᵢ) − burst`, and
 * finds the largest in one pass, since the part that depends on i can be kept as a running minimum.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { rateExcess } from "holdfast/testing";
 *
 * assert.ok(rateExcess([0, 0, 500, 1_000], { limit: 2, per: "1s" }) <= 0);
 * assert.equal(rateExcess([0, 0, 0], { limit: 2, per: "1s" }), 1);
 * ```
 */
export function rateExcess(starts: readonly number[], bound: RateBound): number {
  const perMs = bound.limit / durationMs(bound.per, "per");
  const burst = bound.burst ?? bound.limit;
  let worst = -burst;
  const first = starts[0] ?? 0;
  let lowest = Infinity;
  for (const [index, at] of starts.entries()) {
    const level = index - perMs * (at - first);
    lowest = Math.min(lowest, level);
    worst = Math.max(worst, level - lowest + 1 - burst);
  }
  return worst;
}
