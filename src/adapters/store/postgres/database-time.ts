import type { Clock } from "../../../ports/clock.ts";

/** Clocks that differ by less count as one. Leases last seconds, and clocks that are kept by NTP differ by milliseconds. */
const TOLERANCE_MS = 250;
/** How long a measurement is trusted. */
const TRUSTED_MS = 60_000;
const TRIES = 3;

/**
 * The difference between this process's wall clock and the database's.
 *
 * Every instant in a column is the database's time, so that a lease means the same to all processes, whatever their clocks
 * say. Instants are moved by the measured difference on their way in and out. Where the clocks agree to a quarter of a second
 * nothing is moved, and instants come back exactly as they were given.
 *
 * The difference is measured when the store is opened, each minute while it is used, and before anything else when the wall
 * clock has stepped: that is when it and the monotonic clock disagree about the time that has passed.
 */
export class DatabaseTime {
  readonly #clock: Clock;
  readonly #read: () => Promise<number>;
  #offsetMs = 0;
  #measuredAt = 0;
  /** Wall clock minus monotonic clock at the last measurement; it changes when the wall clock steps. */
  #base = 0;
  #measuring: Promise<void> | undefined;

  /** `read` asks the database for its time, in ms since 1970. */
  constructor(clock: Clock, read: () => Promise<number>) {
    this.#clock = clock;
    this.#read = read;
  }

  get offsetMs(): number {
    return this.#offsetMs;
  }

  toDatabase(instant: number): number {
    return instant + this.#offsetMs;
  }

  fromDatabase(instant: number): number {
    return instant - this.#offsetMs;
  }

  /** What has to be waited for before an instant is moved; most of the time nothing. */
  settled(): Promise<void> | undefined {
    const monotonic = this.#clock.monotonic();
    const stepped = Math.abs(this.#clock.now() - monotonic - this.#base) > TOLERANCE_MS;
    if (stepped) return this.measure();
    // Late news of a slow drift harm nobody; a failure to ask will show in the verb that follows.
    if (monotonic - this.#measuredAt > TRUSTED_MS) this.measure().catch(() => {});
    return undefined;
  }

  measure(): Promise<void> {
    this.#measuring ??= this.#measure().finally(() => {
      this.#measuring = undefined;
    });
    return this.#measuring;
  }

  async #measure(): Promise<void> {
    let offsetMs = 0;
    let doubtMs = Infinity;
    let base = 0;
    for (let tries = 0; tries < TRIES && doubtMs > TOLERANCE_MS / 2; tries += 1) {
      const sentAt = this.#clock.monotonic();
      const wall = this.#clock.now();
      const database = await this.#read();
      const tookMs = this.#clock.monotonic() - sentAt;
      if (tookMs / 2 >= doubtMs) continue;
      doubtMs = tookMs / 2;
      offsetMs = database - wall - doubtMs;
      base = wall - sentAt;
    }
    this.#base = base;
    this.#measuredAt = this.#clock.monotonic();
    if (Math.abs(offsetMs - this.#offsetMs) <= TOLERANCE_MS + doubtMs) return;
    this.#offsetMs = Math.abs(offsetMs) <= TOLERANCE_MS + doubtMs ? 0 : Math.round(offsetMs);
  }
}
