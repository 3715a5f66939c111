import type { ExchangeAnswer, ExchangeRequest, SharedRate } from "../../ports/coordinator.ts";
import type { Clock } from "../../ports/clock.ts";
import type { LaneKey } from "../../ports/operation-store.ts";
import type { ResolvedRateLimit } from "../../policy/rate-limit/options.ts";
import { PATIENCE_MS, type Party } from "./party.ts";

/** How long a token may be held before it is used, at most; then it has expired, and its time has passed unused. */
const LONGEST_HELD_MS = 250;
/** A token that somebody waits for may be used at once when it comes, however long that took. */
const AT_ONCE_MS = 5;
/** When whoever waits for an answer looks again, if it has not come before. */
const LOOK_AGAIN_MS = 10;
/** How long a process goes by its own limit alone where nobody answers. */
const ALONE_MS = 1_000;
/** Bursts below this are not lowered, and only tokens that somebody waits for are asked for. */
const SMALL_BURST = 8;

/** Tokens of one answer. */
interface Block {
  tokens: number;
  readonly expiresAt: number;
}

/**
 * This process's part of one bucket that several processes share: blocks of tokens, granted by the coordinator, counted down here.
 *
 * Tokens that are held are used later than they were granted. With `rate` and tokens that are `held` ms old at most, an interval t may
 * see what was granted in `t + held`, so the burst that is shared is smaller by `rate · held`, and by one more for the way to the
 * other side. Then `burst + rate · t` holds at the other side for all processes together.
 *
 * It stands beside the process's own limiter, which learns from answers, and which alone holds while nobody answers.
 */
export class SharedRateBlock implements Party {
  /** Called when tokens have come, or nobody answered: whoever waits may look again. */
  readonly wakes: Set<() => void> = new Set();
  readonly #key: LaneKey;
  readonly #clock: Clock;
  readonly #ask: (block: SharedRateBlock) => void;
  readonly #rate: SharedRate;
  readonly #countsCalls: boolean;
  readonly #heldMs: number;
  /** Tokens that are held ready, where the rate is quick enough for that. */
  readonly #stock: number;
  #blocks: Block[] = [];
  /** Used beyond what was taken for it; taken out of what comes. */
  #owed = 0;
  #demand = 0;
  #askedAt: number | undefined = undefined;
  #notBefore = Number.NEGATIVE_INFINITY;
  #aloneUntil = Number.NEGATIVE_INFINITY;
  #pausedUntil: number | undefined = undefined;
  #remaining: number | undefined = undefined;

  constructor(key: LaneKey, { limit, perMs, burst, counts }: ResolvedRateLimit, clock: Clock, ask: (block: SharedRateBlock) => void) {
    this.#key = key;
    this.#clock = clock;
    this.#ask = ask;
    this.#countsCalls = counts === "calls";
    const rate = limit / perMs;
    const small = burst < SMALL_BURST;
    this.#heldMs = Math.min(LONGEST_HELD_MS, burst / 4 / rate);
    this.#stock = small ? 0 : Math.floor(rate * this.#heldMs);
    this.#rate = { limit, perMs, burst: small ? burst : Math.max(1, burst - Math.ceil(rate * this.#heldMs) - 1) };
  }

  get counts(): true {
    return true;
  }

  /** Takes the tokens and answers 0, or takes nothing and answers how long to wait. */
  tryTake(cost: number, now: number): number {
    const units = this.#units(cost);
    if (units === 0) return 0;
    const held = this.#held(now);
    if (held >= units) {
      this.#use(units);
      if (held - units < this.#stock / 2 && now >= this.#notBefore) this.#askFor(0, now);
      return 0;
    }
    if (now < this.#aloneUntil) return 0;
    if (now < this.#notBefore) return this.#notBefore - now;
    if (this.#askedAt !== undefined && now - this.#askedAt > PATIENCE_MS) {
      this.#goAlone(now);
      return 0;
    }
    // More than the shared burst never comes at once: what can come is taken, and the rest is owed.
    this.#askFor(Math.min(units, this.#rate.burst), now);
    if (units > this.#rate.burst && held >= Math.floor(this.#rate.burst)) {
      this.#owed += units - held;
      this.#blocks = [];
      return 0;
    }
    return LOOK_AGAIN_MS;
  }

  /** Gives back what was taken for a call that never started, while it may still be used. */
  refund(cost: number, takenAt: number, now: number): void {
    if (now - takenAt < this.#heldMs) this.#blocks.unshift({ tokens: this.#units(cost), expiresAt: takenAt + this.#heldMs });
  }

  settle(reserved: number, used: number): void {
    this.#owed = Math.max(0, this.#owed + this.#units(used) - this.#units(reserved));
  }

  /** The other side has refused: nobody is granted anything before its time. */
  throttled(hintMs: number | undefined): void {
    if (hintMs === undefined) return;
    this.#pausedUntil = Math.max(this.#pausedUntil ?? 0, this.#clock.now() + hintMs);
    this.#ask(this);
  }

  learnRemaining(remaining: number): void {
    this.#remaining = Math.min(this.#remaining ?? remaining, remaining);
  }

  request(now: number): ExchangeRequest {
    const held = this.#held(this.#clock.monotonic());
    const want = Math.max(0, Math.ceil(Math.max(this.#demand, this.#stock) + this.#owed - held));
    const told = {
      ...(this.#pausedUntil !== undefined && { pausedUntil: this.#pausedUntil }),
      ...(this.#remaining !== undefined && { remaining: this.#remaining }),
    };
    this.#pausedUntil = undefined;
    this.#remaining = undefined;
    return { ...this.#key, now, rates: [this.#rate], want, unused: 0, ...told };
  }

  answered({ granted, waitMs }: ExchangeAnswer, sentAt: number): void {
    const now = this.#clock.monotonic();
    const paid = Math.min(this.#owed, granted);
    this.#owed -= paid;
    if (granted > paid) this.#blocks.push({ tokens: granted - paid, expiresAt: Math.max(sentAt + this.#heldMs, now + AT_ONCE_MS) });
    this.#notBefore = waitMs > 0 ? now + waitMs : Number.NEGATIVE_INFINITY;
    this.#aloneUntil = Number.NEGATIVE_INFINITY;
    this.#askedAt = undefined;
    this.#demand = 0;
    this.#wake();
  }

  unanswered(): void {
    this.#goAlone(this.#clock.monotonic());
    this.#wake();
  }

  #goAlone(now: number): void {
    this.#askedAt = undefined;
    this.#demand = 0;
    this.#aloneUntil = now + ALONE_MS;
  }

  #askFor(demand: number, now: number): void {
    this.#demand = Math.max(this.#demand, demand);
    if (this.#askedAt !== undefined) return;
    this.#askedAt = now;
    this.#ask(this);
  }

  #wake(): void {
    for (const wake of this.wakes) wake();
  }

  #held(now: number): number {
    let held = 0;
    this.#blocks = this.#blocks.filter(({ expiresAt }) => expiresAt > now);
    for (const { tokens } of this.#blocks) held += tokens;
    return held;
  }

  #use(units: number): void {
    let left = units;
    for (const block of this.#blocks) {
      const used = Math.min(block.tokens, left);
      block.tokens -= used;
      left -= used;
    }
    this.#blocks = this.#blocks.filter(({ tokens }) => tokens > 0);
  }

  #units(cost: number): number {
    return this.#countsCalls ? Math.min(1, cost) : cost;
  }
}
