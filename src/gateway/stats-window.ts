import type { Holdfast } from "../client/holdfast.ts";
import type { Clock } from "../ports/clock.ts";

/** What happened to one API, or to all. */
export interface StatsCounts {
  calls: number;
  succeeded: number;
  failed: number;
  refused: number;
  replayed: number;
  retries: number;
  deadLetters: number;
}

const BUCKET_MS = 10_000;
/** The longest window: an hour. */
export const LONGEST_WINDOW_MS = 3_600_000;
const BUCKETS: number = LONGEST_WINDOW_MS / BUCKET_MS + 1;

interface Bucket {
  readonly number: number;
  readonly byApi: Map<string, StatsCounts>;
}

/** Counts what this process has told of, in steps of ten seconds. APIs are those of the config, so the maps stay small. */
export class StatsWindow {
  readonly #clock: Clock;
  readonly #buckets: (Bucket | undefined)[] = [];
  readonly #leave: readonly (() => void)[];

  constructor(hf: Holdfast, clock: Clock) {
    this.#clock = clock;
    this.#leave = [
      hf.on("call:settled", ({ lane, outcome }) => {
        const counts = this.#of(lane?.api ?? "");
        counts.calls += 1;
        counts[outcome] += 1;
      }),
      hf.on("operation:settled", ({ lane, state, applied }) => {
        if (!applied || (state !== "succeeded" && state !== "dead")) return;
        const counts = this.#of(lane.api);
        counts.calls += 1;
        counts[state === "dead" ? "failed" : "succeeded"] += 1;
      }),
      hf.on("retry:scheduled", ({ lane }) => {
        this.#of(lane?.api ?? "").retries += 1;
      }),
      hf.on("dead-letter:added", ({ api }) => {
        this.#of(api).deadLetters += 1;
      }),
    ];
  }

  /** The counts of the last `windowMs`, by API; to within a step. */
  over(windowMs: number): ReadonlyMap<string, StatsCounts> {
    const newest = this.#number();
    const oldest = newest - Math.max(1, Math.ceil(windowMs / BUCKET_MS)) + 1;
    const sums = new Map<string, StatsCounts>();
    for (const bucket of this.#buckets) {
      if (bucket === undefined || bucket.number < oldest || bucket.number > newest) continue;
      for (const [api, counts] of bucket.byApi) {
        const sum = sums.get(api) ?? none();
        for (const name of Object.keys(sum) as (keyof StatsCounts)[]) sum[name] += counts[name];
        sums.set(api, sum);
      }
    }
    return sums;
  }

  close(): void {
    for (const leave of this.#leave) leave();
  }

  #number(): number {
    return Math.floor(this.#clock.monotonic() / BUCKET_MS);
  }

  #of(api: string): StatsCounts {
    const number = this.#number();
    let bucket = this.#buckets[number % BUCKETS];
    if (bucket?.number !== number) {
      bucket = { number, byApi: new Map() };
      this.#buckets[number % BUCKETS] = bucket;
    }
    let counts = bucket.byApi.get(api);
    if (counts === undefined) {
      counts = none();
      bucket.byApi.set(api, counts);
    }
    return counts;
  }
}

export function none(): StatsCounts {
  return { calls: 0, succeeded: 0, failed: 0, refused: 0, replayed: 0, retries: 0, deadLetters: 0 };
}
