import { durationMs, type Duration } from "../core/duration.ts";
import { ConfigError } from "../core/errors.ts";
import { shown } from "../core/shown.ts";
import { resolveBackoff, type Backoff, type BackoffLike } from "../policy/backoff/backoff.ts";

/** How long things may take. */
export interface TimeoutOptions {
  /** Each attempt; a list escalates, its last value repeats. @default none, or the profile's */
  readonly attempt?: Duration | readonly Duration[];
  /**
   * The whole call, waits included; what runs then is cut off. The default only forbids further attempts, and a stand-alone
   * `retry()` counts it from its first failure (decision 0008). @default "2m", or the profile's
   */
  readonly total?: Duration;
}

/** What may be said of attempts and waits, wherever retries are configured. */
export interface AttemptOptions {
  /** All tries, the first included. There is no unbounded retry. @default 4, or the profile's */
  readonly maxAttempts?: number;
  /** @default exponential, 200 ms doubling to 30 s, full jitter; or the profile's */
  readonly backoff?: BackoffLike;
  readonly timeout?: TimeoutOptions;
  /** A hint of the other side (Retry-After) over this is not slept: the call fails now and tells when. @default "60s" */
  readonly maxHint?: Duration;
  /** Longest wait for a rate token of our own or for an open breaker. @default maxHint */
  readonly maxWait?: Duration;
}

/** The rules of a call, resolved, checked and frozen once for all calls of an operation. */
export interface CallPolicy {
  readonly maxAttempts: number;
  readonly backoff: Backoff;
  /** Timeout of each attempt in ms; the last repeats. Infinity for none. */
  readonly attemptTimeoutsMs: readonly number[];
  readonly totalMs: number;
  /** Whether a running attempt is cut off when the total is over. A total nobody asked for only stops further attempts. */
  readonly cutAtTotal: boolean;
  readonly maxHintMs: number;
  /** Longest wait for a rate token or an open breaker. */
  readonly maxWaitMs: number;
}

const DEFAULT_TOTAL_MS = 120_000;
const DEFAULT_MAX_ATTEMPTS = 4;
const DEFAULT_MAX_HINT_MS = 60_000;
/** A retry that is still tried after this many attempts is a loop without end by another name. */
const MOST_ATTEMPTS = 1_000;

/** Checks and completes the options. `path` is where they stand, for messages: `apis.crm`. */
export function resolveCallPolicy(
  options: AttemptOptions,
  path: { readonly retry: string; readonly timeout: string; readonly rest: string },
): CallPolicy {
  const maxAttempts = options.maxAttempts ?? DEFAULT_MAX_ATTEMPTS;
  if (!Number.isInteger(maxAttempts) || maxAttempts < 1 || maxAttempts > MOST_ATTEMPTS) {
    const at = `${path.retry}maxAttempts`;
    throw new ConfigError({
      path: at,
      message: `${at} is ${shown(maxAttempts)}; give a whole number from 1 to ${MOST_ATTEMPTS} (all tries, the first included): there is no unbounded retry`,
    });
  }
  const { attempt, total } = options.timeout ?? {};
  const attemptTimeoutsMs = attemptTimeouts(attempt, `${path.timeout}attempt`);
  const maxHintMs = durationMs(options.maxHint ?? DEFAULT_MAX_HINT_MS, `${path.rest}maxHint`);
  return Object.freeze({
    maxAttempts,
    backoff: resolveBackoff(options.backoff ?? {}, `${path.retry}backoff`),
    attemptTimeoutsMs: Object.freeze(attemptTimeoutsMs),
    totalMs: total === undefined ? DEFAULT_TOTAL_MS : positive(total, `${path.timeout}total`),
    cutAtTotal: total !== undefined,
    maxHintMs,
    maxWaitMs: options.maxWait === undefined ? maxHintMs : durationMs(options.maxWait, `${path.rest}maxWait`),
  });
}

function attemptTimeouts(given: TimeoutOptions["attempt"], path: string): readonly number[] {
  if (given === undefined) return [Number.POSITIVE_INFINITY];
  if (!Array.isArray(given)) return [orNone(given as Duration, path)];
  if (given.length === 0) throw new ConfigError({ path, message: `${path} is empty; give a duration, or leave it out` });
  return (given as readonly Duration[]).map((one, index) => orNone(one, `${path}[${index}]`));
}

/** Infinity says in words what leaving it out says. */
function orNone(value: Duration, path: string): number {
  return value === Number.POSITIVE_INFINITY ? value : positive(value, path);
}

function positive(value: Duration, path: string): number {
  const ms = durationMs(value, path);
  if (ms === 0)
    throw new ConfigError({ path, message: `${path} is 0, so nothing could ever finish; give a time, or leave it out for none` });
  return ms;
}
