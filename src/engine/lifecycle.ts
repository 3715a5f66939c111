import { lastBegun } from "../core/explain.ts";
import { SUCCESS, type Verdict } from "../core/verdict.ts";
import { afterFailure } from "./after-failure.ts";
import { Attempt, enter } from "./attempt.ts";
import type { Call, Outcome } from "./call.ts";
import { abandoned, ANSWERED, conclude, overdue, refused, succeed, type Settled } from "./ending.ts";
import { hasLeft } from "./wait.ts";

/**
 * The way of one call: the lane admits it, an attempt is made under its timeout, what came of it is judged and recorded, and
 * `decide` says what happens next. Every door comes through here. (Deadline and context were opened with the `Call`; the
 * idempotency key is claimed around this.)
 *
 * Most calls end with their first attempt, so that one goes without an async function, which would keep half as much memory
 * again for every call in flight. The loop begins with the first failure.
 */
export function run<Value, Payload>(call: Call<Value, Payload>): Promise<Value> {
  if (hasLeft(call)) return abandoned(call, undefined);
  if (!call.isTimed) return firstAttempt(call, undefined);
  const now = call.startedAt;
  if (now >= call.cutAt) return refused(call, overdue(call), undefined);
  const waiting = call.details.lane?.admit(call, now);
  if (waiting === undefined) return firstAttempt(call, now);
  return waiting.then(
    () => (hasLeft(call) ? leftWhileAdmitted(call, undefined) : firstAttempt(call, waited(call, now))),
    (refusal: unknown) => refused(call, refusal, undefined),
  );
}

/** A wait for the lane is over: tells how long it was, and answers the time. */
function waited<Value, Payload>({ runtime, operation, laneRef }: Call<Value, Payload>, since: number): number {
  const now = runtime.clock.monotonic();
  if (laneRef !== undefined && runtime.events.wants("lane:waited")) {
    runtime.events.emit("lane:waited", { operation, lane: laneRef, waitMs: now - since });
  }
  return now;
}

/** The first attempt, and all that follows from it. */
function firstAttempt<Value, Payload>(call: Call<Value, Payload>, now: number | undefined): Promise<Value> {
  return attempt<Value, Payload, Value>(call, now, answeredFirst, failedFirst);
}

function answeredFirst<Value, Payload>(call: Call<Value, Payload>, value: Value): Value | Promise<Value> {
  if (call.work.judge === undefined) return succeedAtOnce(call, value);
  const judged = judge(call, value);
  return judged instanceof Promise ? judged.then((settled) => goOn(call, settled)) : goOn(call, judged);
}

/** After the first attempt: that was all, or it goes on. */
function goOn<Value, Payload>(call: Call<Value, Payload>, settled: Settled<Value>): Value | Promise<Value> {
  return isSuccess(settled) ? succeed(call, settled.outcome.value, ANSWERED, settled.settledAt) : again(call, settled);
}

function failedFirst<Value, Payload>(call: Call<Value, Payload>, error: unknown): Promise<Value> {
  return again(call, threw(call, error));
}

/** From a failure on: decides, waits, is admitted, tries once more. */
async function again<Value, Payload>(call: Call<Value, Payload>, failed: Settled<Value>): Promise<Value> {
  const { runtime } = call;
  for (let last = failed; ;) {
    const end = await afterFailure(call, last);
    if (end !== undefined) return conclude(end);
    if (hasLeft(call)) return await abandoned(call, last);
    let now = runtime.clock.monotonic();
    if (now >= call.cutAt) return await refused(call, overdue(call), last);
    try {
      const waiting = call.details.lane?.admit(call, now);
      if (waiting !== undefined) {
        await waiting;
        now = waited(call, now);
      }
    } catch (refusal) {
      return await refused(call, refusal, last);
    }
    if (hasLeft(call)) return await leftWhileAdmitted(call, last);
    last = await attempt<Value, Payload, Settled<Value>>(call, now, answered, threw);
    if (isSuccess(last)) return succeed(call, last.outcome.value, ANSWERED, last.settledAt);
  }
}

/** The caller left between the admission and the attempt: what was taken goes back. */
function leftWhileAdmitted<Value, Payload>(call: Call<Value, Payload>, last: Settled<Value> | undefined): Promise<never> {
  call.details.lane?.giveBack(call, call.runtime.clock.monotonic());
  return abandoned(call, last);
}

