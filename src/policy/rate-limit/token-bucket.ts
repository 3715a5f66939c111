import type { ResolvedRateLimit } from "./options.ts";

/** Share of the full rate that comes back with each step after an unexplained 429 halved it. */
const REGROWTH = 0.1;
const SLOWEST = 1 / 64;
/** A step is a `per`, within these bounds: a daily quota's bucket must not need ten days to come back. */
const SHORTEST_STEP_MS = 1_000;
const LONGEST_STEP_MS = 60_000;
/** No header may stop a bucket for longer: one that is nonsense (an instant where seconds belong) would stop it for good. */
export const LONGEST_PAUSE_MS = 86_400_000;

/**
 * One token bucket in the form of GCRA (the generic cell rate algorithm, ITU-T I.371): instead of counting tokens it keeps
 * the instant at which the bucket would be full again. O(1), no timer, exact: in no interval t do more than
 * `burst + rate · t` units start. All instants are monotonic ms.
 */
export class TokenBucket {
  #intervalMs: number;
  #burst: number;
  #stepMs: number;
  /** Whether a call takes its cost, or 1. */
  countsCost: boolean;
  /** When the bucket is full again ("theoretical arrival time" of the literature). */
  #fullAt = Number.NEGATIVE_INFINITY;
  #pausedUntil = Number.NEGATIVE_INFINITY;
  /** Share of the full rate in force since `#slowedAt`; regrows with time. */
  #share = 1;
  #slowedAt = 0;
  /** When the other side last said that less is left than we thought; what was taken before that is in its count. */
  #learnedAt = Number.NEGATIVE_INFINITY;

  constructor(options: ResolvedRateLimit) {
    this.#intervalMs = options.perMs / options.limit;
    this.#burst = options.burst;
    this.countsCost = options.counts !== "calls";
    this.#stepMs = stepOf(options);
  }

  /**
   * Another rate and burst from now on. What it holds stays, as far as it fits: a higher burst is filled by the rate and not by the
   * change, so that no more start than the old bound and then the new one allow.
   */
  reshape(options: ResolvedRateLimit, now: number): void {
    const held = this.#burst - Math.max(0, this.#fullAt - now) / this.#interval(now);
    this.#intervalMs = options.perMs / options.limit;
    this.#burst = options.burst;
    this.countsCost = options.counts !== "calls";
    this.#stepMs = stepOf(options);
    this.#fullAt = now + (options.burst - Math.min(options.burst, held)) * this.#interval(now);
    // What was taken before is in that count.
    this.#learnedAt = now;
  }

  /** Milliseconds until `cost` may be taken; 0 when it may be taken now. Infinity when it can never fit the burst. */
  waitMs(costOfCall: number, now: number): number {
    const cost = this.#unitsOf(costOfCall);
    if (cost > this.#burst) return Number.POSITIVE_INFINITY;
    const interval = this.#interval(now);
    const allowedAt = this.#fullAt - (this.#burst - cost) * interval;
    const wait = Math.max(allowedAt, this.#pausedUntil) - now;
    // Below a microsecond it is rounding of the sums above, not a wait; giving it away would cost the bound one part in 10⁶.
    return wait > 1e-3 ? wait : 0;
  }

  /** Takes `cost`; only right after `waitMs` answered 0 for the same instant. */
  take(cost: number, now: number): void {
    this.#fullAt = Math.max(this.#fullAt, now) + this.#unitsOf(cost) * this.#interval(now);
  }

  /** A call that took `reserved` at `takenAt` has used `used`: the difference is given back, or owed. */
  settle(reserved: number, used: number, takenAt: number, now: number): void {
    if (!this.countsCost) return;
    if (used > reserved) this.take(used - reserved, now);
    else this.refund(reserved - used, takenAt, now);
  }

  /**
   * Gives back what was taken at `takenAt` for a call that never started. What would have overflowed meanwhile is lost: a bucket that
   * was full got no more tokens, so giving back all of an old one would let more start than the bound allows.
   */
  refund(cost: number, takenAt: number, now: number): void {
    if (takenAt < this.#learnedAt) return;
    const kept = this.#unitsOf(cost) - (now - takenAt) / this.#intervalMs;
    if (kept > 0) this.#fullAt -= kept * this.#interval(now);
  }

  /** Nothing goes for so long. */
  pause(ms: number, now: number): void {
    const until = now + Math.min(ms, LONGEST_PAUSE_MS);
    if (until > this.#pausedUntil) this.#pausedUntil = until;
  }

  /** The other side refused without saying for how long: half the rate, at most once a second, regrown bit by bit. */
  slowDown(now: number): void {
    if (this.#share < 1 && now - this.#slowedAt < SHORTEST_STEP_MS) return;
    const current = this.#currentShare(now);
    // Rescale what is owed: the same tokens are missing, each now takes longer to come back.
    const owed = Math.max(0, this.#fullAt - now) / (this.#intervalMs / current);
    this.#share = Math.max(SLOWEST, current / 2);
    this.#slowedAt = now;
    this.#fullAt = now + owed * this.#interval(now);
    this.pause(Math.min(this.#interval(now), this.#stepMs), now);
  }

  /** The other side says that only `remaining` are left (until `resetMs` from now): never more than that go. */
  learnRemaining(remaining: number, resetMs: number | undefined, now: number): void {
    const interval = this.#interval(now);
    const tokens = this.#burst - Math.max(0, this.#fullAt - now) / interval;
    if (remaining <= 0 && resetMs !== undefined) this.pause(resetMs, now);
    if (!(remaining < tokens)) return;
    this.#fullAt = now + (this.#burst - Math.max(0, remaining)) * interval;
    this.#learnedAt = now;
  }

  /** Whole tokens to be had now. */
  available(now: number): number {
    if (this.#pausedUntil > now) return 0;
    return Math.max(0, Math.floor(this.#burst - Math.max(0, this.#fullAt - now) / this.#interval(now) + 1e-6));
  }

  #unitsOf(cost: number): number {
    return this.countsCost ? cost : 1;
  }

  #interval(now: number): number {
    return this.#share === 1 ? this.#intervalMs : this.#intervalMs / this.#currentShare(now);
  }

  #currentShare(now: number): number {
    if (this.#share === 1) return 1;
    const grown = this.#share + (REGROWTH * (now - this.#slowedAt)) / this.#stepMs;
    if (grown >= 1) this.#share = 1;
    return Math.min(1, grown);
  }
}

function stepOf({ perMs }: ResolvedRateLimit): number {
  return Math.min(Math.max(perMs, SHORTEST_STEP_MS), LONGEST_STEP_MS);
}
