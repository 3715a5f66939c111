import type { Because, DeadReason, Decision } from "../core/decision.ts";
import { DeadlineError, StoreError, isHoldfastError, type ErrorCode } from "../core/errors.ts";
import { attach, canCarry, exhaustedBelow, type Explanation } from "../core/explain.ts";
import type { Verdict } from "../core/verdict.ts";
import type { Call, Outcome } from "./call.ts";

/** An attempt that has ended, however it did. */
export interface Settled<Value> {
  readonly outcome: Outcome<Value>;
  readonly verdict: Verdict;
  readonly durationMs: number;
  readonly settledAt: number;
}

/** Why a call ends that went well: one object, so that such an end allocates none. */
export const ANSWERED: Because = Object.freeze({ code: "answered" });

/** It went well: says so to whoever listens, and what it took where that was more than one attempt. */
export function succeed<Value, Payload>(call: Call<Value, Payload>, value: Value, because: Because, now: number): Value {
  const { events } = call.runtime;
  // What cannot carry an explanation needs none, nor a name for the operation.
  if ((call.attempt > 1 || because !== ANSWERED) && canCarry(value)) {
    attach(value, { operation: call.operation, attempts: call.attempt, outcome: "succeeded", because });
  }
  events.meter?.call(call.laneRef, "succeeded", call, now - call.startedAt, because);
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

/** Gives the outcome to the caller. */
export function conclude<Value>(outcome: Outcome<Value>): Value {
  if (outcome.threw) throw outcome.error;
  return outcome.value;
}

/** It ends without success: the explanation hangs on what surfaces. */
export function fail<Value, Payload>(call: Call<Value, Payload>, settled: Settled<Value>, because: Because, deadLetter?: string): void {
  const { hint, kind } = settled.verdict;
  // A reset that comes with a refusal for good is no advice to come again.
  const retryAfterMs = because.retryAfterMs ?? (kind === "permanent" ? undefined : hint?.delayMs);
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
  call.failure = explanation;
  attach(settled.outcome.threw ? settled.outcome.error : settled.outcome.value, explanation, call.ordinal);
  const { events } = call.runtime;
  events.meter?.call(call.laneRef, "failed", call, settled.settledAt - call.startedAt, because);
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
export async function bury<Value, Payload>(
  call: Call<Value, Payload>,
  settled: Settled<Value>,
  decision: Extract<Decision, { action: "dead-letter" }>,
): Promise<void> {
  const { details, work } = call;
  const attempts = call.history ?? [];
  const ref = call.laneRef ?? { api: "", endpoint: "", partition: "" };
  const diedAt = call.wallAt(settled.settledAt);
  try {
    const request = await work.request?.(call.payload);
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
    const fault = new StoreError(
      `the call failed (${decision.because.detail ?? decision.because.code}) and its dead letter could not be kept: ${error instanceof Error ? error.message : String(error)}`,
      { cause },
    );
    fail(call, { ...settled, outcome: { threw: true, error: fault } }, decision.because);
    throw fault;
  }
  fail(call, settled, decision.because, call.operation);
}

/** An end that `decide` was not asked about: kept where failures are kept, and in doubt where the effect may stand. */
export async function giveUp<Value, Payload>(
  call: Call<Value, Payload>,
  settled: Settled<Value>,
  reason: DeadReason,
  because: Because,
): Promise<void> {
  if (call.details.keep === undefined || keptBelow(call, settled.outcome) !== undefined) {
    fail(call, settled, because);
    return;
  }
  const inDoubt = settled.verdict.effect === "unknown" && call.details.repeatable === false;
  await bury(call, settled, { action: "dead-letter", reason: inDoubt ? "outcome-unknown" : reason, because });
}

/** What a call that is too late to be sent is told. */
export function overdue<Value, Payload>({ attempt }: Call<Value, Payload>): DeadlineError {
  const what = attempt === 0 ? "the call started" : `attempt ${attempt + 1}`;
  return new DeadlineError(`the deadline (timeout.total, or that of a task or call around) was over before ${what}; nothing more was sent`);
}

/** The caller has gone. What is in doubt then is kept. */
export async function abandoned<Value, Payload>(call: Call<Value, Payload>, last: Settled<Value> | undefined): Promise<never> {
  const reason: unknown = call.callerSignal?.reason;
  const because: Because = { code: "cancelled", attempt: call.attempt, detail: "the caller aborted" };
  if (last === undefined) {
    attach(reason, { operation: call.operation, attempts: 0, outcome: "refused", because }, call.ordinal);
    tellRefused(call, because);
  } else {
    const settled: Settled<Value> = { ...last, outcome: { threw: true, error: reason } };
    const inDoubt = last.verdict.effect === "unknown" && call.details.repeatable === false;
    if (inDoubt) await giveUp(call, settled, "outcome-unknown", because);
    else fail(call, settled, because);
  }
  throw reason;
}

/** It was not let go. After an attempt that failed, that failure is what the caller should see. */
export async function refused<Value, Payload>(
  call: Call<Value, Payload>,
  refusal: unknown,
  last: Settled<Value> | undefined,
): Promise<Value> {
  const { callerSignal } = call;
  if (callerSignal?.aborted === true && refusal === callerSignal.reason) return await abandoned(call, last);
  const retryAfterMs = isHoldfastError(refusal) ? refusal.retryAfterMs : undefined;
  const because: Because = {
    code: isHoldfastError(refusal) ? (REFUSALS[refusal.code] ?? "deadline") : "deadline",
    attempt: call.attempt,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    ...(refusal instanceof Error ? { detail: refusal.message } : {}),
  };
  if (last !== undefined) {
    await giveUp(call, last, because.code === "deadline" ? "expired" : "exhausted", because);
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
  const durationMs = runtime.clock.monotonic() - call.startedAt;
  runtime.events.meter?.call(call.laneRef, "refused", call, durationMs, because);
  if (!runtime.events.wants("call:settled")) return;
  runtime.events.emit("call:settled", {
    operation: call.operation,
    lane: call.laneRef,
    attempts: 0,
    outcome: "refused",
    because,
    durationMs,
  });
}
