import { type Because, type Decision } from "../core/decision.ts";
import { DeadlineError, StoreError, isHoldfastError, type ErrorCode } from "../core/errors.ts";
import { attach, exhaustedBelow, lastBegun, type Explanation } from "../core/explain.ts";
import { SUCCESS, type Verdict } from "../core/verdict.ts";
import { decide, type Situation } from "../policy/decide.ts";
import { sleep } from "../ports/clock.ts";
import { Attempt, enter } from "./attempt.ts";
import type { Call, Outcome, Reconciled } from "./call.ts";
import { retriesAllowed, spendRetry } from "./scope.ts";
import { unlessAborted } from "./unless-aborted.ts";

/**
 * The way of one call: the lane admits it, an attempt is made under its timeout, what came of it is judged and recorded, and
 * `decide` says what happens next. Every door comes through here. (Deadline and context were opened with the `Call`; the
 * idempotency key is claimed around this.)
 *
 * Most calls end with their first attempt, so that one goes without an async function, which would keep half as much memory
 * again for every call in flight. The loop begins with the first failure.
 */
export function run<Value, Payload>(call: Call<Value, Payload>): Promise<Value> {
  const { callerSignal } = call;
  if (callerSignal?.aborted === true) return abandoned(call, callerSignal.reason, undefined);
  if (!call.isTimed) return firstAttempt(call, undefined);
  const now = call.startedAt;
  if (now >= call.cutAt) return refused(call, overdue(call), undefined);
  const waiting = call.details.lane?.admit(call, now);
  if (waiting === undefined) return firstAttempt(call, now);
  return waiting.then(
    () => firstAttempt(call, call.runtime.clock.monotonic()),
    (refusal: unknown) => refused(call, refusal, undefined),
  );
}

function firstAttempt<Value, Payload>(call: Call<Value, Payload>, now: number | undefined): Promise<Value> {
  return attempt(call, now).then(
    (value) =>
      call.work.judge === undefined ? succeedAtOnce(call, value) : judge(call, value).then((settled) => unlessFailed(call, settled)),
    (error: unknown) => again(call, threw(call, error)),
  );
}

function unlessFailed<Value, Payload>(call: Call<Value, Payload>, settled: Settled<Value>): Promise<Value> | Value {
  return isSuccess(settled) ? succeed(call, settled.outcome.value, ANSWERED, settled.settledAt) : again(call, settled);
}

/** From a failure on: decides, waits, is admitted, tries once more. */
async function again<Value, Payload>(call: Call<Value, Payload>, failed: Settled<Value>): Promise<Value> {
  const { callerSignal, runtime } = call;
  for (let last = failed; ;) {
    const end = await afterFailure(call, last);
    if (end !== undefined) return conclude(end);
    if (callerSignal?.aborted === true) return await abandoned(call, callerSignal.reason, last);
    let now = runtime.clock.monotonic();
    if (now >= call.cutAt) return await refused(call, overdue(call), last);
    try {
      const waiting = call.details.lane?.admit(call, now);
      if (waiting !== undefined) {
        await waiting;
        now = runtime.clock.monotonic();
      }
    } catch (refusal) {
      return await refused(call, refusal, last);
    }
    try {
      const value = await attempt(call, now);
      if (call.work.judge === undefined) return succeedAtOnce(call, value);
      last = await judge(call, value);
    } catch (error) {
      last = threw(call, error);
    }
    if (isSuccess(last)) return succeed(call, last.outcome.value, ANSWERED, last.settledAt);
  }
}

/** Makes one attempt. `now` is undefined for one that nobody times. */
function attempt<Value, Payload>(call: Call<Value, Payload>, now: number | undefined): Promise<Value> {
  const { runtime } = call;
  call.attempt += 1;
  call.attemptAt = now;
  call.attemptSince = lastBegun();
  if (runtime.events.wants("attempt:started")) {
    runtime.events.emit("attempt:started", { operation: call.operation, lane: call.laneRef, attempt: call.attempt });
  }
  if (now !== undefined) {
    const timeoutMs = call.timeoutMs(now);
    if (timeoutMs !== Number.POSITIVE_INFINITY || call.callerSignal !== undefined) {
      call.running = new Attempt(call, timeoutMs);
      return call.running.perform(now);
    }
  }
  // Nothing can cut it off, so the call itself is the context.
  call.running = undefined;
  try {
    return Promise.resolve(enter(call, call));
  } catch (error) {
    return Promise.reject(error as Error);
  }
}

