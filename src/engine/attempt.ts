import { DeadlineError, TimeoutError } from "../core/errors.ts";
import type { AbortListener } from "../ports/leaving.ts";
import type { Call, WorkContext } from "./call.ts";
import { Deadline } from "./deadline-timers.ts";
import { scopes } from "./runtime.ts";

/** What comes after an attempt, given what came of it. */
type Onward<Value, Payload, Came, Result> = (call: Call<Value, Payload>, came: Came) => Result | Promise<Result>;

/**
 * One attempt under its own timeout. It is at once the context that the function is given, the node that waits for its
 * timeout, and the listener of the caller's signal: one object where there would be three.
 */
export class Attempt<Value, Payload = unknown> extends Deadline implements WorkContext, AbortListener {
  readonly attempt: number;
  readonly #call: Call<Value, Payload>;
  readonly #timeoutMs: number;
  #controller: AbortController | undefined = undefined;
  /** Until something has come of it. */
  #settle: ((result: unknown) => void) | undefined = undefined;
  #onError: Onward<Value, Payload, unknown, unknown> | undefined = undefined;
  /** Why it was cut off, for a signal that is looked at only afterwards. */
  cut: { readonly reason: unknown } | undefined = undefined;
  /** What the work has to be told of that. */
  #listener: AbortListener | undefined = undefined;

  constructor(call: Call<Value, Payload>, timeoutMs: number) {
    super();
    this.#call = call;
    this.attempt = call.attempt;
    this.#timeoutMs = timeoutMs;
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.cut !== undefined) this.#controller.abort(this.cut.reason);
    }
    return this.#controller.signal;
  }

  /** Once a listener is told, nothing of the attempt goes on: it is told first, as one that listens to the signal is. */
  listen(listener: AbortListener): void {
    if (this.cut === undefined) this.#listener = listener;
    else listener.onAborted(this.cut.reason);
  }

  get deadline(): number | undefined {
    return this.#call.deadline;
  }

  get idempotencyKey(): string | undefined {
    return this.#call.idempotencyKey;
  }

  get operation(): string {
    return this.#call.operation;
  }

  /**
   * Does the work and goes on with what comes of it first: the answer or the error of the work, a timeout, or the caller's abort.
   *
   * A promise of the attempt's own, between that of the work and that of the call, would be a sixth of what a call keeps
   * while it waits.
   */
  perform<Result>(
    now: number,
    onValue: Onward<Value, Payload, Value, Result>,
    onError: Onward<Value, Payload, unknown, Result>,
  ): Promise<Result> {
    return new Promise<Result>((resolve) => {
      this.#settle = resolve as (result: unknown) => void;
      this.#onError = onError;
      this.#begin(now, onValue);
    });
  }

  #begin(now: number, onValue: Onward<Value, Payload, Value, unknown>): void {
    const call = this.#call;
    const { runtime, callerSignal } = call;
    if (callerSignal !== undefined) {
      runtime.aborts.add(callerSignal, this);
      // It may have aborted since it was looked at last: no attempt follows an abort.
      if (this.cut !== undefined) return;
    }
    runtime.timers.start(this, this.#timeoutMs, now);
    enter(call, this).then(
      (value) => this.#goOn(onValue, value),
      (error: unknown) => this.#goOn(this.#onError, error),
    );
  }

  #goOn<Came>(onward: Onward<Value, Payload, Came, unknown> | undefined, came: Came): void {
    const settle = this.#settle;
    if (settle === undefined) return;
    this.#settle = undefined;
    try {
      settle(onward?.(this.#call, came));
    } catch (error) {
      settle(Promise.reject(error));
    }
  }

  /** After it has settled, however it did: lets go of its timer and its listener. */
  finish(): void {
    const { callerSignal, runtime } = this.#call;
    runtime.timers.stop(this);
    if (callerSignal !== undefined) runtime.aborts.remove(callerSignal, this);
  }

  /** Its time is over. */
  override onExpired(): void {
    const { cutAt, runtime } = this.#call;
    // Up to the rounding of the sum that it was made from.
    const wasDeadline = this.expiresAt >= cutAt - 1e-3;
    const error = wasDeadline
      ? new DeadlineError(
          `the call's time was up ${Math.round(runtime.clock.monotonic() - this.#call.startedAt)} ms after it started (timeout.total, or a deadline around it), in attempt ${this.attempt}`,
          { cut: true },
        )
      : new TimeoutError(this.#timeoutMs);
    this.onAborted(error);
  }

  onAborted(reason: unknown): void {
    this.cut = { reason };
    this.#listener?.onAborted(reason);
    this.#controller?.abort(reason);
    this.#goOn(this.#onError, reason);
  }
}

/** Does the work of one attempt, inside the call's scope. */
export function enter<Value, Payload>(call: Call<Value, Payload>, context: WorkContext): Promise<Value> {
  try {
    // Whatever the work gives, a value or a promise of any make, comes out as a promise that can be trusted.
    return Promise.resolve(
      call.details.lazyScope === true && call.attempt === 1
        ? scopes.runSameTick(call, performWork<Value, Payload>, call, context)
        : scopes.run(call, performWork<Value, Payload>, call, context),
    );
  } catch (error) {
    return Promise.reject(error);
  }
}

function performWork<Value, Payload>(call: Call<Value, Payload>, context: WorkContext): Promise<Value> | Value {
  const { tracer } = call.runtime.events;
  if (tracer === undefined) return call.work.perform(context, call.payload);
  return tracer.within(call.operation, () => call.work.perform(context, call.payload));
}
