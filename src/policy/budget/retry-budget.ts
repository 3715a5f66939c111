import { durationMs, type Duration } from "../../core/duration.ts";
import { ConfigError } from "../../core/errors.ts";

export interface RetryBudgetOptions {
  /** Retries allowed per success. @default 0.1 */
  readonly ratio?: number;
  /** Retries per second that are always allowed, so that a quiet lane can retry at all. @default 1 */
  readonly minPerSecond?: number;
  /** How long a success earns credit, and a retry uses it. @default "10s" */
  readonly ttl?: Duration;
}

export interface ResolvedRetryBudget {
  readonly ratio: number;
  readonly minPerSecond: number;
  readonly ttlMs: number;
}

export function resolveRetryBudget(options: RetryBudgetOptions = {}, path = "retryBudget"): ResolvedRetryBudget {
  const ratio = options.ratio ?? 0.1;
  const minPerSecond = options.minPerSecond ?? 1;
  const ttlMs = durationMs(options.ttl ?? 10_000, `${path}.ttl`);
  if (!(ratio >= 0) || !Number.isFinite(ratio)) throw new ConfigError({ path: `${path}.ratio`, message: `${path}.ratio is ${ratio}; give retries per success, such as 0.1` });
  if (!(minPerSecond >= 0) || !Number.isFinite(minPerSecond)) {
    throw new ConfigError({ path: `${path}.minPerSecond`, message: `${path}.minPerSecond is ${minPerSecond}; give a number of at least 0` });
  }
  if (ttlMs < 1_000) throw new ConfigError({ path: `${path}.ttl`, message: `${path}.ttl is ${ttlMs} ms; give at least a second` });
  return Object.freeze({ ratio, minPerSecond, ttlMs });
}

const SLOTS = 10;

/**
 * A lane's retry budget. Deposits are made on **success**, not on attempts: in an outage nothing succeeds, so retries dry up
 * and the load falls back to about what the callers send. Over any window of `ttl`, retries ≤ reserve + ratio · successes,
 * where the reserve is `minPerSecond · ttl`. After Finagle's RetryBudget; ten slots of a ring stand for the window.
 */
export class RetryBudget {
  readonly #ratio: number;
  readonly #reserve: number;
  readonly #slotMs: number;
  readonly #earned = new Float64Array(SLOTS);
  readonly #spent = new Float64Array(SLOTS);
  #slot = 0;
  #earnedSum = 0;
  #spentSum = 0;

  constructor(options: ResolvedRetryBudget) {
    this.#ratio = options.ratio;
    this.#reserve = options.minPerSecond * options.ttlMs / 1_000;
    this.#slotMs = options.ttlMs / SLOTS;
  }

  /** A call succeeded. */
  deposit(now: number): void {
    const index = this.#turnTo(now);
    this.#earned[index] = (this.#earned[index] ?? 0) + this.#ratio;
    this.#earnedSum += this.#ratio;
  }

  /** Retries that may be made now, as a whole number. */
  available(now: number): number {
    this.#turnTo(now);
    return Math.max(0, Math.floor(this.#reserve + this.#earnedSum - this.#spentSum + 1e-9));
  }

  /** Takes one retry's worth; the caller has looked at `available` in the same tick. */
  withdraw(now: number): void {
    const index = this.#turnTo(now);
    this.#spent[index] = (this.#spent[index] ?? 0) + 1;
    this.#spentSum += 1;
  }

  #turnTo(now: number): number {
    const slot = Math.floor(now / this.#slotMs);
    if (slot > this.#slot) {
      for (let passed = Math.max(this.#slot + 1, slot - SLOTS + 1); passed <= slot; passed += 1) {
        const index = passed % SLOTS;
        this.#earnedSum -= this.#earned[index] ?? 0;
        this.#spentSum -= this.#spent[index] ?? 0;
        this.#earned[index] = 0;
        this.#spent[index] = 0;
      }
      if (slot - this.#slot >= SLOTS) {
        // Everything is old: start from exact zeros, so that rounding does not pile up over months.
        this.#earnedSum = 0;
        this.#spentSum = 0;
      }
      this.#slot = slot;
    }
    return this.#slot % SLOTS;
  }
}
