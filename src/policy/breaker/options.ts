import { durationMs, type Duration } from "../../core/duration.ts";
import { ConfigError } from "../../core/errors.ts";

export interface BreakerOptions {
  /** Share of failures, 0 to 1, at which it opens; inclusive. @default 0.5 */
  readonly failureRate?: number;
  /** How many of the last outcomes count. @default 20 */
  readonly window?: number;
  /** How old an outcome may be to count. @default "60s" */
  readonly windowTime?: Duration;
  /** Outcomes needed before the rate means anything. @default 10 */
  readonly minimumCalls?: number;
  /** How long it stays open the first time; doubles at each re-opening in a row. @default "30s" */
  readonly openFor?: Duration;
  /** Longest time that it stays open. @default "5m", or openFor where that is longer */
  readonly maxOpenFor?: Duration;
  /** Probes let through when half-open, all of which must succeed: 1 to 3. @default 1 */
  readonly halfOpenCalls?: number;
  /** How long a probe may take before its permit is given to another. @default "60s" */
  readonly probeLease?: Duration;
  /** Share of slow calls at which it opens as well. Needs `slowCall`. */
  readonly slowCallRate?: number;
  /** From what duration on a call counts as slow. Needs `slowCallRate`. */
  readonly slowCall?: Duration;
}

export interface ResolvedBreakerOptions {
  readonly failureRate: number;
  readonly window: number;
  readonly windowMs: number;
  readonly minimumCalls: number;
  readonly openMs: number;
  readonly maxOpenMs: number;
  readonly halfOpenCalls: number;
  readonly probeLeaseMs: number;
  readonly slowCallRate: number | undefined;
  readonly slowCallMs: number;
}

/** The options, checked and completed. Throws a {@link ConfigError} that names what is wrong. */
export function resolveBreakerOptions(options: BreakerOptions = {}, path = "breaker"): ResolvedBreakerOptions {
  const fail = (name: string, message: string): never => {
    throw new ConfigError({ path: `${path}.${name}`, message: `${path}.${name} ${message}` });
  };
  const window = options.window ?? 20;
  const minimumCalls = options.minimumCalls ?? Math.min(10, window);
  const failureRate = options.failureRate ?? 0.5;
  const halfOpenCalls = options.halfOpenCalls ?? 1;
  const openMs = durationMs(options.openFor ?? 30_000, `${path}.openFor`);
  const maxOpenMs = durationMs(options.maxOpenFor ?? Math.max(300_000, openMs), `${path}.maxOpenFor`);
  if (!Number.isInteger(window) || window < 1 || window > 10_000) fail("window", `is ${window}; give a whole number from 1 to 10000`);
  if (!Number.isInteger(minimumCalls) || minimumCalls < 1) fail("minimumCalls", `is ${minimumCalls}; give a whole number of at least 1`);
  if (minimumCalls > window) fail("minimumCalls", `is ${minimumCalls}, more than ${path}.window (${window}) holds, so the breaker could never open`);
  if (!(failureRate > 0 && failureRate <= 1)) fail("failureRate", `is ${failureRate}; give a share above 0 and up to 1`);
  if (!Number.isInteger(halfOpenCalls) || halfOpenCalls < 1 || halfOpenCalls > 3) fail("halfOpenCalls", `is ${halfOpenCalls}; give 1, 2 or 3`);
  if (openMs <= 0) fail("openFor", "is 0; an open breaker must stay open for some time");
  if (maxOpenMs < openMs) fail("maxOpenFor", `(${maxOpenMs} ms) is below ${path}.openFor (${openMs} ms)`);
  if (options.slowCallRate !== undefined && !(options.slowCallRate > 0 && options.slowCallRate <= 1)) {
    fail("slowCallRate", `is ${options.slowCallRate}; give a share above 0 and up to 1`);
  }
  if ((options.slowCallRate === undefined) !== (options.slowCall === undefined)) {
    const missing = options.slowCallRate === undefined ? "slowCallRate" : "slowCall";
    fail(missing, `is missing: slowCallRate and slowCall have an effect only together`);
  }
  return Object.freeze({
    failureRate,
    window,
    windowMs: durationMs(options.windowTime ?? 60_000, `${path}.windowTime`),
    minimumCalls,
    openMs,
    maxOpenMs,
    halfOpenCalls,
    probeLeaseMs: durationMs(options.probeLease ?? 60_000, `${path}.probeLease`),
    slowCallRate: options.slowCallRate,
    slowCallMs: options.slowCall === undefined ? Number.POSITIVE_INFINITY : durationMs(options.slowCall, `${path}.slowCall`),
  });
}
