import { MAX_DELAY_MS } from "../core/duration.ts";
import { DeadlineError } from "../core/errors.ts";
import { sleep } from "../ports/clock.ts";
import type { AbortListener, CallerSignal } from "../ports/leaving.ts";
import { Deadline } from "./deadline-timers.ts";
import type { Runtime } from "./runtime.ts";

/** What a wait of a call needs to know of it. */
export interface Waiting {
  readonly runtime: Runtime;
  readonly callerSignal: CallerSignal | undefined;
  /** When all must have ended, where somebody asked for that; else Infinity. Monotonic ms. */
  readonly cutAt: number;
}

/** Whether the caller has gone. A function, since the compiler takes what it has seen of a signal for its state ever after. */
export function hasLeft({ callerSignal }: { readonly callerSignal: CallerSignal | undefined }): boolean {
  return callerSignal?.aborted === true;
}

/**
 * Waits so long, or until the caller leaves, which is looked at before anything else is done. Ten thousand calls that rest under one
 * signal share its one listener.
 */
export function pause({ runtime, callerSignal }: Waiting, ms: number): Promise<undefined> {
  return callerSignal === undefined ? sleep(runtime.clock, ms) : pauseUnder(callerSignal, runtime, ms);
}

function pauseUnder(signal: CallerSignal, { aborts, clock }: Runtime, ms: number): Promise<undefined> {
  return new Promise((resolve) => {
    const listener: AbortListener = {
      onAborted: () => {
        clock.clearTimer(timer);
        resolve(undefined);
      },
    };
    const timer = clock.setTimer(
      () => {
        aborts.remove(signal, listener);
        resolve(undefined);
      },
      Math.min(Math.max(0, ms), MAX_DELAY_MS),
    );
    aborts.add(signal, listener);
  });
}

/** A promise that is not ours (a credential's, a look-up's), waited for while the call lasts and its caller stays. */
class Patience<Value> extends Deadline implements AbortListener {
  readonly #waiting: Waiting;
  readonly #resolve: (value: Value) => void;
  readonly #reject: (error: unknown) => void;

  constructor(waiting: Waiting, resolve: (value: Value) => void, reject: (error: unknown) => void) {
    super();
    this.#waiting = waiting;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  waitFor(promise: Promise<Value>): void {
    const { runtime, callerSignal, cutAt } = this.#waiting;
    const now = runtime.clock.monotonic();
    runtime.timers.start(this, cutAt - now, now);
    if (callerSignal !== undefined) runtime.aborts.add(callerSignal, this);
    // Also once it does not matter any more: nobody else hears of its rejection.
    promise.finally(() => this.#end()).then(this.#resolve, this.#reject);
  }

  override onExpired(): void {
    this.onAborted(new DeadlineError("the call's time (timeout.total, or a deadline around it) was up before there was an answer"));
  }

  onAborted(reason: unknown): void {
    this.#end();
    this.#reject(reason);
  }

  #end(): void {
    const { runtime, callerSignal } = this.#waiting;
    runtime.timers.stop(this);
    if (callerSignal !== undefined) runtime.aborts.remove(callerSignal, this);
  }
}

/** Waits for it; rejects with the signal's reason when the caller leaves, and with a DeadlineError when the call's time is up. */
export function within<Value>(waiting: Waiting, promise: Promise<Value>): Promise<Value> {
  if (waiting.callerSignal === undefined && waiting.cutAt === Number.POSITIVE_INFINITY) return promise;
  return new Promise((resolve, reject) => {
    new Patience(waiting, resolve, reject).waitFor(promise);
  });
}
