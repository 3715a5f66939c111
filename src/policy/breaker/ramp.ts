/** Share of the last healthy rate that goes right after the breaker has closed. */
const START_SHARE = 0.25;
/** Above this share of it nothing is held back any more. */
const END_SHARE = 4;
/** A clean interval this long doubles the rate. */
const INTERVAL_MS = 1_000;
/** A lane that was quiet before the outage still drains: never slower than this many a second. */
const SLOWEST_PER_SECOND = 5;
/** What may go at once after a lull, as time. */
const BURST_MS = 100;

/** A drain under way. */
interface Drain {
  /** Completions a second before the outage: what the shares are shares of. */
  readonly healthyPerSecond: number;
  share: number;
  intervalEndsAt: number;
  clean: boolean;
  /** When the next call may go. */
  nextAt: number;
}

/**
 * The ramp after an outage: what has piled up is let go at a quarter of the rate that was last healthy, twice as much after
 * each second without a failure, until it would not hold anything back any more. Pure: `now` is monotonic ms.
 */
export class Ramp {
  /** Completions a second while all was well. */
  #healthyPerSecond = 0;
  #second = 0;
  #completions = 0;
  #drain: Drain | undefined = undefined;

  /** A call succeeded: that is what "healthy rate" is measured by. Not while draining, for then we are what slows it down. */
  succeeded(now: number): void {
    if (this.#advance(now) !== undefined) return;
    const second = Math.floor(now / INTERVAL_MS);
    if (second !== this.#second) {
      // Half of it is memory, so that one quiet second before the outage does not make the drain crawl.
      this.#healthyPerSecond = Math.max(this.#completions, this.#healthyPerSecond / 2);
      this.#completions = 0;
      this.#second = second;
    }
    this.#completions += 1;
  }

  /** A call failed: this interval does not double the rate. */
  failed(now: number): void {
    const drain = this.#advance(now);
    if (drain !== undefined) drain.clean = false;
  }

  /** The breaker has closed after an outage. */
  start(now: number): void {
    const healthyPerSecond = Math.max(this.#healthyPerSecond, this.#completions);
    this.#drain = { healthyPerSecond, share: START_SHARE, intervalEndsAt: now + INTERVAL_MS, clean: true, nextAt: now };
  }

  /** The breaker has opened again: nothing to let go. */
  stop(): void {
    this.#drain = undefined;
  }

  /** Milliseconds until one more may go; 0 takes the place. */
  tryTake(now: number): number {
    const drain = this.#advance(now);
    if (drain === undefined) return 0;
    if (now < drain.nextAt) return drain.nextAt - now;
    const perSecond = Math.max(SLOWEST_PER_SECOND, drain.healthyPerSecond * drain.share);
    drain.nextAt = Math.max(drain.nextAt, now - BURST_MS) + 1_000 / perSecond;
    return 0;
  }

  /** Ends the intervals that are over. */
  #advance(now: number): Drain | undefined {
    const drain = this.#drain;
    if (drain === undefined) return undefined;
    while (now >= drain.intervalEndsAt) {
      if (drain.clean) drain.share *= 2;
      drain.clean = true;
      drain.intervalEndsAt += INTERVAL_MS;
      if (drain.share > END_SHARE) {
        this.#drain = undefined;
        return undefined;
      }
    }
    return drain;
  }
}
