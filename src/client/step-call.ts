import type { Because } from "../core/decision.ts";
import { isHoldfastError, TimeoutError } from "../core/errors.ts";
import type { Verdict } from "../core/verdict.ts";
import type { StepEnd, StepTask } from "../durable/pipeline/step-task.ts";
import type { Call, Reconciled } from "../engine/call.ts";
import { attemptDurably } from "../engine/durable-attempt.ts";
import type { Lane } from "../engine/lane.ts";
import { unlessAborted } from "../engine/unless-aborted.ts";
import type { AttemptRecord } from "../ports/dead-letter-store.ts";
import type { Engine, OpenApi } from "./engine.ts";
import { deadLetter, faultyLetter, type Death } from "./step-letter.ts";
import { StepWorks, type StepWork } from "./step-work.ts";

/** A look-up at the other side that does not answer is given up after this. */
const RECONCILE_MS = 30_000;
/** A breaker that is half open, or a ramp that has no place, is looked at again no sooner than this. */
const LEAST_REST_MS = 200;

/**
 * Does one step of a run: attempts under all policies of its API, until it is done or a dead letter. It is the durable worker's way
 * of going on, but for the waits, which are slept: the run is on disk, and what is decided is written down by whoever asked.
 */
export class StepCalls {
  readonly #engine: Engine;
  readonly #works: StepWorks;

  constructor(engine: Engine, find: (name: string) => OpenApi | undefined) {
    this.#engine = engine;
    this.#works = new StepWorks(engine, find);
  }

  readonly execute = async (task: StepTask): Promise<StepEnd> => {
    let work: StepWork;
    try {
      work = await this.#works.of(task);
    } catch (error) {
      return faultyLetter(task, error, "request() threw", this.#engine.runtime.clock);
    }
    try {
      const end = await this.#carry(task, work);
      return end.state === "done" || end.state === "dead" ? { ...end, lane: work.call.laneRef } : end;
    } finally {
      work.discard();
    }
  };

  async #carry(task: StepTask, work: StepWork): Promise<StepEnd> {
    const { call } = work;
    if (work.blind && task.inDoubt) {
      const cleared = await this.#clearDoubt(task, work, IN_DOUBT, []);
      if (cleared !== undefined) return cleared;
    }
    const history: AttemptRecord[] = [];
    for (;;) {
      const gone = await this.#admitted(task, work.lane, call);
      if (gone !== undefined) return gone;
      const step = await attemptDurably(call);
      const { decision, outcome, verdict, record } = step;
      history.push(record);
      switch (decision.action) {
        case "succeed":
          return await this.#done(task, work, outcome.threw ? undefined : outcome.value, history);
        case "refresh":
          break;
        case "retry":
        case "park": {
          call.previousDelayMs = decision.delayMs;
          this.#tellRetry(call, decision);
          if (!(await rested(task, decision.delayMs))) return STOPPED;
          break;
        }
        case "reconcile": {
          const delayMs = call.policy.backoff(call.attempt - 1, call.previousDelayMs, this.#engine.runtime.random);
          call.previousDelayMs = delayMs;
          if (!(await rested(task, delayMs))) return STOPPED;
          const cleared = await this.#clearDoubt(task, work, verdict, history);
          if (cleared !== undefined) return cleared;
          break;
        }
        case "dead-letter":
          if (!task.held.isOurs) return LOST;
          // Cut off because the engine closes: whoever takes the run up asks the other side, where it can tell.
          if (verdict.kind === "cancelled" && task.cut.aborted && call.details.reconcile !== undefined) return STOPPED;
          return await this.#dead(task, work, { reason: decision.reason, because: decision.because, verdict, attempts: history });
        case "fail":
          if (verdict.kind === "cancelled") return task.held.isOurs ? STOPPED : LOST;
          return await this.#dead(task, work, { reason: "permanent", because: decision.because, verdict, attempts: history });
        case "repair":
          throw new TypeError(`an attempt of a step does not end with ${decision.action}`);
      }
    }
  }

  /** Waits until the lane lets it go. Answers how the step ends where it does not come to that. */
  async #admitted(task: StepTask, lane: Lane | undefined, call: Call<unknown>): Promise<StepEnd | undefined> {
    const { clock, random } = this.#engine.runtime;
    for (;;) {
      if (task.stop.aborted) return STOPPED;
      const now = clock.monotonic();
      let restMs = 0;
      if (lane !== undefined && lane.mode !== "closed") {
        // What waits for a breaker leaves its place to runs that can go on.
        restMs = lane.tryAdmit(call, now);
        if (restMs === Number.POSITIVE_INFINITY) restMs = LEAST_REST_MS;
      } else {
        try {
          await lane?.admit(call, now);
        } catch (refusal) {
          if (task.stop.aborted) return STOPPED;
          const { retryAfterMs } = refusal as { readonly retryAfterMs?: number };
          if (!isHoldfastError(refusal) || retryAfterMs === undefined || retryAfterMs === Number.POSITIVE_INFINITY) throw refusal;
          restMs = retryAfterMs;
        }
      }
      if (restMs <= 0) {
        if (task.held.isOurs && !task.stop.aborted) return undefined;
        lane?.giveBack(call, clock.monotonic());
        return task.held.isOurs ? STOPPED : LOST;
      }
      // Not all at once, when it is over.
      if (!(await rested(task, Math.max(LEAST_REST_MS, restMs) * (1 + 0.2 * random())))) return STOPPED;
    }
  }

