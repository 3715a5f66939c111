/** Told when the signal it waits on aborts. */
export interface AbortListener {
  onAborted(reason: unknown): void;
}

/** Everybody who waits on one signal. */
interface Waiting {
  readonly listeners: Set<AbortListener>;
  readonly onAbort: () => void;
}

/** Signals that nobody waits on now and that are still listened to. */
const IDLE_SIGNALS = 64;

/**
 * Many calls often share one signal (a request's, a shutdown's). A listener of each call's own makes adding and removing
 * linear in the calls in flight; here each signal gets one listener and a set.
 *
 * The listener of a signal that nobody waits on any more stays for a while, since the same signal mostly comes again. Not for good: Node
 * keeps a signal of `AbortSignal.any` alive for as long as anybody listens to it, and many callers make one for each call.
 */
export class AbortHub {
  readonly #signals = new WeakMap<AbortSignal, Waiting>();
  /** The one that is idle longest is first. */
  readonly #idle = new Set<AbortSignal>();

  /** Waits on the signal; one that has aborted already is told at once. */
  add(signal: AbortSignal, listener: AbortListener): void {
    if (signal.aborted) {
      listener.onAborted(signal.reason);
      return;
    }
    let waiting = this.#signals.get(signal);
    if (waiting === undefined) {
      waiting = this.#listen(signal);
    } else if (waiting.listeners.size === 0) {
      this.#idle.delete(signal);
    }
    waiting.listeners.add(listener);
  }

  /** Waits no more. */
  remove(signal: AbortSignal, listener: AbortListener): void {
    const waiting = this.#signals.get(signal);
    if (waiting === undefined || !waiting.listeners.delete(listener) || waiting.listeners.size > 0) return;
    this.#idle.add(signal);
    if (this.#idle.size > IDLE_SIGNALS) this.#forgetOldest();
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
      this.#idle.delete(signal);
    };
    const waiting: Waiting = { listeners, onAbort };
    this.#signals.set(signal, waiting);
    signal.addEventListener("abort", onAbort, { once: true });
    return waiting;
  }

  #forgetOldest(): void {
    const [oldest] = this.#idle;
    if (oldest === undefined) return;
    this.#idle.delete(oldest);
    oldest.removeEventListener("abort", this.#signals.get(oldest)?.onAbort as () => void);
    this.#signals.delete(oldest);
  }
}
