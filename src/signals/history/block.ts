import type { LaneRef } from "../../ports/events.ts";
import { addCounts, noCounts, written, type Counts, type WrittenCounts } from "./counts.ts";

/** How finely time is cut, and for how long that is kept. */
export interface Grain {
  /** The kind of its documents. */
  readonly kind: string;
  readonly stepMs: number;
  /** Steps in a document. */
  readonly steps: number;
  readonly keptMs: number;
}

/** For the last hour. */
export const FINE: Grain = { kind: "history-10s", stepMs: 10_000, steps: 12, keptMs: 3_600_000 };
/** For the last day. */
export const COARSE: Grain = { kind: "history-5m", stepMs: 300_000, steps: 12, keptMs: 86_400_000 };

/** A breaker of one process has changed. */
export interface BreakerChange extends LaneRef {
  /** Wall-clock ms. */
  readonly at: number;
  readonly from: string;
  readonly to: string;
  readonly because: string;
  /** When it may let a probe through, from `at` on. */
  readonly retryAfterMs: number;
}

/** What stood in the store at an instant, of one API. */
export interface Standing {
  readonly due: number;
  readonly leased: number;
  readonly parked: number;
  /** Since when the oldest that could go has been able to. */
  readonly oldestDueAt?: number;
  readonly openDeadLetters: number;
}

/** By API. */
export type Standings = Readonly<Record<string, Standing>>;

/** A step as it is written down. */
export interface WrittenStep {
  readonly at: number;
  readonly lanes: readonly (LaneRef & WrittenCounts)[];
  readonly standings?: Standings;
}

/** A document: what one process has seen in a stretch of time. */
export interface WrittenBlock {
  readonly process: string;
  readonly steps: readonly WrittenStep[];
  /** Of breakers; of the coarse grain only. */
  readonly changes?: readonly BreakerChange[];
}

interface Step {
  readonly lanes: Map<string, { readonly lane: LaneRef; readonly counts: Counts }>;
  standings?: Standings;
}

/** Lanes that are told apart in one step; those beyond share one for each API. */
const MOST_LANES = 64;
/** Changes of breakers that one document holds; of more the latest. */
const MOST_CHANGES = 300;

/** The stretch of time that one process writes as one document. */
export class Block {
  readonly grain: Grain;
  /** Which stretch of time, counted from 1970. */
  readonly number: number;
  /** Of the document; 0 before it is there. */
  revision = 0;
  /** It holds something that is not written. */
  dirty = false;
  readonly #steps = new Map<number, Step>();
  #changes: BreakerChange[] = [];

  constructor(grain: Grain, at: number) {
    this.grain = grain;
    this.number = blockOf(grain, at);
  }

  add(at: number, lane: LaneRef, counts: Counts): void {
    const { lanes } = this.#stepAt(at);
    const { api, endpoint, partition } = lane;
    const own = `${api}\n${endpoint}\n${partition}`;
    const crowded = lanes.size >= MOST_LANES && !lanes.has(own);
    const key = crowded ? `${api}\n*\n` : own;
    let found = lanes.get(key);
    if (found === undefined) {
      found = { lane: crowded ? { api, endpoint: "*", partition: "" } : { api, endpoint, partition }, counts: noCounts() };
      lanes.set(key, found);
    }
    addCounts(found.counts, counts);
  }

  stand(at: number, standings: Standings): void {
    this.#stepAt(at).standings = standings;
  }

  change(change: BreakerChange): void {
    this.#changes = [...this.#changes, change].slice(-MOST_CHANGES);
    this.dirty = true;
  }

  written(process: string): WrittenBlock {
    const steps = [...this.#steps].map(([at, { lanes, standings }]): WrittenStep => ({
      at,
      lanes: [...lanes.values()].map(({ lane, counts }) => ({ ...lane, ...written(counts) })),
      ...(standings === undefined ? {} : { standings }),
    }));
    return { process, steps, ...(this.#changes.length === 0 ? {} : { changes: this.#changes }) };
  }

  #stepAt(at: number): Step {
    this.dirty = true;
    const start = at - (at % this.grain.stepMs);
    let step = this.#steps.get(start);
    if (step === undefined) this.#steps.set(start, (step = { lanes: new Map() }));
    return step;
  }
}

export function blockOf({ stepMs, steps }: Grain, at: number): number {
  return Math.floor(at / (stepMs * steps));
}
