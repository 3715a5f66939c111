import type { ResolvedBreakerOptions } from "./options.ts";
import { OutcomeWindow } from "./outcome-window.ts";

/**
 * A circuit breaker, as a pure state machine: no clock, no timers, every verb takes `now` (monotonic ms).
 *
 * - **closed**: calls pass; outcomes fill the window. Left when a call fails while the window holds enough calls and the failure
 *   rate reaches its threshold, or when the slow-call rate does → open. A success never opens it, though it may be the call
 *   that completes the minimum: the other side is on its way back then.
 * - **open**: calls are refused until `until`. Each opening in a row lasts twice as long as the one before, up to a
 *   maximum, with 0–10 % jitter so that many processes do not probe together. Left by time, on the next `admit` → half-open.
 * - **half-open**: up to `halfOpenCalls` probes hold a permit each, with a lease, so that a hung probe cannot stick. As many
 *   successes → closed, window empty; one failure → open again. A cancelled probe gives its permit back. A probe that comes back
 *   after its lease still tells what it saw.
 * - **held**: an operator forced it open or closed, perhaps until an instant; outcomes are not looked at.
 *
 * Every change of state begins a new generation. A call is stamped when it is admitted (a probe with a stamp of its own), and the outcome
 * of a call from an older generation changes nothing: the late failures of an outage cannot re-open what a probe has closed.
 */
export type BreakerState =
  | { readonly mode: "closed" }
  | { readonly mode: "open"; readonly until: number; readonly openings: number; readonly cause: string }
  | {
      readonly mode: "half-open";
      readonly since: number;
      readonly successes: number;
      readonly openings: number;
      readonly probes: readonly Probe[];
    }
  | { readonly mode: "held"; readonly as: "open" | "closed"; readonly until: number | undefined };

/** A call that was let through half-open: its stamp, and when its permit is given to another. */
export interface Probe {
  readonly stamp: number;
  readonly until: number;
}

export type BreakerMode = "closed" | "open" | "half-open";

/** What a settled call says: `ignored` for what tells nothing about the other side's health (429, 4xx, cancelled). */
export type BreakerOutcome = "success" | "failure" | "ignored";

/** Answered by `admit` when the call may not go. */
export const REFUSED = -1;

const LONGEST_HINT_MS = 86_400_000;
const CLOSED: BreakerState = Object.freeze({ mode: "closed" });

export class Breaker {
  #options: ResolvedBreakerOptions;
  #window: OutcomeWindow;
  readonly #random: () => number;
  #state: BreakerState = CLOSED;
  #generation = 0;

  constructor(options: ResolvedBreakerOptions, random: () => number) {
    this.#options = options;
    this.#window = new OutcomeWindow(options.window, options.windowMs);
    this.#random = random;
  }

  /** Other options from now on. Its state stays: an open one stays open as long as it was to. A window of another size begins empty. */
  reshape(options: ResolvedBreakerOptions): void {
    const { window, windowMs } = this.#options;
    if (window !== options.window || windowMs !== options.windowMs) this.#window = new OutcomeWindow(options.window, options.windowMs);
    this.#options = options;
  }