async function judge<Value, Payload>(call: Call<Value, Payload>, value: Value): Promise<Settled<Value>> {
  try {
    const verdict = await (call.work.judge as NonNullable<typeof call.work.judge>)(value, call.attempt, call.payload);
    return ended(call, { threw: false, value }, verdict);
  } catch (error) {
    return threw(call, error);
  }
}

function threw<Value, Payload>(call: Call<Value, Payload>, error: unknown): Settled<Value> {
  return ended(call, { threw: true, error }, judgeThrown(call, error));
}

/** Lets go of the attempt, and records it. */
function ended<Value, Payload>(call: Call<Value, Payload>, outcome: Outcome<Value>, verdict: Verdict): Settled<Value> {
  call.running?.finish();
  const settledAt = call.runtime.clock.monotonic();
  const durationMs = settledAt - (call.attemptAt ?? call.startedAt);
  settle(call, verdict, durationMs, settledAt);
  return { outcome, verdict, durationMs, settledAt };
}

/** What an attempt feeds: the lane's policies, and whoever listens. */
export function settle<Value, Payload>(call: Call<Value, Payload>, verdict: Verdict, durationMs: number, now: number): void {
  const { details, runtime } = call;
  details.lane?.settle(call, verdict, durationMs, now);
  if (runtime.events.wants("attempt:settled")) {
    runtime.events.emit("attempt:settled", { operation: call.operation, lane: call.laneRef, attempt: call.attempt, durationMs, verdict });
  }
}

/** The happy path. Where nobody measures, no clock is read. */
function succeedAtOnce<Value, Payload>(call: Call<Value, Payload>, value: Value): Value {
  call.running?.finish();
  if (call.attemptAt === undefined) return value;
  const now = call.runtime.clock.monotonic();
  settle(call, SUCCESS, now - call.attemptAt, now);
  return succeed(call, value, ANSWERED, now);
}

/** An attempt that has ended, however it did. */
export interface Settled<Value> {
  readonly outcome: Outcome<Value>;
  readonly verdict: Verdict;
  readonly durationMs: number;
  readonly settledAt: number;
}

function isSuccess<Value>(settled: Settled<Value>): settled is Settled<Value> & { readonly outcome: { readonly threw: false } } {
  return settled.verdict === SUCCESS;
}

const ANSWERED: Because = Object.freeze({ code: "answered" });

function succeed<Value, Payload>(call: Call<Value, Payload>, value: Value, because: Because, now: number): Value {
  const { events } = call.runtime;
  if (call.attempt > 1 || because !== ANSWERED) {
    attach(value, { operation: call.operation, attempts: call.attempt, outcome: "succeeded", because });
  }
  if (events.wants("call:settled")) {
    events.emit("call:settled", {
      operation: call.operation,
      lane: call.laneRef,
      attempts: call.attempt,
      outcome: "succeeded",
      because,
      durationMs: now - call.startedAt,
    });
  }
  return value;
}

function conclude<Value>(outcome: Outcome<Value>): Value {
  if (outcome.threw) throw outcome.error;
  return outcome.value;
}

export function judgeThrown<Value, Payload>(call: Call<Value, Payload>, error: unknown): Verdict {
  if (call.callerSignal?.aborted === true && error === call.callerSignal.reason) {
    const effect = call.work.sent?.(call.payload) === false ? "none" : "unknown";
    return { kind: "cancelled", effect, rule: "caller-aborted", because: "the caller aborted" };
  }
  return call.work.judgeError(error, call.attempt, call.payload);
}

/** Decides and acts. Answers the outcome to end with, or undefined when the next attempt may start. */
async function afterFailure<Value, Payload>(call: Call<Value, Payload>, settled: Settled<Value>): Promise<Outcome<Value> | undefined> {
  const { runtime } = call;
  const decision = decide(situationOf(call, settled), call.policy, runtime.random);
  call.remember(settled.verdict, decision.because, settled.durationMs, settled.settledAt, settled.outcome);
  switch (decision.action) {
    case "succeed":
      return alreadyDone(call, settled, decision.because);
    case "retry":
      await retryLater(call, decision);
      return undefined;
    case "refresh":
      return await refresh(call, settled);
    case "reconcile":
      return await ask(call, settled, decision);
    case "repair":
    case "park":
      throw new Error(`an inline call cannot ${decision.action}`);
    case "dead-letter":
      await bury(call, settled, decision);
      return settled.outcome;
    case "fail":
      fail(call, settled, decision.because);
      return settled.outcome;
  }
}

