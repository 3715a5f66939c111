/** Each bucket is a tenth wider than the one before, so that a quantile is off by 5 % at the most. */
const FACTOR = 1.1;
const LOG = Math.log(FACTOR);
/** Up to an hour and a half. */
const BUCKETS = 163;

/** How durations, or any numbers from 1 up, are spread: counts in buckets that grow by a tenth. Small enough to keep one for each endpoint and hour. */
export class Spread {
  readonly #counts: Uint32Array;

  constructor(counts: readonly (readonly [bucket: number, count: number])[] = []) {
    this.#counts = new Uint32Array(BUCKETS);
    for (const [bucket, count] of counts) if (bucket >= 0 && bucket < BUCKETS) this.#counts[bucket] = count;
  }

  /** In milliseconds. */
  add(durationMs: number): void {
    const bucket = durationMs <= 1 ? 0 : Math.min(BUCKETS - 1, Math.ceil(Math.log(durationMs) / LOG));
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1;
  }

  take(other: Spread): void {
    for (const [bucket, count] of other.#counts.entries()) this.#counts[bucket] = (this.#counts[bucket] ?? 0) + count;
  }

  get total(): number {
    return this.#counts.reduce((sum, count) => sum + count, 0);
  }

  /** What there is, as (middle of a bucket, how many), the least first. */
  entries(): readonly (readonly [value: number, count: number])[] {
    return this.toJSON().map(([bucket, count]) => [middleOf(bucket), count] as const);
  }

  /** The duration that this share of all stays below, in ms; undefined where there are none. */
  quantile(share: number): number | undefined {
    const { total } = this;
    if (total === 0) return undefined;
    let left = Math.ceil(total * share);
    for (const [bucket, count] of this.#counts.entries()) {
      left -= count;
      if (left <= 0) return middleOf(bucket);
    }
    return middleOf(BUCKETS - 1);
  }

  /** The buckets that hold anything. */
  toJSON(): readonly (readonly [bucket: number, count: number])[] {
    return [...this.#counts.entries()].filter(([, count]) => count > 0);
  }
}

/** In the sense of ratios: as far from its lower edge as from its upper. */
function middleOf(bucket: number): number {
  return bucket === 0 ? 1 : FACTOR ** (bucket - 0.5);
}