  /** The stamp to settle with, or {@link REFUSED}. Moves open to half-open when its time has come. */
  admit(now: number): number {
    const state = this.#state;
    switch (state.mode) {
      case "closed":
        return this.#generation;
      case "open":
        if (now < state.until) return REFUSED;
        this.#enter({ mode: "half-open", since: this.#generation + 1, successes: 0, openings: state.openings, probes: [] });
        return this.admit(now);
      case "half-open": {
        const probes = state.probes.filter(({ until }) => until > now);
        if (probes.length + state.successes >= this.#options.halfOpenCalls) return REFUSED;
        this.#generation += 1;
        this.#state = { ...state, probes: [...probes, { stamp: this.#generation, until: now + this.#options.probeLeaseMs }] };
        return this.#generation;
      }
      case "held":
        if (state.until !== undefined && now >= state.until) {
          this.#enter(CLOSED);
          return this.#generation;
        }
        return state.as === "closed" ? this.#generation : REFUSED;
    }
  }

  /** Tells the outcome of a call that was admitted. `durationMs` counts towards the slow-call rate. */
  settle(stamp: number, outcome: BreakerOutcome, durationMs: number, now: number): void {
    const state = this.#state;
    switch (state.mode) {
      case "closed":
        if (stamp === this.#generation && outcome !== "ignored") this.#count(outcome === "failure", durationMs, now);
        return;
      case "half-open":
        if (stamp > state.since) this.#settleProbe(state, stamp, outcome, now);
        return;
      case "open":
      case "held":
        return;
    }
  }

  /** Milliseconds until a refused call may be worth trying; 0 when it may go now. */
  retryAfterMs(now: number): number {
    const state = this.#state;
    switch (state.mode) {
      case "closed":
        return 0;
      case "open":
        return Math.max(0, state.until - now);
      case "half-open": {
        const probes = state.probes.filter(({ until }) => until > now);
        if (probes.length + state.successes < this.#options.halfOpenCalls) return 0;
        return Math.max(1, Math.min(...probes.map(({ until }) => until)) - now);
      }
      case "held":
        if (state.as === "closed") return 0;
        return state.until === undefined ? this.#options.openMs : Math.max(0, state.until - now);
    }
  }

  /**
   * A Retry-After seen while open may lengthen the wait, never shorten it. By a day at most: a header that is nonsense (an
   * instant where seconds belong) must not close a lane for good.
   */
  lengthen(byMs: number, now: number): void {
    const state = this.#state;
    const until = now + Math.min(byMs, LONGEST_HINT_MS);
    if (state.mode === "open" && until > state.until) this.#state = { ...state, until };
  }

  /**
   * Another process has opened or closed it. An opening counts if it lasts longer than one's own; who is held by an operator does not
   * listen.
   */
  hear(heard: { readonly mode: "closed" } | { readonly mode: "open"; readonly until: number; readonly openings: number }): void {
    const state = this.#state;
    if (state.mode === "held" || (heard.mode === "closed" && state.mode === "closed")) return;
    if (heard.mode === "closed") this.#enter(CLOSED);
    else if (state.mode !== "open" || heard.until > state.until) this.#enter({ ...heard, cause: "another process found it failing" });
  }

  /** Forces it open or closed until `until` (or until `auto`). */
  hold(as: "open" | "closed", until: number | undefined): void {
    this.#enter({ mode: "held", as, until });
  }

  /** Gives a held breaker back to its own judgement, closed and with an empty window. */
  auto(): void {
    if (this.#state.mode === "held") this.#enter(CLOSED);
  }

  /** The state as it stands. An open one whose time has come still says open: the next call makes it half-open. */
  get state(): BreakerState {
    return this.#state;
  }

  /** The mode as a caller meets it. */
  mode(now: number): BreakerMode {
    const state = this.#state;
    if (state.mode !== "held") return state.mode;
    return state.until !== undefined && state.until <= now ? "closed" : state.as;
  }

  /** Why it is open, in a clause. */
  get cause(): string {
    const state = this.#state;
    if (state.mode === "open") return state.cause;
    if (state.mode === "held") return "held by an operator";
    return state.mode === "half-open" ? "a probe is under way" : "closed";
  }

  /** What the window holds. */
  counts(now: number): { readonly calls: number; readonly failures: number; readonly slow: number } {
    return this.#window.counts(now);
  }

  #count(failed: boolean, durationMs: number, now: number): void {
    const { minimumCalls, failureRate, slowCallRate, slowCallMs } = this.#options;
    this.#window.add(failed, durationMs >= slowCallMs, now);
    const rate = this.#window.failureRate(minimumCalls);
    if (failed && rate >= failureRate) {
      this.#open(1, `${Math.round(rate * 100)} % of the last calls failed`, now);
      return;
    }
    const slow = this.#window.slowRate(minimumCalls);
    if (slowCallRate !== undefined && slow >= slowCallRate) {
      this.#open(1, `${Math.round(slow * 100)} % of the last calls were slower than ${slowCallMs} ms`, now);
    }
  }

  #settleProbe(state: Extract<BreakerState, { mode: "half-open" }>, stamp: number, outcome: BreakerOutcome, now: number): void {
    switch (outcome) {
      case "ignored":
        this.#state = { ...state, probes: state.probes.filter((probe) => probe.stamp !== stamp) };
        return;
      case "failure":
        this.#open(state.openings + 1, "the probe failed", now);
        return;
      case "success": {
        const successes = state.successes + 1;
        if (successes >= this.#options.halfOpenCalls) this.#enter(CLOSED);
        else this.#state = { ...state, successes, probes: state.probes.filter((probe) => probe.stamp !== stamp) };
        return;
      }
    }
  }

  #open(openings: number, cause: string, now: number): void {
    const grown = Math.min(this.#options.openMs * 2 ** Math.min(openings - 1, 30), this.#options.maxOpenMs);
    this.#enter({ mode: "open", until: now + grown * (1 + 0.1 * this.#random()), openings, cause });
  }

  #enter(state: BreakerState): void {
    this.#state = state;
    this.#generation += 1;
    this.#window.clear();
  }
}
