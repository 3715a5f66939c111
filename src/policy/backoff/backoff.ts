import { durationMs, MAX_DELAY_MS, type Duration } from "../../core/duration.ts";
import { ConfigError } from "../../core/errors.ts";
import { refuseUnknown } from "../../core/options.ts";
import { shown } from "../../core/shown.ts";

/** How long to wait before a retry. `retry` counts from 0; `previousMs` is the last wait (0 before the first). */
export type Backoff = (retry: number, previousMs: number, random: () => number) => number;

/**
 * How chance is laid over an exponential step `e = min(cap, base · factor^retry)`:
 * `full` U(0, e) · `equal` e/2 + U(0, e/2) · `decorrelated` min(cap, U(base, 3 · previous)) · `additive` min(cap, e + U(0, base)) ·
 * `none` e. Source: Brooker, "Exponential Backoff And Jitter" (AWS Architecture Blog, 2015).
 */
export type Jitter = "full" | "equal" | "decorrelated" | "additive" | "none";

export interface ExponentialOptions {
  /** First step. @default "200ms" */
  readonly base?: Duration;
  /** What each step is multiplied by. @default 2 */
  readonly factor?: number;
  /** Longest step, applied before the jitter. @default "30s" */
  readonly cap?: Duration;
  /** @default "full" */
  readonly jitter?: Jitter;
  /** Width of `additive` jitter. @default base */
  readonly additive?: Duration;
  /** A short first retry, without jitter; the exponential steps follow it. */
  readonly first?: Duration;
}

/** What may stand where a backoff is asked for: one made below, its options as data, a list of waits (one for each retry), or a function. */
export type BackoffLike = Backoff | ExponentialOptions | readonly Duration[];

const OPTIONS: readonly (keyof ExponentialOptions)[] = ["base", "factor", "cap", "jitter", "additive", "first"];
const JITTERS: readonly Jitter[] = ["full", "equal", "decorrelated", "additive", "none"];

/**
 * Exponential backoff with jitter.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { exponential } from "holdfast";
 *
 * const backoff = exponential({ base: "1s", cap: "30s", jitter: "none" });
 * assert.deepEqual([0, 1, 2, 9].map((retry) => backoff(retry, 0, Math.random)), [1000, 2000, 4000, 30000]);
 * ```
 */
export function exponential(options: ExponentialOptions = {}, path = "backoff"): Backoff {
  refuseUnknown(options, OPTIONS, path);
  const base = span(options.base ?? 200, `${path}.base`);
  const cap = span(options.cap ?? 30_000, `${path}.cap`);
  const factor = options.factor ?? 2;
  const jitter = options.jitter ?? "full";
  const additive = span(options.additive ?? base, `${path}.additive`);
  const first = options.first === undefined ? undefined : span(options.first, `${path}.first`);
  if (!(factor >= 1) || !Number.isFinite(factor)) {
    throw new ConfigError({ path: `${path}.factor`, message: `${path}.factor is ${shown(factor)}; give a finite number of at least 1` });
  }
  if (cap < base) throw capBelow(path, cap, base);
  if (!JITTERS.includes(jitter)) {
    throw new ConfigError({ path: `${path}.jitter`, message: `${path}.jitter is ${shown(jitter)}; give one of ${JITTERS.join(", ")}` });
  }
  if (options.additive !== undefined && jitter !== "additive") {
    throw new ConfigError({
      path: `${path}.additive`,
      message: `${path}.additive has no effect with jitter ${JSON.stringify(jitter)}; remove it or set ${path}.jitter to "additive"`,
    });
  }
  return (retry, previousMs, random) => {
    if (first !== undefined && retry === 0) return first;
    const k = first === undefined ? retry : retry - 1;
    // factor ** k may be Infinity, which the cap takes care of; only 0 times Infinity would be no number.
    const step = base === 0 ? 0 : Math.min(cap, base * factor ** k);
    switch (jitter) {
      case "full":
        return random() * step;
      case "equal":
        return step / 2 + random() * (step / 2);
      case "decorrelated":
        return Math.min(cap, base + random() * (3 * Math.max(previousMs, base) - base));
      case "additive":
        return Math.min(cap, step + random() * additive);
      case "none":
        return step;
    }
  };
}

/** The same wait before every retry. */
export function constant(delay: Duration): Backoff {
  const ms = span(delay, "delay");
  return () => ms;
}

export interface LinearOptions {
  readonly base: Duration;
  /** What each wait is longer than the one before. @default base */
  readonly step?: Duration;
  /** Longest wait. @default "30s", or base where that is longer */
  readonly cap?: Duration;
}

/** `base`, `base + step`, `base + 2 · step`… up to `cap`. */
export function linear(options: LinearOptions): Backoff {
  refuseUnknown(options, ["base", "step", "cap"] satisfies (keyof LinearOptions)[], "linear");
  const base = span(options.base, "base");
  const step = span(options.step ?? base, "step");
  const cap = span(options.cap ?? Math.max(30_000, base), "cap");
  if (cap < base) throw capBelow("", cap, base);
  return (retry) => Math.min(cap, base + step * retry);
}

/**
 * A timetable of attempts: one wait for each, that before the first included, which is made at once and so has 0. The last one
 * repeats. `schedule([0, "30s", "90s", "180s"])`: at once, then 30 s, 90 s and 180 s after the attempt before (decision 0009).
 */
export function schedule(attempts: readonly Duration[], path = "schedule"): Backoff {
  const [first, ...waits] = attempts.map((delay, index) => span(delay, `${path}[${index}]`));
  if (first === undefined)
    throw new ConfigError({ path, message: `${path} is empty; give 0, for the first attempt, and a wait for each retry` });
  if (first !== 0) {
    throw new ConfigError({
      path: `${path}[0]`,
      message: `${path}[0] is ${shown(attempts[0])}; a schedule has one wait for each attempt, and the first is made at once: begin with 0`,
    });
  }
  const last = waits.at(-1) ?? 0;
  return (retry) => waits[retry] ?? last;
}

/** Waits from a list, one for each retry; the last one repeats. */
function listed(delays: readonly Duration[], path: string): Backoff {
  const waits = delays.map((delay, index) => span(delay, `${path}[${index}]`));
  const last = waits.at(-1);
  if (last === undefined) throw new ConfigError({ path, message: `${path} is empty; give at least one wait` });
  return (retry) => waits[retry] ?? last;
}

/** A backoff from whatever form it was given in. A function's answer is clamped, and a bad one (NaN, negative) is an error. */
export function resolveBackoff(like: BackoffLike, path: string): Backoff {
  if (typeof like === "function") {
    return (retry, previousMs, random) => {
      const ms = like(retry, previousMs, random);
      if (typeof ms !== "number" || !(ms >= 0)) {
        throw new ConfigError({
          path,
          message: `${path} answered ${shown(ms)} for retry ${retry}; a wait is a number of milliseconds of at least 0`,
        });
      }
      return Math.min(ms, MAX_DELAY_MS);
    };
  }
  if (Array.isArray(like)) return listed(like as readonly Duration[], path);
  return exponential(like as ExponentialOptions, path);
}

/** A wait as an option: no longer than a timer can hold. */
function span(value: Duration, path: string): number {
  return Math.min(durationMs(value, path), MAX_DELAY_MS);
}

function capBelow(path: string, cap: number, base: number): ConfigError {
  const at = path === "" ? "" : `${path}.`;
  return new ConfigError({
    path: `${at}cap`,
    message: `${at}cap (${cap} ms) is below ${at}base (${base} ms); raise the cap or lower the base`,
  });
}
