/** Told when the signal it waits on aborts. */
export interface AbortListener {
  onAborted(reason: unknown): void;
}

/**
 * Many calls often share one signal (a request's, a shutdown's). A listener of each call's own makes adding and removing
 * linear in the calls in flight; here each signal gets one listener and a set.
 */
export class AbortHub {
  readonly #waiting = new WeakMap<AbortSignal, Set<AbortListener>>();

  add(signal: AbortSignal, listener: AbortListener): void {
    let waiting = this.#waiting.get(signal);
    if (waiting === undefined) {
      const created = new Set<AbortListener>();
      waiting = created;
      this.#waiting.set(signal, created);
      signal.addEventListener(
        "abort",
        () => {
          for (const one of [...created]) one.onAborted(signal.reason);
          created.clear();
        },
        { once: true },
      );
    }
    waiting.add(listener);
  }

  remove(signal: AbortSignal, listener: AbortListener): void {
    this.#waiting.get(signal)?.delete(listener);
  }
}
