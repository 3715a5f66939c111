import { DeadlineError, TimeoutError } from "../core/errors.ts";
import type { AbortListener } from "./abort-hub.ts";
import type { AttemptContext, Call } from "./call.ts";
import { Deadline } from "./deadline-timers.ts";
import { scopes } from "./runtime.ts";

/**
 * One attempt under its own timeout. It is at once the context that the function is given, the node that waits for its
 * timeout, and the listener of the caller's signal: one object where there would be three.
 */
export class Attempt<Value> extends Deadline implements AttemptContext, AbortListener {
  readonly attempt: number;
  readonly #call: Call<Value>;
  readonly #timeoutMs: number;
  #controller: AbortController | undefined = undefined;
  #reject: ((reason: unknown) => void) | undefined = undefined;
  /** Why it was cut off, for a signal that is looked at only afterwards. */
  #cut: { readonly reason: unknown } | undefined = undefined;

  constructor(call: Call<Value>, timeoutMs: number) {
    super();
    this.#call = call;
    this.attempt = call.attempt;
    this.#timeoutMs = timeoutMs;
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#cut !== undefined) this.#controller.abort(this.#cut.reason);
    }
    return this.#controller.signal;
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

  /** Does the work. Settles with it, with a timeout, or with the caller's abort, whichever comes first. */
  perform(now: number): Promise<Value> {
    const call = this.#call;
    const { runtime, callerSignal } = call;
    return new Promise<Value>((resolve, reject) => {
      this.#reject = reject;
      if (callerSignal !== undefined) {
        runtime.aborts.add(callerSignal, this);
        // It may have aborted since it was looked at last: no attempt follows an abort.
        if (this.#cut !== undefined) return;
      }
      runtime.timers.start(this, this.#timeoutMs, now);
      const result = enter(call, this);
      if (isPromise(result)) result.then(resolve, reject);
      else resolve(result);
    });
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
    this.#cut = { reason };
    this.#controller?.abort(reason);
    this.#reject?.(reason);
  }
}

/** Does the work of one attempt, inside the call's scope. */
export function enter<Value, Payload>(call: Call<Value, Payload>, context: AttemptContext): Promise<Value> | Value {
  return call.details.lazyScope === true && call.attempt === 1
    ? scopes.runSameTick(call, performWork<Value, Payload>, call, context)
    : scopes.run(call, performWork<Value, Payload>, call, context);
}

function performWork<Value, Payload>(call: Call<Value, Payload>, context: AttemptContext): Promise<Value> | Value {
  return call.work.perform(context, call.payload);
}

function isPromise<Value>(value: Promise<Value> | Value): value is Promise<Value> {
  return typeof value === "object" && value !== null && typeof (value as { then?: unknown }).then === "function";
}
