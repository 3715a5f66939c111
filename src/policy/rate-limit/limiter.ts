import { ConfigError } from "../../core/errors.ts";
import { shown } from "../../core/shown.ts";
import type { ResolvedRateLimit } from "./options.ts";
import { LONGEST_PAUSE_MS, TokenBucket } from "./token-bucket.ts";

/** Of a cost that is no number of units: NaN, taken once, would let everything through ever after. */
export function wrongCost(cost: number): ConfigError {
  return new ConfigError({ path: "cost", message: `cost is ${shown(cost)}; give a number of at least 0` });
}

/**
 * Several buckets at once (per second and per day): a call goes when all of them let it. Without buckets it only obeys the
 * other side's hints. Pure: `now` is monotonic ms.
 */
export class Limiter {
  #buckets: readonly TokenBucket[];
  /** The one with the shortest window: what a refusal without a word is most likely about. */
  #quickest: TokenBucket | undefined;
  /** A hint of the other side stops all of them until then. */
  #pausedUntil = Number.NEGATIVE_INFINITY;

  constructor(limits: readonly ResolvedRateLimit[]) {
    this.#buckets = limits.map((limit) => new TokenBucket(limit));
    this.#quickest = quickestOf(this.#buckets, limits);
  }

  /** Other limits from now on. Buckets keep what they hold, in their order; a further one begins full. A hint goes on holding. */
  reshape(limits: readonly ResolvedRateLimit[], now: number): void {
    this.#buckets = limits.map((limit, index) => {
      const bucket = this.#buckets[index] ?? new TokenBucket(limit);
      bucket.reshape(limit, now);
      return bucket;
    });
    this.#quickest = quickestOf(this.#buckets, limits);
  }

  /** Waits for a hint that another limiter was given. */
  pauseUntil(instant: number): void {
    this.#pausedUntil = Math.max(this.#pausedUntil, instant);
  }

  /** Milliseconds until `cost` may be taken of every bucket; 0 when it may be taken now, Infinity when it never fits. */
  waitMs(cost: number, now: number): number {
    if (!(cost >= 0)) throw wrongCost(cost);
    const buckets = this.#buckets;
    let wait = Math.max(0, this.#pausedUntil - now);
    for (let index = 0; index < buckets.length; index += 1) wait = Math.max(wait, (buckets[index] as TokenBucket).waitMs(cost, now));
    return wait;
  }

  /** Takes `cost` of every bucket and answers 0, or takes nothing and answers how long to wait. */
  tryTake(cost: number, now: number): number {
    const wait = this.waitMs(cost, now);
    if (wait > 0) return wait;
    const buckets = this.#buckets;
    for (let index = 0; index < buckets.length; index += 1) (buckets[index] as TokenBucket).take(cost, now);
    return 0;
  }

  /** Gives back what was taken at `takenAt` for a call that never started. */
  refund(cost: number, takenAt: number, now: number): void {
    for (const bucket of this.#buckets) bucket.refund(cost, takenAt, now);
  }

  /** A call that took `reserved` at `takenAt` has used `used`, as its answer says: what is too much is given back, what is missing owed. */
  settle(reserved: number, used: number, takenAt: number, now: number): void {
    for (const bucket of this.#buckets) bucket.settle(reserved, used, takenAt, now);
  }

  /** A 429 was answered: pause every bucket for the hint, or halve the rate of the quickest where none was given. */
  throttled(hintMs: number | undefined, now: number): void {
    if (hintMs === undefined) this.#quickest?.slowDown(now);
    else this.#pausedUntil = Math.max(this.#pausedUntil, now + Math.min(hintMs, LONGEST_PAUSE_MS));
  }

  /** Until when the other side's hint stops it; in the past when nothing does. */
  get pausedUntil(): number {
    return this.#pausedUntil;
  }

  /** Whether it counts anything; without buckets it only obeys hints. */
  get counts(): boolean {
    return this.#buckets.length > 0;
  }

  learnRemaining(remaining: number, resetMs: number | undefined, now: number): void {
    // The header speaks of the tightest window, which is the first to run out: the bucket with the fewest tokens.
    let tightest = this.#buckets[0];
    for (const bucket of this.#buckets) if (tightest === undefined || bucket.available(now) < tightest.available(now)) tightest = bucket;
    tightest?.learnRemaining(remaining, resetMs, now);
  }

  /** Calls that could start right now. */
  available(now: number): number {
    if (this.#pausedUntil > now) return 0;
    return Math.min(...this.#buckets.map((bucket) => bucket.available(now)));
  }
}

function quickestOf(buckets: readonly TokenBucket[], limits: readonly ResolvedRateLimit[]): TokenBucket | undefined {
  const shortest = Math.min(...limits.map(({ perMs }) => perMs));
  return buckets[limits.findIndex(({ perMs }) => perMs === shortest)];
}