/** Makes one attempt and goes on with what comes of it. `now` is undefined for one that nobody times. */
function attempt<Value, Payload, Result>(
  call: Call<Value, Payload>,
  now: number | undefined,
  onValue: (call: Call<Value, Payload>, value: Value) => Result | Promise<Result>,
  onError: (call: Call<Value, Payload>, error: unknown) => Result | Promise<Result>,
): Promise<Result> {
  const { runtime } = call;
  call.attempt += 1;
  call.attemptAt = now;
  call.attemptSince = lastBegun();
  if (runtime.events.wants("attempt:started")) {
    const { trace } = call.details;
    runtime.events.emit("attempt:started", {
      ...{ operation: call.operation, lane: call.laneRef, attempt: call.attempt },
      ...(trace === undefined ? {} : { trace }),
    });
  }
  if (now !== undefined) {
    const timeoutMs = call.timeoutMs(now);
    if (timeoutMs !== Number.POSITIVE_INFINITY || call.callerSignal !== undefined) {
      call.running = new Attempt<Value, Payload>(call, timeoutMs);
      return call.running.perform(now, onValue, onError);
    }
  }
  // Nothing can cut it off, so the call itself is the context.
  call.running = undefined;
  return enter(call, call).then(
    (value) => onValue(call, value),
    (error: unknown) => onError(call, error),
  );
}

function answered<Value, Payload>(call: Call<Value, Payload>, value: Value): Settled<Value> | Promise<Settled<Value>> {
  return call.work.judge === undefined ? ended(call, { threw: false, value }, SUCCESS) : judge(call, value);
}

/** Mostly what has to be read for it is there: then nothing is waited for. */
function judge<Value, Payload>(call: Call<Value, Payload>, value: Value): Settled<Value> | Promise<Settled<Value>> {
  try {
    const verdict = (call.work.judge as NonNullable<typeof call.work.judge>)(value, call.attempt, call.payload);
    return verdict instanceof Promise ? judgeLater(call, value, verdict) : ended(call, { threw: false, value }, verdict);
  } catch (error) {
    return threw(call, error);
  }
}

async function judgeLater<Value, Payload>(call: Call<Value, Payload>, value: Value, judged: Promise<Verdict>): Promise<Settled<Value>> {
  try {
    return ended(call, { threw: false, value }, await judged);
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
  // Nobody has timed the attempt where there is no start; then the call's clock starts only now.
  const durationMs = call.attemptAt === undefined ? 0 : settledAt - call.attemptAt;
  learn(call, outcome, settledAt);
  settle(call, verdict, durationMs, settledAt);
  return { outcome, verdict, durationMs, settledAt };
}

/** What an attempt feeds: the lane's policies, and whoever listens. */
export function settle<Value, Payload>(call: Call<Value, Payload>, verdict: Verdict, durationMs: number, now: number): void {
  const { details, runtime } = call;
  details.lane?.settle(call, verdict, durationMs, now);
  runtime.events.meter?.attempt(call.laneRef, durationMs, verdict, call, now);
  if (runtime.events.wants("attempt:settled")) {
    runtime.events.emit("attempt:settled", { operation: call.operation, lane: call.laneRef, attempt: call.attempt, durationMs, verdict });
  }
}

/** What the answer tells about rate limits, before anybody else is let go. */
export function learn<Value, Payload>(call: Call<Value, Payload>, outcome: Outcome<Value>, now: number): void {
  const { lane } = call.details;
  if (lane?.isLimited !== true) return;
  const report = call.work.report?.(outcome, call.payload);
  if (report === undefined) return;
  if (report.used !== undefined) lane.settleCost(call, report.used, now);
  if (report.left !== undefined) lane.learnRemaining(report.left.remaining, report.left.resetMs, now);
}

/** The happy path. Where nobody measures, no clock is read. */
function succeedAtOnce<Value, Payload>(call: Call<Value, Payload>, value: Value): Value {
  call.running?.finish();
  if (call.attemptAt === undefined) return value;
  const now = call.runtime.clock.monotonic();
  if (call.work.report !== undefined) learn(call, { threw: false, value }, now);
  settle(call, SUCCESS, now - call.attemptAt, now);
  return succeed(call, value, ANSWERED, now);
}

function isSuccess<Value>(settled: Settled<Value>): settled is Settled<Value> & { readonly outcome: { readonly threw: false } } {
  return settled.verdict === SUCCESS;
}

/** Judges what an attempt threw. The caller's own abort is no fault of anybody's. */
export function judgeThrown<Value, Payload>(call: Call<Value, Payload>, error: unknown): Verdict {
  if (call.callerSignal?.aborted === true && error === call.callerSignal.reason) {
    const effect = call.work.sent?.(call.payload) === false ? "none" : "unknown";
    return { kind: "cancelled", effect, rule: "caller-aborted", because: "the caller aborted" };
  }
  return call.work.judgeError(error, call.attempt, call.payload);
}
