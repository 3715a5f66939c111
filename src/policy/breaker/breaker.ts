import type { ResolvedBreakerOptions } from "./options.ts";
import { OutcomeWindow } from "./outcome-window.ts";

/**
 * A circuit breaker, as a pure state machine: no clock, no timers, every verb takes `now` (monotonic ms).
 *
 * - **closed**: calls pass; outcomes fill the window. Left when the window holds enough calls and the failure rate (or the
 *   slow-call rate) reaches its threshold → open.
 * - **open**: calls are refused until `until`. Each opening in a row lasts twice as long as the one before, up to a
 *   maximum, with 0–10 % jitter so that many processes do not probe together. Left by time, on the next `admit` → half-open.
 * - **half-open**: up to `halfOpenCalls` probes hold a permit each, with a lease, so that a hung probe cannot stick. As many
 *   successes → closed, window empty; one failure → open again. A cancelled probe gives its permit back.
 * - **held**: an operator forced it open or closed, perhaps until an instant; outcomes are not looked at.
 *
 * Every state but closed-to-closed begins a new generation. A call is stamped with the generation that admitted it, and an
 * outcome of an older one changes nothing: the late failures of an outage cannot re-open what a probe has closed.
 */
export type BreakerState =
  | { readonly mode: "closed" }
  | { readonly mode: "open"; readonly until: number; readonly openings: number; readonly cause: string }
  | { readonly mode: "half-open"; readonly successes: number; readonly openings: number; readonly leases: readonly number[] }
  | { readonly mode: "held"; readonly as: "open" | "closed"; readonly until: number | undefined };

export type BreakerMode = "closed" | "open" | "half-open";

/** What a settled call says: `ignored` for what tells nothing about the other side's health (429, 4xx, cancelled). */
export type BreakerOutcome = "success" | "failure" | "ignored";

/** Answered by `admit` when the call may not go. */
export const REFUSED = -1;

const CLOSED: BreakerState = Object.freeze({ mode: "closed" });

export class Breaker {
  readonly #options: ResolvedBreakerOptions;
  readonly #window: OutcomeWindow;
  readonly #random: () => number;
  #state: BreakerState = CLOSED;
  #generation = 0;

  constructor(options: ResolvedBreakerOptions, random: () => number) {
    this.#options = options;
    this.#window = new OutcomeWindow(options.window, options.windowMs);
    this.#random = random;
  }

  /** The generation to settle with, or {@link REFUSED}. Moves open to half-open when its time has come. */
  admit(now: number): number {
    const state = this.#state;
    if (state.mode === "closed") return this.#generation;
    return this.#admitUnlessOpen(now);
  }

  /** Tells the outcome of a call that was admitted. `durationMs` counts towards the slow-call rate. */
  settle(generation: number, outcome: BreakerOutcome, durationMs: number, now: number): void {
    if (generation !== this.#generation) return;
    const state = this.#state;
    switch (state.mode) {
      case "closed":
        if (outcome !== "ignored") this.#count(outcome === "failure", durationMs, now);
        return;
      case "half-open":
        this.#settleProbe(state, outcome, now);
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
        if (state.leases.filter((lease) => lease > now).length < this.#options.halfOpenCalls) return 0;
        return Math.max(1, Math.min(...state.leases) - now);
      }
      case "held":
        if (state.as === "closed") return 0;
        return state.until === undefined ? this.#options.openMs : Math.max(0, state.until - now);
    }
  }

  /** A Retry-After seen while open may lengthen the wait, never shorten it. */
  lengthen(untilAtLeast: number): void {
    const state = this.#state;
    if (state.mode === "open" && untilAtLeast > state.until) this.#state = { ...state, until: untilAtLeast };
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

  #admitUnlessOpen(now: number): number {
    const state = this.#state;
    switch (state.mode) {
      case "closed":
        return this.#generation;
      case "open":
        if (now < state.until) return REFUSED;
        this.#enter({ mode: "half-open", successes: 0, openings: state.openings, leases: [] });
        return this.#admitUnlessOpen(now);
      case "half-open": {
        const leases = state.leases.filter((lease) => lease > now);
        if (leases.length + state.successes >= this.#options.halfOpenCalls) return REFUSED;
        this.#state = { ...state, leases: [...leases, now + this.#options.probeLeaseMs] };
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

  #settleProbe(state: Extract<BreakerState, { mode: "half-open" }>, outcome: BreakerOutcome, now: number): void {
    // Permits are alike, so giving back the oldest lease is as good as giving back this probe's own.
    const leases = state.leases.slice(1);
    switch (outcome) {
      case "ignored":
        this.#state = { ...state, leases };
        return;
      case "failure":
        this.#open(state.openings + 1, "the probe failed", now);
        return;
      case "success":
        if (state.successes + 1 >= this.#options.halfOpenCalls) this.#enter(CLOSED);
        else this.#state = { ...state, leases, successes: state.successes + 1 };
        return;
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
