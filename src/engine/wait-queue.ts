import type { AbortListener } from "../ports/leaving.ts";
import type { TimerHandle } from "../ports/clock.ts";

/** A call that waits; it is itself a node of its queue, so that leaving it costs the same from everywhere. */
export class Waiter<Call> implements AbortListener {
  readonly call: Call;
  /** When it began to wait; monotonic ms. */
  readonly since: number;
  readonly resolve: () => void;
  readonly reject: (reason: unknown) => void;
  readonly #leave: (waiter: Waiter<Call>, reason: unknown) => void;
  timer: TimerHandle | undefined = undefined;
  isQueued = false;
  previous: Waiter<Call> | undefined = undefined;
  next: Waiter<Call> | undefined = undefined;

  constructor(
    call: Call,
    since: number,
    settle: { readonly resolve: () => void; readonly reject: (reason: unknown) => void },
    leave: (waiter: Waiter<Call>, reason: unknown) => void,
  ) {
    this.call = call;
    this.since = since;
    this.resolve = settle.resolve;
    this.reject = settle.reject;
    this.#leave = leave;
  }

  onAborted(reason: unknown): void {
    this.#leave(this, reason);
  }
}

/** First come, first served; whoever waits may leave. All in constant time: ten thousand may wait, and all may leave at once. */
export class WaitQueue<Call> {
  #head: Waiter<Call> | undefined = undefined;
  #tail: Waiter<Call> | undefined = undefined;
  #length = 0;

  get head(): Waiter<Call> | undefined {
    return this.#head;
  }

  get length(): number {
    return this.#length;
  }

  push(waiter: Waiter<Call>): void {
    waiter.isQueued = true;
    waiter.previous = this.#tail;
    if (this.#tail === undefined) this.#head = waiter;
    else this.#tail.next = waiter;
    this.#tail = waiter;
    this.#length += 1;
  }

  /** Takes it out, wherever it stands; answers false for one that is not in it any more. */
  remove(waiter: Waiter<Call>): boolean {
    if (!waiter.isQueued) return false;
    if (waiter.previous === undefined) this.#head = waiter.next;
    else waiter.previous.next = waiter.next;
    if (waiter.next === undefined) this.#tail = waiter.previous;
    else waiter.next.previous = waiter.previous;
    waiter.isQueued = false;
    waiter.previous = undefined;
    waiter.next = undefined;
    this.#length -= 1;
    return true;
  }
}