/** What `decide` is asked about. */
export function situationOf<Value, Payload>(call: Call<Value, Payload>, { verdict, outcome, settledAt }: Settled<Value>): Situation {
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
    canRefresh: details.refresh !== undefined && !call.refreshed,
    canRepair: false,
    refreshed: call.refreshed,
    keep: details.keep !== undefined && below?.deadLetter === undefined,
    wanted: !outcome.threw || details.retryIf === undefined || details.retryIf(outcome.error, call.attempt),
    exhaustedBelow: below !== undefined || (details.retriesAbove ?? 0) > 0,
    budgets: {
      task: retriesAllowed(call.parent),
      key: value === undefined || details.quota === undefined ? Number.POSITIVE_INFINITY : details.quota.available(value, settledAt),
      lane: details.lane?.budget?.available(settledAt) ?? Number.POSITIVE_INFINITY,
    },
  };
}

/** Takes the retry from every budget and waits. Nothing may come between the look at the budgets and this. */
async function retryLater<Value, Payload>(
  call: Call<Value, Payload>,
  { delayMs, because }: Extract<Decision, { action: "retry" }>,
): Promise<void> {
  const { details, runtime } = call;
  const now = runtime.clock.monotonic();
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
      where: "a retry inside another call or task; both draw on the outer budget",
    });
  }
  await pause(call, delayMs);
}

/** Waits, or until the caller leaves: that is looked at before the next attempt. */
async function pause<Value, Payload>({ runtime, callerSignal }: Call<Value, Payload>, delayMs: number): Promise<void> {
  try {
    await sleep(runtime.clock, delayMs, callerSignal);
  } catch (error) {
    if (callerSignal?.aborted !== true) throw error;
  }
}