  async #done(task: StepTask, work: StepWork, value: unknown, history: readonly AttemptRecord[]): Promise<StepEnd> {
    try {
      return { state: "done", json: await work.json(value) };
    } catch (error) {
      const what = task.step.options.result === undefined ? "its result has no JSON form" : "result() threw";
      const detail = `${what}: ${error instanceof Error ? error.message : String(error)}`;
      const because: Because = { code: "callback-failed", attempt: work.call.attempt, detail };
      const verdict: Verdict = { kind: "permanent", effect: "done", rule: "result-failed", because: detail };
      return await this.#dead(task, work, { reason: "permanent", because, verdict, attempts: history });
    }
  }

  /** Asks the other side whether it happened. Undefined: it did not, and may be tried. */
  async #clearDoubt(task: StepTask, work: StepWork, verdict: Verdict, history: readonly AttemptRecord[]): Promise<StepEnd | undefined> {
    const { call } = work;
    const { reconcile } = call.details;
    const doubtful = (detail: string): Promise<StepEnd> =>
      this.#dead(task, work, {
        reason: "outcome-unknown",
        because: { code: "outcome-unknown", attempt: call.attempt, detail },
        verdict,
        attempts: history,
      });
    // Without a way to ask, an operator's word is all there is.
    if (task.insist && reconcile === undefined) return undefined;
    if (task.replayed && call.attempt === 0 && reconcile === undefined) return UNSETTLED;
    if (reconcile === undefined) return await doubtful(verdict.because);
    const { clock, random } = this.#engine.runtime;
    let failure = "";
    for (let asked = 0; asked < call.policy.maxAttempts; asked += 1) {
      if (asked > 0 && !(await rested(task, call.policy.backoff(asked - 1, 0, random)))) return STOPPED;
      const late = new AbortController();
      const timer = clock.setTimer(() => late.abort(new TimeoutError(RECONCILE_MS)), RECONCILE_MS);
      try {
        const question = reconcile({ operation: task.operation, idempotencyKey: call.details.idempotencyKey });
        const told: Reconciled<unknown> = await unlessAborted(Promise.resolve(question), AbortSignal.any([task.cut, late.signal]));
        if (told.happened === true) return await this.#done(task, work, told.value, history);
        if (told.happened !== false && task.insist) return undefined;
        if (told.happened !== false) return await doubtful("the other side could not tell");
        if (call.attempt < call.maxAttempts) return undefined;
        const because: Because = {
          code: "attempts-exhausted",
          attempt: call.attempt,
          maxAttempts: call.maxAttempts,
          detail: verdict.because,
        };
        return await this.#dead(task, work, { reason: "exhausted", because, verdict: { ...verdict, effect: "none" }, attempts: history });
      } catch (error) {
        if (task.cut.aborted || isHoldfastError(error, "closed")) return STOPPED;
        failure = `asking the other side failed: ${error instanceof Error ? error.message : String(error)}`;
      } finally {
        clock.clearTimer(timer);
      }
    }
    return await doubtful(failure);
  }

  #dead(task: StepTask, work: StepWork, death: Death): Promise<StepEnd> {
    return deadLetter(task, work, death, this.#engine.runtime.clock);
  }

  #tellRetry(call: Call<unknown>, { delayMs, because }: { readonly delayMs: number; readonly because: Because }): void {
    const { events } = this.#engine.runtime;
    if (!events.wants("retry:scheduled")) return;
    events.emit("retry:scheduled", { operation: call.operation, lane: call.laneRef, attempt: call.attempt, delayMs, because });
  }
}

const STOPPED: StepEnd = Object.freeze({ state: "stopped" });
const UNSETTLED: StepEnd = Object.freeze({
  state: "stopped",
  because: "it may have happened, and would happen twice; look it up at the other side and discard it, or send it with confirm",
});
const LOST: StepEnd = Object.freeze({ state: "lost" });

const IN_DOUBT: Verdict = Object.freeze({
  kind: "transient",
  effect: "unknown",
  rule: "holder-vanished",
  because: "an earlier process was about to try this, and never told how it ended",
});

/** Waits; answers false where it was told to stop. */
async function rested(task: StepTask, ms: number): Promise<boolean> {
  try {
    await task.rest(ms);
  } catch (error) {
    if (!task.stop.aborted) throw error;
  }
  return !task.stop.aborted;
}
