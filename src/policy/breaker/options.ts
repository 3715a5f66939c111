import { durationMs, type Duration } from "../../core/duration.ts";
import { ConfigError } from "../../core/errors.ts";
import { refuseUnknown } from "../../core/options.ts";
import { shown } from "../../core/shown.ts";

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

/** The last four are read by the doors that hand their own options through: `whenOpen` by an API, the others by circuitBreaker(). */
const OPTIONS: readonly string[] = [
  ...([
    "failureRate",
    "window",
    "windowTime",
    "minimumCalls",
    "openFor",
    "maxOpenFor",
    "halfOpenCalls",
    "probeLease",
    "slowCallRate",
    "slowCall",
  ] satisfies (keyof BreakerOptions)[]),
  "whenOpen",
  "name",
  "clock",
  "random",
];

/** The options, checked and completed. Throws a {@link ConfigError} that names what is wrong. */
export function resolveBreakerOptions(options: BreakerOptions = {}, path = "breaker"): ResolvedBreakerOptions {
  refuseUnknown(options, OPTIONS, path);
  const fail = (name: keyof BreakerOptions, message: string): never => {
    throw new ConfigError({ path: `${path}.${name}`, message: `${path}.${name} ${message}` });
  };
  /** A count from 1 on. */
  const count = (name: keyof BreakerOptions, value: number, most: number): number =>
    Number.isInteger(value) && value >= 1 && value <= most
      ? value
      : fail(name, `is ${shown(value)}; give a whole number from 1 to ${most}`);
  /** A share above 0. */
  const share = (name: keyof BreakerOptions, value: number): number =>
    typeof value === "number" && value > 0 && value <= 1 ? value : fail(name, `is ${shown(value)}; give a share above 0 and up to 1`);
  /** A time above 0. */
  const time = (name: keyof BreakerOptions, value: Duration, why: string): number => {
    const ms = durationMs(value, `${path}.${name}`);
    return ms > 0 ? ms : fail(name, `is 0; ${why}`);
  };

  const window = count("window", options.window ?? 20, 10_000);
  const minimumCalls = count("minimumCalls", options.minimumCalls ?? Math.min(10, window), 10_000);
  if (minimumCalls > window)
    fail("minimumCalls", `is ${minimumCalls}, more than ${path}.window (${window}) holds, so the breaker could never open`);
  const openMs = time("openFor", options.openFor ?? 30_000, "an open breaker must stay open for some time");
  const maxOpenMs = durationMs(options.maxOpenFor ?? Math.max(300_000, openMs), `${path}.maxOpenFor`);
  if (maxOpenMs < openMs) fail("maxOpenFor", `(${maxOpenMs} ms) is below ${path}.openFor (${openMs} ms)`);
  const { slowCallRate, slowCall } = options;
  if ((slowCallRate === undefined) !== (slowCall === undefined)) {
    fail(slowCallRate === undefined ? "slowCallRate" : "slowCall", "is missing: slowCallRate and slowCall have an effect only together");
  }
  return Object.freeze({
    failureRate: share("failureRate", options.failureRate ?? 0.5),
    window,
    windowMs: time("windowTime", options.windowTime ?? 60_000, "no outcome would ever count"),
    minimumCalls,
    openMs,
    maxOpenMs,
    halfOpenCalls: count("halfOpenCalls", options.halfOpenCalls ?? 1, 3),
    probeLeaseMs: time("probeLease", options.probeLease ?? 60_000, "every probe would be given up at once"),
    slowCallRate: slowCallRate === undefined ? undefined : share("slowCallRate", slowCallRate),
    slowCallMs: slowCall === undefined ? Number.POSITIVE_INFINITY : time("slowCall", slowCall, "every call would count as slow"),
  });
}