/** Gets a new credential. One that cannot be had now is an attempt that came to nothing, and is judged as any other. */
async function refresh<Value, Payload>(call: Call<Value, Payload>, settled: Settled<Value>): Promise<Outcome<Value> | undefined> {
  const { callerSignal, details, runtime, work } = call;
  call.refreshed = true;
  try {
    await unlessAborted((details.refresh as () => Promise<void>)(), callerSignal);
    return undefined;
  } catch (error) {
    if (callerSignal?.aborted === true) return undefined;
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
  if (call.callerSignal?.aborted === true) return undefined;
  let told: Reconciled<Value> = { happened: "unknown" };
  let doubt = "the other side could not tell";
  try {
    told = await reconcile({ operation: call.operation, idempotencyKey: details.idempotencyKey });
  } catch (error) {
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
    if (next.action === "retry") {
      await retryLater(call, next);
      return undefined;
    }
    if (next.action === "dead-letter") await bury(call, certain, next);
    else fail(call, certain, next.because);
    return settled.outcome;
  }
  const because: Because = { ...decision.because, code: "outcome-unknown", detail: doubt };
  if (details.keep === undefined) fail(call, settled, because);
  else await bury(call, settled, { action: "dead-letter", reason: "outcome-unknown", because });
  return settled.outcome;
}

/** A duplicate: the effect stands, by an earlier attempt or by somebody else. */
function alreadyDone<Value, Payload>(call: Call<Value, Payload>, settled: Settled<Value>, because: Because): Outcome<Value> {
  const value = settled.outcome.threw ? (undefined as Value) : settled.outcome.value;
  return { threw: false, value: succeed(call, value, because, settled.settledAt) };
}

function fail<Value, Payload>(call: Call<Value, Payload>, settled: Settled<Value>, because: Because, deadLetter?: string): void {
  const retryAfterMs = because.retryAfterMs ?? settled.verdict.hint?.delayMs;
  const kept = deadLetter ?? keptBelow(call, settled.outcome);
  const explanation: Explanation = {
    operation: call.operation,
    attempts: call.attempt,
    outcome: "failed",
    because,
    verdict: settled.verdict,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    ...(kept === undefined ? {} : { deadLetter: kept }),
  };
  attach(settled.outcome.threw ? settled.outcome.error : settled.outcome.value, explanation, call.ordinal);
  const { events } = call.runtime;
  if (events.wants("call:settled")) {
    const durationMs = settled.settledAt - call.startedAt;
    events.emit("call:settled", {
      operation: call.operation,
      lane: call.laneRef,
      attempts: call.attempt,
      outcome: "failed",
      because,
      durationMs,
    });
  }
}

/** The dead letter that a call further down has made of this error: our explanation takes the place of its own. */
function keptBelow<Value, Payload>(call: Call<Value, Payload>, outcome: Outcome<Value>): string | undefined {
  return outcome.threw ? exhaustedBelow(outcome.error, call.attemptSince)?.deadLetter : undefined;
}

/** Keeps what failed before its caller hears of it. */
async function bury<Value, Payload>(
  call: Call<Value, Payload>,
  settled: Settled<Value>,
  decision: Extract<Decision, { action: "dead-letter" }>,
): Promise<void> {
  const { details, work } = call;
  const attempts = call.history ?? [];
  const request = await work.request?.(call.payload);
  const ref = call.laneRef ?? { api: "", endpoint: "", partition: "" };
  const diedAt = call.wallAt(settled.settledAt);
  try {
    await (details.keep as NonNullable<typeof details.keep>)(
      {
        id: call.operation,
        api: ref.api,
        endpoint: ref.endpoint,
        partition: ref.partition,
        reason: decision.reason,
        because: decision.because,
        ...(request === undefined ? {} : { request }),
        ...(details.operationName === undefined ? {} : { operation: details.operationName }),
        ...(details.idempotencyKey === undefined ? {} : { idempotencyKey: details.idempotencyKey }),
        labels: details.labels ?? {},
        attempts,
        firstAttemptAt: attempts[0]?.startedAt ?? diedAt,
        diedAt,
      },
      settled.verdict,
    );
  } catch (error) {
    const cause = settled.outcome.threw ? settled.outcome.error : error;
    throw new StoreError(
      `the call failed (${decision.because.detail ?? decision.because.code}) and its dead letter could not be kept: ${error instanceof Error ? error.message : String(error)}`,
      { cause },
    );
  }
  fail(call, settled, decision.because, call.operation);
}

function overdue<Value, Payload>({ attempt }: Call<Value, Payload>): DeadlineError {
  const what = attempt === 0 ? "the call started" : `attempt ${attempt + 1}`;
  return new DeadlineError(`the deadline (timeout.total, or that of a task or call around) was over before ${what}; nothing more was sent`);
}

/** The caller has gone. What is in doubt then is kept. */
async function abandoned<Value, Payload>(call: Call<Value, Payload>, reason: unknown, last: Settled<Value> | undefined): Promise<never> {
  const because: Because = { code: "cancelled", attempt: call.attempt, detail: "the caller aborted" };
  const inDoubt = last?.verdict.effect === "unknown" && call.details.repeatable === false && call.details.keep !== undefined;
  if (last === undefined) {
    attach(reason, { operation: call.operation, attempts: 0, outcome: "refused", because }, call.ordinal);
    tellRefused(call, because);
  } else {
    const settled: Settled<Value> = { ...last, outcome: { threw: true, error: reason } };
    if (inDoubt) await bury(call, settled, { action: "dead-letter", reason: "outcome-unknown", because });
    else fail(call, settled, because);
  }
  throw reason;
}

/** It was not let go. After an attempt that failed, that failure is what the caller should see. */
async function refused<Value, Payload>(call: Call<Value, Payload>, refusal: unknown, last: Settled<Value> | undefined): Promise<Value> {
  const { callerSignal, details } = call;
  if (callerSignal?.aborted === true && refusal === callerSignal.reason) return await abandoned(call, refusal, last);
  const retryAfterMs = isHoldfastError(refusal) ? refusal.retryAfterMs : undefined;
  const because: Because = {
    code: isHoldfastError(refusal) ? (REFUSALS[refusal.code] ?? "deadline") : "deadline",
    attempt: call.attempt,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    ...(refusal instanceof Error ? { detail: refusal.message } : {}),
  };
  if (last !== undefined) {
    if (details.keep === undefined) fail(call, last, because);
    else await bury(call, last, { action: "dead-letter", reason: because.code === "deadline" ? "expired" : "exhausted", because });
    return conclude(last.outcome);
  }
  const explanation: Explanation = { operation: call.operation, attempts: 0, outcome: "refused", because };
  attach(refusal, retryAfterMs === undefined ? explanation : { ...explanation, retryAfterMs }, call.ordinal);
  tellRefused(call, because);
  throw refusal;
}

const REFUSALS: Readonly<Partial<Record<ErrorCode, Because["code"]>>> = {
  "circuit-open": "breaker-open",
  "rate-limited": "rate-limited",
  "queue-full": "queue-full",
};

function tellRefused<Value, Payload>(call: Call<Value, Payload>, because: Because): void {
  const { runtime } = call;
  if (!runtime.events.wants("call:settled")) return;
  runtime.events.emit("call:settled", {
    operation: call.operation,
    lane: call.laneRef,
    attempts: 0,
    outcome: "refused",
    because,
    durationMs: runtime.clock.monotonic() - call.startedAt,
  });
}
