import { CircuitOpenError, DeadlineError, QueueFullError, RateLimitedError, type HoldfastError } from "../core/errors.ts";
import { formatMs } from "../core/duration.ts";
import type { Verdict } from "../core/verdict.ts";
import { REFUSED, type Breaker, type BreakerMode } from "../policy/breaker/breaker.ts";
import { Ramp } from "../policy/breaker/ramp.ts";
import type { RetryBudget } from "../policy/budget/retry-budget.ts";
import { Permits } from "../policy/concurrency/permits.ts";
import { wrongCost } from "../policy/rate-limit/limiter.ts";
import type { LaneRef } from "../ports/events.ts";
import type { TimerHandle } from "../ports/clock.ts";
import type { Admittee } from "./admittee.ts";
import { isPatient, type Hold } from "./hold.ts";
import { tokensOf, type LaneLink, type RateGate } from "./lane-link.ts";
import { breakerOutcome } from "./breaker-outcome.ts";
import type { Runtime } from "./runtime.ts";
import { Waiter, WaitQueue } from "./wait-queue.ts";

/** Which policies stand in a lane. Limiters may be shared with other lanes of the API; the rest is the lane's own. */
export interface LaneParts {
  readonly breaker?: Breaker | undefined;
  /** `wait`: a call stays in the queue while the breaker is open, as long as its deadline allows. */
  readonly whenOpen?: "refuse" | "wait";
  readonly limiters?: readonly RateGate[];
  readonly permits?: Permits | undefined;
  readonly budget?: RetryBudget | undefined;
  /** Calls that may wait; one more is refused. */
  readonly maxQueue?: number;
}

/** When somebody who was refused for want of room may come again, where nothing better is known. */
const RETRY_AFTER_MS = 1_000;

/** Calls that may wait where nobody says otherwise. */
const MOST_WAITING = 10_000;

/**
 * The one controller of an endpoint: breaker, rate limit, concurrency and retry budget. A call is admitted by all of them at
 * once or by none, so nothing is taken for a call that does not start: a permit, the breaker's word, the rate tokens, a place
 * on the ramp after an outage. What cannot go yet waits in one FIFO with a bound; waiting uses up nothing.
 *
 * What a verdict feeds: 429 and its kin the limiter; 5xx, timeouts and broken connections the breaker; successes the budget.
 */
export class Lane {
  readonly ref: LaneRef;
  /** Changed by `reshape` only, as is `budget`. */
  breaker: Breaker | undefined;
  budget: RetryBudget | undefined;
  /** What other processes hear of this lane by. */
  link: LaneLink | undefined = undefined;
  readonly #runtime: Runtime;
  #whenOpen: "refuse" | "wait";
  #limiters: readonly RateGate[];
  /** Whether there is a rate limit for answers to tell something about. */
  isLimited: boolean;
  #permits: Permits | undefined;
  #maxQueue: number;
  readonly #ramp = new Ramp();
  readonly #queue = new WaitQueue<Admittee>();
  #timer: TimerHandle | undefined = undefined;
  #timerAt = Number.POSITIVE_INFINITY;
  /** What held the last call that could not go, and since when whoever waits has been held by one of its kind. */
  #heldBy: Hold = "permit";
  #heldSince = 0;
  #mode: BreakerMode = "closed";
  #hearing = false;
  #inFlight = 0;
  #pumping = false;

  constructor(ref: LaneRef, parts: LaneParts, runtime: Runtime) {
    this.ref = ref;
    this.breaker = parts.breaker;
    this.budget = parts.budget;
    this.#runtime = runtime;
    this.#whenOpen = parts.whenOpen ?? "refuse";
    this.#limiters = parts.limiters ?? [];
    this.isLimited = this.#limiters.some(({ counts }) => counts);
    this.#permits = parts.permits;
    this.#maxQueue = parts.maxQueue ?? MOST_WAITING;
  }

