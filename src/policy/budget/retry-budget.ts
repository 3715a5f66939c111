import { durationMs, type Duration } from "../../core/duration.ts";
import { ConfigError } from "../../core/errors.ts";
import { refuseUnknown } from "../../core/options.ts";
import { shown } from "../../core/shown.ts";

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

const OPTIONS: readonly (keyof RetryBudgetOptions)[] = ["ratio", "minPerSecond", "ttl"];

export function resolveRetryBudget(options: RetryBudgetOptions = {}, path = "retryBudget"): ResolvedRetryBudget {
  refuseUnknown(options, OPTIONS, path);
  const ratio = options.ratio ?? 0.1;
  const minPerSecond = options.minPerSecond ?? 1;
  const ttlMs = durationMs(options.ttl ?? 10_000, `${path}.ttl`);
  if (!(ratio >= 0) || !Number.isFinite(ratio)) {
    throw new ConfigError({ path: `${path}.ratio`, message: `${path}.ratio is ${shown(ratio)}; give retries per success, such as 0.1` });
  }
  if (!(minPerSecond >= 0) || !Number.isFinite(minPerSecond)) {
    throw new ConfigError({
      path: `${path}.minPerSecond`,
      message: `${path}.minPerSecond is ${shown(minPerSecond)}; give a number of at least 0`,
    });
  }
  if (ttlMs < 1_000) throw new ConfigError({ path: `${path}.ttl`, message: `${path}.ttl is ${ttlMs} ms; give at least a second` });
  return Object.freeze({ ratio, minPerSecond, ttlMs });
}

/** The window is cut into ten; the eleventh slot is the one that is filling, so that a whole `ttl` is always looked at. */
const SLOTS = 11;

/**
 * A lane's retry budget. Deposits are made on **success**, not on attempts: in an outage nothing succeeds, so retries dry up
 * and the load falls back to about what the callers send. In any window of `ttl`, retries ≤ reserve + ratio · successes,
 * where the reserve is `minPerSecond · ttl` and the successes are those of the window and up to a tenth of it before. After Finagle's
 * RetryBudget. Successes and retries are counted whole, so that no rounding piles up over months.
 */
export class RetryBudget {
  readonly options: ResolvedRetryBudget;
  readonly #ratio: number;
  readonly #reserve: number;
  readonly #slotMs: number;
  readonly #successes = new Float64Array(SLOTS);
  readonly #retries = new Float64Array(SLOTS);
  #slot = 0;
  #successSum = 0;
  #retrySum = 0;

  constructor(options: ResolvedRetryBudget) {
    this.options = options;
    this.#ratio = options.ratio;
    this.#reserve = (options.minPerSecond * options.ttlMs) / 1_000;
    this.#slotMs = options.ttlMs / (SLOTS - 1);
  }

  /** A call succeeded. */
  deposit(now: number): void {
    const index = this.#turnTo(now);
    this.#successes[index] = (this.#successes[index] ?? 0) + 1;
    this.#successSum += 1;
  }

  /** Retries that may be made now, as a whole number. */
  available(now: number): number {
    this.#turnTo(now);
    // A tenth of ten successes is one retry, though ten times 0.1 need not be 1.
    return Math.max(0, Math.floor(this.#reserve + this.#ratio * this.#successSum - this.#retrySum + 1e-9));
  }

  /** Takes one retry's worth; the caller has looked at `available` in the same tick. */
  withdraw(now: number): void {
    const index = this.#turnTo(now);
    this.#retries[index] = (this.#retries[index] ?? 0) + 1;
    this.#retrySum += 1;
  }

  /** Empties the slots that have passed; answers the one that is filling. */
  #turnTo(now: number): number {
    const slot = Math.floor(now / this.#slotMs);
    for (let passed = Math.max(this.#slot + 1, slot - SLOTS + 1); passed <= slot; passed += 1) {
      const index = passed % SLOTS;
      this.#successSum -= this.#successes[index] ?? 0;
      this.#retrySum -= this.#retries[index] ?? 0;
      this.#successes[index] = 0;
      this.#retries[index] = 0;
    }
    if (slot > this.#slot) this.#slot = slot;
    return this.#slot % SLOTS;
  }
}
