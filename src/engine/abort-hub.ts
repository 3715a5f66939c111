import { Leaving, type AbortListener, type CallerSignal } from "../ports/leaving.ts";

/** Everybody who waits on one signal. */
interface Waiting {
  readonly listeners: Set<AbortListener>;
  readonly onAbort: () => void;
}

/** While no more signals than this are listened to, one that nobody waits on now is kept: mostly it comes again. */
const KEPT_SIGNALS = 64;

/**
 * Many calls often share one signal (a request's, a shutdown's). A listener of each call's own makes adding and removing
 * linear in the calls in flight; here each signal gets one listener and a set.
 *
 * The listener of a signal that nobody waits on any more is not kept for good: Node keeps a signal of `AbortSignal.any` alive for as
 * long as anybody listens to it, and many callers make one for each call.
 */
export class AbortHub {
  readonly #signals = new Map<AbortSignal, Waiting>();

  /** Waits on the signal; one that has aborted already is told at once. */
  add(signal: CallerSignal, listener: AbortListener): void {
    if (signal instanceof Leaving) {
      signal.add(listener);
      return;
    }
    if (signal.aborted) {
      listener.onAborted(signal.reason);
      return;
    }
    const waiting = this.#signals.get(signal) ?? this.#listen(signal);
    waiting.listeners.add(listener);
  }

  /** Waits no more. */
  remove(signal: CallerSignal, listener: AbortListener): void {
    if (signal instanceof Leaving) {
      signal.remove(listener);
      return;
    }
    const waiting = this.#signals.get(signal);
    if (waiting === undefined) return;
    waiting.listeners.delete(listener);
    if (waiting.listeners.size > 0 || this.#signals.size <= KEPT_SIGNALS) return;
    this.#signals.delete(signal);
    signal.removeEventListener("abort", waiting.onAbort);
  }

  #listen(signal: AbortSignal): Waiting {
    const listeners = new Set<AbortListener>();
    const onAbort = (): void => {
      // One that is told may take others off; a Set leaves those out.
      for (const listener of listeners) {
        listeners.delete(listener);
        listener.onAborted(signal.reason);
      }
      this.#signals.delete(signal);
    };
    const waiting: Waiting = { listeners, onAbort };
    this.#signals.set(signal, waiting);
    signal.addEventListener("abort", onAbort, { once: true });
    return waiting;
  }
}
