import type { Decision } from "../core/decision.ts";
import { TimeoutError } from "../core/errors.ts";
import { SUCCESS, type Verdict } from "../core/verdict.ts";
import { decide } from "../policy/decide.ts";
import type { AttemptRecord } from "../ports/dead-letter-store.ts";
import { Leaving } from "../ports/leaving.ts";
import { situationOf } from "./after-failure.ts";
import { Attempt } from "./attempt.ts";
import type { Call, Outcome } from "./call.ts";
import { ANSWERED, type Settled } from "./ending.ts";
import { judgeThrown, learn, settle } from "./lifecycle.ts";
import { unlessAborted } from "./unless-aborted.ts";

/** What one attempt of a stored operation came to: what to write down, and what happens next. */
export interface DurableStep<Value> {
  readonly outcome: Outcome<Value>;
  readonly verdict: Verdict;
  readonly decision: Decision;
  readonly record: AttemptRecord;
}

/** A credential's source that does not answer holds up no operation for longer. */
const REFRESH_MS = 30_000;

/**
 * Steps 4 to 7 of the lifecycle for an operation of the queue: its lane has admitted it already, and what would be a wait
 * becomes a row with a due time. `refresh` has been done when it is answered: the operation is due at once. `reconcile` has
 * not: a late effect needs time to show, so it is parked, and the other side is asked when its turn has come.
 */
export async function attemptDurably<Value, Payload>(call: Call<Value, Payload>): Promise<DurableStep<Value>> {
  const { runtime } = call;
  call.attempt += 1;
  const startedAt = runtime.clock.monotonic();
  const { outcome, verdict } = await perform(call, startedAt);
  const settledAt = runtime.clock.monotonic();
  const durationMs = settledAt - startedAt;
  learn(call, outcome, settledAt);
  settle(call, verdict, durationMs, settledAt);
  let settled: Settled<Value> = { outcome, verdict, durationMs, settledAt };
  let decision: Decision =
    verdict.kind === "success" && !outcome.threw
      ? { action: "succeed", because: ANSWERED }
      : decide(situationOf(call, settled), call.policy, runtime.random);
  if (decision.action === "refresh") {
    const failure = await refresh(call);
    if (failure !== undefined) {
      // As an attempt that came to nothing, for want of a credential.
      const verdict: Verdict = { ...call.work.judgeError(failure.error, call.attempt, call.payload), effect: "none" };
      settled = { ...settled, outcome: { threw: true, error: failure.error }, verdict };
      decision = decide(situationOf(call, settled), call.policy, runtime.random);
    }
  }
  call.remember(settled.verdict, decision.because, durationMs, settledAt, settled.outcome);
  spend(call, decision, settledAt);
  const record = call.history?.at(-1) as AttemptRecord;
  return { outcome: settled.outcome, verdict: settled.verdict, decision, record };
}

/** One attempt, judged. Its timeout and its caller's abort also end the reading of an answer. */
async function perform<Value, Payload>(
  call: Call<Value, Payload>,
  now: number,
): Promise<{ readonly outcome: Outcome<Value>; readonly verdict: Verdict }> {
  const { runtime, work } = call;
  if (runtime.events.wants("attempt:started")) {
    const { trace } = call.details;
    runtime.events.emit("attempt:started", {
      ...{ operation: call.operation, lane: call.laneRef, attempt: call.attempt },
      ...(trace === undefined ? {} : { trace }),
    });
  }
  const attempt = new Attempt(call, call.timeoutMs(now));
  try {
    const value = await attempt.perform<Value>(
      now,
      (_, answer) => answer,
      (_, error) => Promise.reject(error),
    );
    const judged = work.judge?.(value, call.attempt, call.payload) ?? SUCCESS;
    const verdict = judged instanceof Promise ? await unlessAborted(judged, attempt.signal) : judged;
    return { outcome: { threw: false, value }, verdict };
  } catch (error) {
    return { outcome: { threw: true, error }, verdict: judgeThrown(call, error) };
  } finally {
    attempt.finish();
  }
}

async function refresh<Value, Payload>(call: Call<Value, Payload>): Promise<{ readonly error: unknown } | undefined> {
  const { callerSignal, details, runtime } = call;
  const late = new AbortController();
  const timer = runtime.clock.setTimer(() => late.abort(new TimeoutError(REFRESH_MS)), REFRESH_MS);
  const signal = callerSignal === undefined || callerSignal instanceof Leaving ? late.signal : AbortSignal.any([callerSignal, late.signal]);
  call.refreshed = true;
  try {
    await unlessAborted((details.refresh as () => Promise<void>)(), signal);
    return undefined;
  } catch (error) {
    return { error };
  } finally {
    runtime.clock.clearTimer(timer);
  }
}

/** A retry is taken from its budgets when it is decided on, although it happens later. */
function spend<Value, Payload>(call: Call<Value, Payload>, decision: Decision, now: number): void {
  if (decision.action !== "retry") return;
  const { lane, quota, labels } = call.details;
  lane?.budget?.withdraw(now);
  const value = quota?.valueOf(labels);
  if (value !== undefined) quota?.withdraw(value, now);
}
