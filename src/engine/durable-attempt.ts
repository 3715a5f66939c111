import type { Because, Decision } from "../core/decision.ts";
import { SUCCESS, type Verdict } from "../core/verdict.ts";
import { decide } from "../policy/decide.ts";
import type { AttemptRecord } from "../ports/dead-letter-store.ts";
import { situationOf } from "./after-failure.ts";
import { Attempt } from "./attempt.ts";
import type { Call, Outcome } from "./call.ts";
import { ANSWERED, type Settled } from "./ending.ts";
import { judgeThrown, settle } from "./lifecycle.ts";

/** What one attempt of a stored operation came to: what to write down, and what happens next. */
export interface DurableStep<Value> {
  readonly outcome: Outcome<Value>;
  readonly verdict: Verdict;
  readonly decision: Decision;
  readonly record: AttemptRecord;
}

/**
 * Steps 4 to 7 of the lifecycle for an operation of the queue: its lane has admitted it already, and `retry` and `park` are
 * rows with a due time instead of sleeps. A refreshed credential and a cleared doubt are dealt with here, since both go on
 * at once.
 */
export async function attemptDurably<Value, Payload>(call: Call<Value, Payload>): Promise<DurableStep<Value>> {
  const { runtime } = call;
  for (;;) {
    call.attempt += 1;
    const startedAt = runtime.clock.monotonic();
    const { outcome, verdict } = await perform(call, startedAt);
    const settledAt = runtime.clock.monotonic();
    settle(call, verdict, settledAt - startedAt, settledAt);
    const settled: Settled<Value> = { outcome, verdict, durationMs: settledAt - startedAt, settledAt };
    const decision: Decision =
      verdict.kind === "success" && !outcome.threw
        ? { action: "succeed", because: ANSWERED }
        : decide(situationOf(call, settled), call.policy, runtime.random);
    if (decision.action === "refresh") {
      call.refreshed = true;
      await call.details.refresh?.();
      const waiting = call.details.lane?.admit(call, runtime.clock.monotonic());
      if (waiting !== undefined) await waiting;
      continue;
    }
    const judged = decision.action === "reconcile" ? await ask(call, settled, decision) : { outcome, decision };
    call.remember(verdict, judged.decision.because, settled.durationMs, settledAt, outcome);
    spend(call, judged.decision, settledAt);
    return {
      outcome: judged.outcome,
      verdict,
      decision: judged.decision,
      record: (call.history as AttemptRecord[]).at(-1) as AttemptRecord,
    };
  }
}

async function perform<Value, Payload>(
  call: Call<Value, Payload>,
  now: number,
): Promise<{ readonly outcome: Outcome<Value>; readonly verdict: Verdict }> {
  const { runtime, work } = call;
  if (runtime.events.wants("attempt:started")) {
    runtime.events.emit("attempt:started", { operation: call.operation, lane: call.laneRef, attempt: call.attempt });
  }
  const attempt = new Attempt(call, call.timeoutMs(now));
  try {
    const value = await attempt.perform(now);
    const verdict = work.judge === undefined ? SUCCESS : await work.judge(value, call.attempt, call.payload);
    return { outcome: { threw: false, value }, verdict };
  } catch (error) {
    return { outcome: { threw: true, error }, verdict: judgeThrown(call, error) };
  } finally {
    attempt.finish();
  }
}

/** The outcome is unknown and the other side can tell. One that cannot be asked right now is asked again later. */
async function ask<Value, Payload>(
  call: Call<Value, Payload>,
  settled: Settled<Value>,
  decision: Decision,
): Promise<{ readonly outcome: Outcome<Value>; readonly decision: Decision }> {
  const { details, runtime } = call;
  const reconcile = details.reconcile as NonNullable<typeof details.reconcile>;
  const told = await reconcile({ operation: call.operation, idempotencyKey: details.idempotencyKey });
  if (told.happened === true) {
    return {
      outcome: { threw: false, value: told.value },
      decision: { action: "succeed", because: { ...decision.because, detail: "the other side says that it happened" } },
    };
  }
  if (told.happened === false) {
    const certain: Settled<Value> = { ...settled, verdict: { ...settled.verdict, effect: "none" } };
    return { outcome: settled.outcome, decision: decide(situationOf(call, certain), call.policy, runtime.random) };
  }
  const because: Because = { ...decision.because, code: "outcome-unknown", detail: "the other side could not tell" };
  return { outcome: settled.outcome, decision: { action: "dead-letter", reason: "outcome-unknown", because } };
}

/** A retry is taken from its budgets when it is decided on, although it happens later. */
function spend<Value, Payload>(call: Call<Value, Payload>, decision: Decision, now: number): void {
  if (decision.action !== "retry") return;
  const { lane, quota, labels } = call.details;
  lane?.budget?.withdraw(now);
  const value = quota?.valueOf(labels);
  if (value !== undefined) quota?.withdraw(value, now);
}
