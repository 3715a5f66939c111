/** Told when what it waits on ends early. */
export interface AbortListener {
  onAborted(reason: unknown): void;
}

/**
 * A caller who may leave, as the gateway has one for each request. It says what an AbortSignal says; but a signal is an EventTarget, and
 * to make one, to listen and to stop listening costs as much as a tenth of all that is done for a request.
 */
export class Leaving {
  aborted = false;
  reason: unknown = undefined;
  /** Mostly there is one. */
  #listener: AbortListener | undefined = undefined;
  #others: Set<AbortListener> | undefined = undefined;

  /** The caller has left; only the first word counts. */
  leave(reason: unknown): void {
    if (this.aborted) return;
    this.aborted = true;
    this.reason = reason;
    const first = this.#listener;
    this.#listener = undefined;
    first?.onAborted(reason);
    // One that is told may take others off; a Set leaves those out.
    for (const other of this.#others ?? []) other.onAborted(reason);
    this.#others = undefined;
  }

  /** Waits on it; one that has left already is told at once. */
  add(listener: AbortListener): void {
    if (this.aborted) listener.onAborted(this.reason);
    else if (this.#listener === undefined) this.#listener = listener;
    else (this.#others ??= new Set()).add(listener);
  }

  /** Waits no more. */
  remove(listener: AbortListener): void {
    if (this.#listener === listener) this.#listener = undefined;
    else this.#others?.delete(listener);
  }

  throwIfAborted(): void {
    if (this.aborted) throw this.reason as Error;
  }
}

/** By what a caller says that it has left. */
export type CallerSignal = AbortSignal | Leaving;
