/** Share of the last healthy rate that goes right after the breaker has closed. */
const START_SHARE = 0.25;
/** A clean interval this long doubles the rate. */
const INTERVAL_MS = 1_000;
/** A lane that was quiet before the outage still drains: never slower than this many a second. */
const SLOWEST_PER_SECOND = 5;

/**
 * The ramp after an outage: what has piled up is let go at a quarter of the rate that was last healthy, twice as much after
 * each second, until it would not hold anything back any more. Pure: `now` is monotonic ms.
 */
export class Ramp {
  /** Completions a second while all was well. */
  #healthyPerSecond = 0;
  #second = 0;
  #completions = 0;
  #startedAt: number | undefined;
  #nextAt = 0;

  /** A call succeeded in a closed lane: that is what "healthy rate" is measured by. */
  succeeded(now: number): void {
    const second = Math.floor(now / INTERVAL_MS);
    if (second !== this.#second) {
      // Half of it is memory, so that one quiet second before the outage does not make the drain crawl.
      this.#healthyPerSecond = Math.max(this.#completions, this.#healthyPerSecond / 2);
      this.#completions = 0;
      this.#second = second;
    }
    this.#completions += 1;
  }

  /** The breaker has closed after an outage. */
  start(now: number): void {
    this.#startedAt = now;
    this.#nextAt = now;
    this.#healthyPerSecond = Math.max(this.#healthyPerSecond, this.#completions);
  }

  /** The breaker has opened again: nothing to let go. */
  stop(): void {
    this.#startedAt = undefined;
  }

  /** Milliseconds until one more may go; 0 takes the place. */
  tryTake(now: number): number {
    if (this.#startedAt === undefined) return 0;
    const doublings = Math.floor((now - this.#startedAt) / INTERVAL_MS);
    const share = START_SHARE * 2 ** doublings;
    if (share > 4) {
      this.#startedAt = undefined;
      return 0;
    }
    if (now < this.#nextAt) return this.#nextAt - now;
    const perSecond = Math.max(SLOWEST_PER_SECOND, this.#healthyPerSecond * share);
    this.#nextAt = Math.max(this.#nextAt, now - INTERVAL_MS / 10) + 1_000 / perSecond;
    return 0;
  }
}
