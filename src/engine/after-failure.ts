import type { Because, Decision } from "../core/decision.ts";
import { attach, exhaustedBelow, explain } from "../core/explain.ts";
import type { Verdict } from "../core/verdict.ts";
import { decide, type Situation } from "../policy/decide.ts";
import type { Call, Outcome, Reconciled } from "./call.ts";
import { bury, fail, giveUp, succeed, type Settled } from "./ending.ts";
import { retriesAllowed, spendRetry } from "./scope.ts";
import { hasLeft, pause, within } from "./wait.ts";

/**
 * Step 7: decides and acts. Answers the outcome to end with, or undefined when the next attempt may start. It is no async
 * function, because after most failures there is one wait and nothing else.
 */
export function afterFailure<Value, Payload>(
  call: Call<Value, Payload>,
  settled: Settled<Value>,
): Outcome<Value> | Promise<Outcome<Value> | undefined> {
  let decision: Decision;
  try {
    decision = decide(situationOf(call, settled), call.policy, call.runtime.random);
  } catch (fault) {
    return askedInVain(call, settled, fault);
  }
  // A dead letter tells of the attempts before, and so do those who look for patterns.
  if (call.details.keep !== undefined || call.runtime.events.meter?.remembered !== undefined) {
    call.remember(settled.verdict, decision.because, settled.durationMs, settled.settledAt, settled.outcome);
  }
  switch (decision.action) {
    case "succeed":
      return alreadyDone(call, settled, decision.because);
    case "retry":
      return retryLater(call, decision, settled.settledAt);
    case "refresh":
      return refresh(call, settled);
    case "reconcile":
      return ask(call, settled, decision);
    case "repair":
    case "park":
      throw new Error(`an inline call cannot ${decision.action}`);
    case "dead-letter":
      return bury(call, settled, decision).then(() => settled.outcome);
    case "fail":
      fail(call, settled, decision.because);
      return settled.outcome;
  }
}

/** The caller's own retryIf or backoff threw: that surfaces, and the call is not lost for it. */
async function askedInVain<Value, Payload>(call: Call<Value, Payload>, settled: Settled<Value>, fault: unknown): Promise<Outcome<Value>> {
  const detail = fault instanceof Error ? fault.message : String(fault);
  const because: Because = { code: "callback-failed", rule: settled.verdict.rule, attempt: call.attempt, detail };
  call.remember(settled.verdict, because, settled.durationMs, settled.settledAt, settled.outcome);
  await giveUp(call, settled, "permanent", because);
  const explanation = explain(settled.outcome.threw ? settled.outcome.error : settled.outcome.value);
  if (explanation !== undefined) attach(fault, explanation, call.ordinal);
  return { threw: true, error: fault };
}

/** What `decide` is asked about. */
export function situationOf<Value, Payload>(call: Call<Value, Payload>, settled: Settled<Value>): Situation {
  const { verdict, outcome, durationMs, settledAt } = settled;
  const { details } = call;
  const below = outcome.threw ? exhaustedBelow(outcome.error, call.attemptSince) : undefined;
  const value = details.quota?.valueOf(details.labels);
  return {
    verdict,
    attempt: call.attempt,
    maxAttempts: call.maxAttempts,
    remainingMs: call.deadlineAt - settledAt,
    previousDelayMs: call.previousDelayMs,
    mode: call.details.mode ?? "inline",
    repeatable: details.repeatable ?? true,
    replayable: details.replayable ?? true,
    canReconcile: details.reconcile !== undefined,
    canRefresh:
      verdict.kind === "unauthorized" &&
      details.refresh !== undefined &&
      (!call.refreshed || mayHaveRunOut(call, settledAt - durationMs)) &&
      details.canRefresh?.() !== false,
    canRepair: false,
    refreshed: call.refreshed,
    keep: details.keep !== undefined && below?.deadLetter === undefined,
    wanted: !outcome.threw || verdict.kind === "cancelled" || details.retryIf === undefined || details.retryIf(outcome.error, call.attempt),
    exhaustedBelow: below !== undefined || (details.retriesAbove ?? 0) > 0,
    budgets: {
      // Its own too: what calls inside of it have retried is taken from that, though its own attempts are not used up.
      task: retriesAllowed(call),
      key: value === undefined || details.quota === undefined ? Number.POSITIVE_INFINITY : details.quota.available(value, settledAt),
      lane: details.lane?.budget?.available(settledAt) ?? Number.POSITIVE_INFINITY,
    },
    keyBudget: details.quota?.name,
  };
}

/** A credential that is refused so soon after it was got is one that the other side does not take. */
const FRESH_MS = 5_000;

