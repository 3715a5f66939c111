import { MAX_DELAY_MS } from "../core/duration.ts";
import type { Clock, TimerHandle } from "../ports/clock.ts";

/** Something that ends at an instant; it is itself a node of the list that it waits in, so starting one allocates nothing. */
export abstract class Deadline {
  /** Monotonic ms. */
  expiresAt = 0;
  list: DeadlineList | undefined = undefined;
  previous: Deadline | undefined = undefined;
  next: Deadline | undefined = undefined;
  /** Called once, when the time is over and `stop` was not called before. */
  abstract onExpired(): void;
}

/** All deadlines of one length, in whole milliseconds. They were started in order, so they end in order: a queue with one timer, for its head. */
class DeadlineList {
  head: Deadline | undefined = undefined;
  tail: Deadline | undefined = undefined;
  timer: TimerHandle | undefined = undefined;
  /** Whether its timer keeps the process alive. */
  held = true;
  readonly ms: number;

  constructor(ms: number) {
    this.ms = ms;
  }
}

/** Sums of instants are exact to less than this; a timeout must not get a whole millisecond longer for it. */
const ROUNDING = 1e-3;
/** Lists kept while empty, each with at most one timer that is still running out. */
const IDLE_LISTS = 64;
/**
 * So long an empty list's timer still holds the process alive. Taking the hold away and back costs a tenth of a whole call, to
 * whoever makes one call after another.
 */
const GRACE_MS = 10;

/**
 * Timers shared between calls. A timer for each call costs about a microsecond and 200 bytes to set and clear, and almost all
 * are cleared; here a call links itself into the list of its length, and one timer for each length looks at the head.
 */
export class DeadlineTimers {
  readonly #clock: Clock;
  readonly #lists = new Map<number, DeadlineList>();
  /** Rings when empty lists are to let go of the process. */
  #grace: TimerHandle | undefined = undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Starts the deadline `ms` from `now` (monotonic). Infinity starts nothing. */
  start(deadline: Deadline, ms: number, now: number): void {
    if (ms === Number.POSITIVE_INFINITY) return;
    // In whole milliseconds, upwards: what is left of a total is another fraction at every call, and each would be a list of its own.
    const length = Math.max(0, Math.ceil(ms - ROUNDING));
    let list = this.#lists.get(length);
    if (list === undefined) {
      list = new DeadlineList(length);
      this.#lists.set(length, list);
    }
    deadline.expiresAt = now + length;
    deadline.list = list;
    deadline.previous = list.tail;
    deadline.next = undefined;
    if (list.tail === undefined) list.head = deadline;
    else list.tail.next = deadline;
    list.tail = deadline;
    if (list.timer === undefined) this.#arm(list, length);
    else if (!list.held) this.#hold(list, true);
  }

  /** Stops it; one that never started or has ended is ignored. */
  stop(deadline: Deadline): void {
    const { list } = deadline;
    if (list === undefined) return;
    if (deadline.previous === undefined) list.head = deadline.next;
    else deadline.previous.next = deadline.next;
    if (deadline.next === undefined) list.tail = deadline.previous;
    else deadline.next.previous = deadline.previous;
    deadline.list = undefined;
    deadline.previous = undefined;
    deadline.next = undefined;
    if (list.head === undefined) this.#idle(list);
  }

  /** The timer of an empty list is left to run out (clearing and setting it for each call is what we save), but holds nobody up. */
  #idle(list: DeadlineList): void {
    if (this.#clock.hold === undefined || this.#lists.size > IDLE_LISTS) {
      this.#clock.clearTimer(list.timer);
      this.#drop(list);
    } else {
      if (this.#grace === undefined) this.#grace = this.#clock.setTimer(() => this.#letGo(), GRACE_MS);
    }
  }

  /** What has been idle for a while holds nobody up any more. */
  #letGo(): void {
    this.#grace = undefined;
    for (const list of this.#lists.values()) if (list.head === undefined && list.held) this.#hold(list, false);
  }

  #hold(list: DeadlineList, alive: boolean): void {
    list.held = alive;
    this.#clock.hold?.(list.timer, alive);
  }

  #drop(list: DeadlineList): void {
    list.timer = undefined;
    // Another of the same length may have taken its place while it rang.
    if (this.#lists.get(list.ms) === list) this.#lists.delete(list.ms);
  }

  /** A timer holds no more than 24.8 days; what is longer is looked at then, and set again. */
  #arm(list: DeadlineList, ms: number): void {
    list.held = true;
    list.timer = this.#clock.setTimer(() => this.#ring(list), Math.min(ms, MAX_DELAY_MS));
  }

  #ring(list: DeadlineList): void {
    list.timer = undefined;
    const now = this.#clock.monotonic();
    try {
      for (let head = list.head; head !== undefined && head.expiresAt <= now; head = list.head) {
        this.#unlinkHead(head, list);
        head.onExpired();
      }
    } finally {
      // Timers ring early by up to a millisecond; then the head is not over yet.
      if (list.head === undefined) {
        if (list.timer === undefined) this.#drop(list);
      } else if (list.timer === undefined) {
        this.#arm(list, Math.max(0, Math.ceil(list.head.expiresAt - now)));
      }
    }
  }

  #unlinkHead(deadline: Deadline, list: DeadlineList): void {
    list.head = deadline.next;
    if (deadline.next === undefined) list.tail = undefined;
    else deadline.next.previous = undefined;
    deadline.list = undefined;
    deadline.next = undefined;
  }
}
