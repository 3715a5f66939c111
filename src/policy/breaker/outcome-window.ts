/** What an outcome says of the other side's health. */
export interface WindowCounts {
  readonly calls: number;
  readonly failures: number;
  readonly slow: number;
}

const FAILURE = 1;
const SLOW = 2;

/**
 * The last `size` outcomes that are not older than `maxAgeMs`, in two flat rings. Adding is O(1); reading first drops what
 * has grown old, so an idle hour leaves nothing behind.
 */
export class OutcomeWindow {
  readonly #maxAgeMs: number;
  readonly #at: Float64Array;
  readonly #flags: Uint8Array;
  #start = 0;
  #length = 0;
  #failures = 0;
  #slow = 0;

  constructor(size: number, maxAgeMs: number) {
    this.#maxAgeMs = maxAgeMs;
    this.#at = new Float64Array(size);
    this.#flags = new Uint8Array(size);
  }

  add(failed: boolean, slow: boolean, now: number): void {
    this.#dropOld(now);
    const size = this.#at.length;
    if (this.#length === size) this.#dropFirst();
    let index = this.#start + this.#length;
    if (index >= size) index -= size;
    this.#at[index] = now;
    this.#flags[index] = (failed ? FAILURE : 0) | (slow ? SLOW : 0);
    this.#length += 1;
    if (failed) this.#failures += 1;
    if (slow) this.#slow += 1;
  }

  counts(now: number): WindowCounts {
    this.#dropOld(now);
    return { calls: this.#length, failures: this.#failures, slow: this.#slow };
  }

  /** Share of failures, or 0 below `minimumCalls`. */
  failureRate(minimumCalls: number): number {
    return this.#length < minimumCalls ? 0 : this.#failures / this.#length;
  }

  /** Share of slow calls, or 0 below `minimumCalls`. */
  slowRate(minimumCalls: number): number {
    return this.#length < minimumCalls ? 0 : this.#slow / this.#length;
  }

  clear(): void {
    this.#start = 0;
    this.#length = 0;
    this.#failures = 0;
    this.#slow = 0;
  }

  #dropOld(now: number): void {
    const oldest = now - this.#maxAgeMs;
    while (this.#length > 0 && (this.#at[this.#start] ?? 0) < oldest) this.#dropFirst();
  }

  #dropFirst(): void {
    const flags = this.#flags[this.#start] ?? 0;
    if (flags & FAILURE) this.#failures -= 1;
    if (flags & SLOW) this.#slow -= 1;
    this.#start = this.#start + 1 === this.#at.length ? 0 : this.#start + 1;
    this.#length -= 1;
  }
}