/** Whether the call has waited in its lane since its refresh, so long that the new credential may have expired meanwhile. */
function mayHaveRunOut<Value, Payload>({ attempt, maxAttempts, refreshedAt }: Call<Value, Payload>, attemptAt: number): boolean {
  return refreshedAt !== undefined && attemptAt - refreshedAt > FRESH_MS && attempt < maxAttempts;
}

/** Takes the retry from every budget and waits. Nothing may come between the look at the budgets, `now`, and this. */
function retryLater<Value, Payload>(
  call: Call<Value, Payload>,
  { delayMs, because }: Extract<Decision, { action: "retry" }>,
  now: number,
): Promise<undefined> {
  const { details, runtime } = call;
  spendRetry(call);
  details.lane?.budget?.withdraw(now);
  const value = details.quota?.valueOf(details.labels);
  if (value !== undefined) details.quota?.withdraw(value, now);
  call.previousDelayMs = delayMs;
  if (runtime.events.wants("retry:scheduled")) {
    runtime.events.emit("retry:scheduled", { operation: call.operation, lane: call.laneRef, attempt: call.attempt, delayMs, because });
  }
  if (call.parent !== undefined && runtime.events.wants("nesting:detected")) {
    runtime.events.emit("nesting:detected", {
      operation: call.operation,
      lane: call.laneRef,
      by: "call",
      where: "a retry inside another call or task; both draw on the outer budget",
    });
  }
  return pause(call, delayMs);
}

/** Gets a new credential. One that cannot be had now is an attempt that came to nothing, and is judged as any other. */
async function refresh<Value, Payload>(call: Call<Value, Payload>, settled: Settled<Value>): Promise<Outcome<Value> | undefined> {
  const { details, runtime, work } = call;
  call.refreshed = true;
  try {
    await within(call, (details.refresh as () => Promise<void>)());
    call.refreshedAt = runtime.clock.monotonic();
    return undefined;
  } catch (error) {
    if (hasLeft(call)) return undefined;
    const verdict: Verdict = { ...work.judgeError(error, call.attempt, call.payload), effect: "none" };
    return await afterFailure(call, { ...settled, outcome: { threw: true, error }, verdict, settledAt: runtime.clock.monotonic() });
  }
}

/** The outcome is unknown and the other side can tell: wait a backoff, so that a late effect can be seen, and ask. */
async function ask<Value, Payload>(
  call: Call<Value, Payload>,
  settled: Settled<Value>,
  decision: Decision,
): Promise<Outcome<Value> | undefined> {
  const { details, runtime } = call;
  const reconcile = details.reconcile as NonNullable<typeof details.reconcile>;
  const delayMs = call.policy.backoff(call.attempt - 1, call.previousDelayMs, runtime.random);
  await pause(call, Math.min(delayMs, Math.max(0, call.deadlineAt - runtime.clock.monotonic())));
  if (hasLeft(call)) return undefined;
  let told: Reconciled<Value> = { happened: "unknown" };
  let doubt = "the other side could not tell";
  try {
    told = await within(call, reconcile({ operation: call.operation, idempotencyKey: details.idempotencyKey }));
  } catch (error) {
    if (hasLeft(call)) return undefined;
    doubt = `asking the other side failed: ${error instanceof Error ? error.message : String(error)}`;
  }
  if (told.happened === true) {
    const because: Because = { ...decision.because, detail: "the other side says that it happened" };
    return { threw: false, value: succeed(call, told.value, because, runtime.clock.monotonic()) };
  }
  if (told.happened === false) {
    // It certainly did not happen, so the same situation is judged again with that doubt removed.
    const certain: Settled<Value> = { ...settled, verdict: { ...settled.verdict, effect: "none" }, settledAt: runtime.clock.monotonic() };
    const next = decide(situationOf(call, certain), { ...call.policy, backoff: () => 0 }, runtime.random);
    if (next.action === "retry") return await retryLater(call, next, certain.settledAt);
    if (next.action === "dead-letter") await bury(call, certain, next);
    else fail(call, certain, next.because);
    return settled.outcome;
  }
  const because: Because = { ...decision.because, code: "outcome-unknown", detail: doubt };
  await giveUp(call, settled, "outcome-unknown", because);
  return settled.outcome;
}

/** A duplicate: the effect stands, by an earlier attempt or by somebody else. */
function alreadyDone<Value, Payload>(call: Call<Value, Payload>, settled: Settled<Value>, because: Because): Outcome<Value> {
  const value = settled.outcome.threw ? (undefined as Value) : settled.outcome.value;
  return { threw: false, value: succeed(call, value, because, settled.settledAt) };
}
