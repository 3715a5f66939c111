import { ConfigError } from "../../core/errors.ts";
import { shown } from "../../core/shown.ts";
import type { ResolvedRateLimit } from "./options.ts";

/** Refuses a cost that is none, and one over a burst: that much a bucket never holds, so such a call could never start. */
export function checkCost(cost: number, limits: readonly ResolvedRateLimit[], path: string): void {
  if (typeof cost !== "number" || !(cost > 0) || !Number.isFinite(cost)) {
    throw new ConfigError({ path, message: `${path} is ${shown(cost)}; give a number above 0` });
  }
  const smallest = smallestBurst(limits);
  if (cost <= smallest) return;
  throw new ConfigError({
    path,
    message: `${path} is ${cost}, more than a burst of ${smallest} ever holds, so the call could never start; raise rateLimit.burst, or split the call`,
  });
}

/** The most that one call may cost: Infinity where nothing counts its cost. */
export function smallestBurst(limits: readonly ResolvedRateLimit[]): number {
  return Math.min(...limits.filter(({ counts }) => counts === "cost").map(({ burst }) => burst));
}