  /**
   * Other policies from now on; `concurrency` is the count of permits, or undefined for no bound. What waits goes on waiting, by the
   * new rules.
   */
  reshape(parts: Omit<LaneParts, "permits"> & { readonly concurrency: number | undefined }, now: number): void {
    this.breaker = parts.breaker;
    this.budget = parts.budget;
    this.#whenOpen = parts.whenOpen ?? "refuse";
    this.#limiters = parts.limiters ?? [];
    this.isLimited = this.#limiters.some(({ counts }) => counts);
    this.#maxQueue = parts.maxQueue ?? MOST_WAITING;
    if (parts.concurrency === undefined) this.#permits = undefined;
    else if (this.#permits === undefined) this.#permits = new Permits(parts.concurrency, this.#inFlight);
    else this.#permits.resize(parts.concurrency);
    if (parts.breaker === undefined) this.#mode = "closed";
    this.#noticeBreaker(now);
    this.#pump();
  }

  /** Lets the call go now (undefined), or later (a promise that rejects when it is refused or aborted). */
  admit(call: Admittee, now: number): Promise<void> | undefined {
    if (!(call.cost >= 0)) return Promise.reject(wrongCost(call.cost));
    if (this.#queue.length === 0) {
      const wait = this.#tryTake(call, now);
      if (wait === 0) return undefined;
      const refusal = this.#refusal(call, 0, wait, now);
      if (refusal !== undefined) return Promise.reject(refusal);
    }
    return this.#enqueue(call, now);
  }

  /**
   * Admits at once or not at all: 0, or how long to wait. Those who already wait go first. For the worker, which takes its
   * admissions before it claims the work, so that it claims no more than may go.
   */
  tryAdmit(call: Admittee, now: number): number {
    return this.#queue.length > 0 ? Number.POSITIVE_INFINITY : this.#tryTake(call, now);
  }

  /** Takes in what became of an admitted call. */
  settle(call: Admittee, verdict: Verdict, durationMs: number, now: number): void {
    this.#inFlight -= 1;
    this.#permits?.giveBack();
    if (verdict.kind === "success") {
      this.budget?.deposit(now);
      if (this.breaker !== undefined) this.#ramp.succeeded(now);
    } else if (verdict.kind === "throttled") {
      this.#throttled(verdict, now);
    }
    if (this.breaker !== undefined) {
      const outcome = breakerOutcome(verdict);
      if (outcome === "failure") this.#ramp.failed(now);
      this.breaker.settle(call.generation, outcome, durationMs, now);
      // Our own refusal from further down is not the other side's word.
      if (verdict.hint?.delayMs !== undefined && verdict.hint.source !== "holdfast") this.breaker.lengthen(verdict.hint.delayMs, now);
      this.#noticeBreaker(now);
    }
    if (this.#queue.length > 0) this.#pump();
  }

  /** Gives back an admission that was not used: nothing was sent. */
  giveBack(call: Admittee, now: number): void {
    this.#inFlight -= 1;
    this.#permits?.giveBack();
    for (const limiter of this.#limiters) limiter.refund(call.cost, call.admittedAt ?? now, now);
    this.breaker?.settle(call.generation, "ignored", 0, now);
    if (this.#queue.length > 0) this.#pump();
  }

  /** An answer told how much is left: the limiters of this lane never let more go. */
  learnRemaining(remaining: number, resetMs: number | undefined, now: number): void {
    for (const limiter of this.#limiters) limiter.learnRemaining(remaining, resetMs, now);
  }

  /** An answer told what the call has really used, where only an estimate could be taken before. */
  settleCost(call: Admittee, used: number, now: number): void {
    for (const limiter of this.#limiters) limiter.settle(call.cost, used, call.admittedAt ?? now, now);
    if (used < call.cost && this.#queue.length > 0) this.#pump();
  }

  /** An operator holds the breaker (or, without `as`, gives it back to its own judgement). */
  holdBreaker(as: "open" | "closed" | undefined, until: number | undefined): void {
    if (as === undefined) this.breaker?.auto();
    else this.breaker?.hold(as, until);
    this.#noticeBreaker(this.#runtime.clock.monotonic());
    this.#pump();
  }

  /** Another process has opened or closed its breaker for this lane. */
  hear(heard: Parameters<Breaker["hear"]>[0]): void {
    this.#hearing = true;
    this.breaker?.hear(heard);
    this.#noticeBreaker(this.#runtime.clock.monotonic());
    this.#hearing = false;
    this.wake();
  }

  /** Something may have become free that calls wait for. */
  wake(): void {
    if (this.#queue.length > 0) this.#pump();
  }

  /** Calls admitted and not settled. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /** Calls that wait. */
  get waiting(): number {
    return this.#queue.length;
  }

  /** Calls that this process's rate limits would let go now; undefined where it has none. */
  tokens(now: number): number | undefined {
    return tokensOf(this.#limiters, now);
  }

  /** 0 when everything was taken; else how long to wait (Infinity: until something settles), and nothing was taken. */
  #tryTake(call: Admittee, now: number): number {
    this.link?.used();
    const permits = this.#permits;
    if (permits !== undefined && !permits.tryTake()) return this.#held("permit", Number.POSITIVE_INFINITY, now);
    const { breaker } = this;
    if (breaker !== undefined) {
      const generation = breaker.admit(now);
      if (this.#mode !== "closed") this.#noticeBreaker(now);
      if (generation === REFUSED) {
        permits?.giveBack();
        return this.#held(breaker.mode(now) === "half-open" ? "probe" : "breaker", Math.max(1, breaker.retryAfterMs(now)), now);
      }
      call.generation = generation;
    }
    const limiters = this.#limiters;
    for (let index = 0; index < limiters.length; index += 1) {
      const wait = (limiters[index] as RateGate).tryTake(call.cost, now);
      if (wait > 0) {
        for (let taken = 0; taken < index; taken += 1) (limiters[taken] as RateGate).refund(call.cost, now, now);
        this.#undo(call, now);
        return this.#held("rate", wait, now);
      }
    }
    const ramp = breaker === undefined || this.#mode !== "closed" ? 0 : this.#ramp.tryTake(now);
    if (ramp > 0) {
      for (const limiter of limiters) limiter.refund(call.cost, now, now);
      this.#undo(call, now);
      return this.#held("ramp", ramp, now);
    }
    this.#inFlight += 1;
    call.admittedAt = now;
    return 0;
  }

  #undo(call: Admittee, now: number): void {
    this.#permits?.giveBack();
    this.breaker?.settle(call.generation, "ignored", 0, now);
  }

  #held(by: Hold, waitMs: number, now: number): number {
    if (this.#queue.length === 0 || isPatient(by) !== isPatient(this.#heldBy)) this.#heldSince = now;
    this.#heldBy = by;
    return waitMs;
  }

  /** Why a call that has waited so long, and has to wait so much longer, is better told so now; undefined when it may wait. */
  #refusal(call: Admittee, waitedMs: number, waitMs: number, now: number): HoldfastError | undefined {
    const by = this.#heldBy;
    if ((by === "breaker" || by === "probe") && this.#whenOpen === "refuse") return this.#circuitOpen(waitMs);
    if (isPatient(by)) return undefined;
    if (waitMs === Number.POSITIVE_INFINITY) {
      return new RateLimitedError(
        `a call of cost ${call.cost} can never start: the rate limit of ${this.name} has a smaller burst (rateLimit.burst)`,
        waitMs,
      );
    }
    if (waitedMs + waitMs <= call.maxWaitMs && now + waitMs < call.deadlineAt) return undefined;
    if (by === "breaker") return this.#circuitOpen(waitMs);
    const limit = now + waitMs < call.deadlineAt ? "longer than an inline call waits (maxWait)" : "after the deadline of this call";
    const what = by === "ramp" ? `the ramp of ${this.name} after its outage` : `the rate limit of ${this.name}`;
    return new RateLimitedError(`${what} lets the next call go in ${formatMs(waitMs)}, which is ${limit}; nothing was sent`, waitMs);
  }

  #circuitOpen(waitMs: number): CircuitOpenError {
    return new CircuitOpenError(this.name, waitMs, this.breaker?.cause ?? "open");
  }

  #enqueue(call: Admittee, now: number): Promise<void> {
    const { callerSignal } = call;
    if (callerSignal?.aborted === true) return Promise.reject(callerSignal.reason as Error);
    if (this.#queue.length >= this.#maxQueue) {
      return Promise.reject(
        new QueueFullError(`${this.#maxQueue} calls already wait in ${this.name} (maxQueue); nothing was sent`, RETRY_AFTER_MS),
      );
    }
    return new Promise((resolve, reject) => {
      const waiter = new Waiter(call, now, { resolve, reject }, (left, reason) => this.#leave(left, reason));
      this.#queue.push(waiter);
      this.#watch(waiter, Math.min(call.deadlineAt, now + call.maxWaitMs), now);
      if (callerSignal !== undefined) this.#runtime.aborts.add(callerSignal, waiter);
      this.#pump();
    });
  }

  /** Looks after a waiter when its time is over: that of its deadline, or the longest wait that it puts up with. */
  #watch(waiter: Waiter<Admittee>, at: number, now: number): void {
    if (at === Number.POSITIVE_INFINITY) return;
    waiter.timer = this.#runtime.clock.setTimer(() => this.#waitedLongEnough(waiter), at - now);
  }

  #waitedLongEnough(waiter: Waiter<Admittee>): void {
    const now = this.#runtime.clock.monotonic();
    const { deadlineAt, maxWaitMs } = waiter.call;
    waiter.timer = undefined;
    // Timers hold 24.8 days and ring a little early; and what is waited for patiently does not count.
    const limit = isPatient(this.#heldBy) ? Number.POSITIVE_INFINITY : Math.max(waiter.since, this.#heldSince) + maxWaitMs;
    if (now < Math.min(deadlineAt, limit)) this.#watch(waiter, Math.min(deadlineAt, limit), now);
    else this.#leave(waiter, now >= deadlineAt ? this.#expired("until its deadline") : this.#expired("as long as it may (maxWait)"));
  }

  #expired(howLong: string): HoldfastError {
    switch (this.#heldBy) {
      case "breaker":
      case "probe":
        return this.#circuitOpen(this.breaker?.retryAfterMs(this.#runtime.clock.monotonic()) ?? RETRY_AFTER_MS);
      case "permit":
        return new DeadlineError(`the call waited for a permit of ${this.name} ${howLong}; nothing was sent`, {
          retryAfterMs: RETRY_AFTER_MS,
        });
      case "ramp":
      case "rate":
        return new RateLimitedError(`the call waited for a rate token of ${this.name} ${howLong}; nothing was sent`, RETRY_AFTER_MS);
    }
  }

  /** Its caller has gone, or its time is over. */
  #leave(waiter: Waiter<Admittee>, reason: unknown): void {
    const wasHead = this.#queue.head === waiter;
    if (!this.#letGo(waiter)) return;
    waiter.reject(reason);
    if (wasHead) this.#pump();
  }

  /** Lets go whoever may go, from the head of the queue, and sets the timer for the next. */
  #pump(): void {
    // What is told on the way may call back into the lane; nobody must be let go twice for that.
    if (this.#pumping) return;
    this.#pumping = true;
    try {
      let { head } = this.#queue;
      while (head !== undefined && this.#serve(head)) ({ head } = this.#queue);
      if (head === undefined) this.#stopWaking();
    } finally {
      this.#pumping = false;
    }
  }

  /** Settles the head of the queue; answers false when it has to wait. */
  #serve(head: Waiter<Admittee>): boolean {
    const { call } = head;
    const now = this.#runtime.clock.monotonic();
    if (call.callerSignal?.aborted === true) {
      // Its turn to hear of it has not come yet; nothing is taken for it.
      this.#letGo(head);
      head.reject(call.callerSignal.reason);
      return true;
    }
    const wait = this.#tryTake(call, now);
    if (wait === 0) {
      this.#letGo(head);
      head.resolve();
      return true;
    }
    const refusal = this.#refusal(call, now - Math.max(head.since, this.#heldSince), wait, now);
    if (refusal === undefined) {
      this.#wakeIn(wait, now);
      return false;
    }
    this.#letGo(head);
    head.reject(refusal);
    return true;
  }

  #wakeIn(waitMs: number, now: number): void {
    const at = now + waitMs;
    if (at === Number.POSITIVE_INFINITY || (this.#timer !== undefined && this.#timerAt <= at)) return;
    this.#stopWaking();
    this.#timerAt = at;
    this.#timer = this.#runtime.clock.setTimer(() => {
      this.#timer = undefined;
      this.#timerAt = Number.POSITIVE_INFINITY;
      this.#pump();
    }, Math.ceil(waitMs));
  }

  /** Nobody waits any more: no timer of ours keeps the process alive. */
  #stopWaking(): void {
    if (this.#timer === undefined) return;
    this.#runtime.clock.clearTimer(this.#timer);
    this.#timer = undefined;
    this.#timerAt = Number.POSITIVE_INFINITY;
  }

  #letGo(waiter: Waiter<Admittee>): boolean {
    if (!this.#queue.remove(waiter)) return false;
    if (waiter.timer !== undefined) this.#runtime.clock.clearTimer(waiter.timer);
    if (waiter.call.callerSignal !== undefined) this.#runtime.aborts.remove(waiter.call.callerSignal, waiter);
    return true;
  }

  #throttled(verdict: Verdict, now: number): void {
    // Our own refusal from further down is not the other side's word.
    if (verdict.hint?.source === "holdfast") return;
    const hintMs = verdict.hint?.delayMs;
    for (const limiter of this.#limiters) limiter.throttled(hintMs, now);
    if (hintMs !== undefined && this.#runtime.events.wants("limiter:paused")) {
      this.#runtime.events.emit("limiter:paused", { lane: this.ref, pauseMs: hintMs, because: verdict.because });
    }
  }

  /** Tells a change of the breaker's mode, starts or stops the ramp, and refuses who waits for nothing. */
  #noticeBreaker(now: number): void {
    const { breaker } = this;
    const from = this.#mode;
    const mode = breaker?.mode(now) ?? from;
    if (breaker === undefined || mode === from) return;
    this.#mode = mode;
    if (mode === "closed") this.#ramp.start(now);
    else if (mode === "open") this.#ramp.stop();
    if (!this.#hearing) this.link?.changed(mode, breaker.retryAfterMs(now), breaker.state.mode === "open" ? breaker.state.openings : 1);
    if (this.#runtime.events.wants("breaker:changed")) {
      this.#runtime.events.emit("breaker:changed", {
        lane: this.ref,
        from,
        to: mode,
        because: breaker.cause,
        retryAfterMs: breaker.retryAfterMs(now),
      });
    }
  }

  /** For messages: `crm POST /contacts`. */
  get name(): string {
    const { api, endpoint, partition } = this.ref;
    return partition === "" ? `${api} ${endpoint}` : `${api} ${endpoint} (${partition})`;
  }

  /** What the breaker says now. */
  get mode(): BreakerMode {
    return this.#mode;
  }
}
