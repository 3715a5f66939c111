import type { LaneKey } from "./operation-store.ts";

/** A rate that all processes of a lane share: at most `limit` in each `perMs`, and `burst` at once. */
export interface SharedRate {
  readonly limit: number;
  readonly perMs: number;
  readonly burst: number;
}

/** What processes tell each other of a lane's breaker. */
export interface SharedBreaker {
  readonly state: "closed" | "open" | "half-open";
  /** Until when it is open, or the probes of its half-open state are leased. Wall-clock milliseconds. */
  readonly until?: number;
  /** How often it opened again without closing between. */
  readonly reopened: number;
  /** An operator's word, which no outcome changes before its time. */
  readonly manual?: boolean;
}

/** One process's word on one lane: what it needs, and what it has learned since it asked last. Instants are wall-clock ms. */
export interface ExchangeRequest extends LaneKey {
  readonly now: number;
  /** The lane's rates as its configuration says; a token is one of each. Empty: the lane has no limit to share. */
  readonly rates: readonly SharedRate[];
  /** Tokens wanted as a block; 0 to tell and to hear only. */
  readonly want: number;
  /** Tokens of an earlier block that were not used and have not expired: given back. */
  readonly unused: number;
  /** The other side has refused everybody until then: no token is granted before. */
  readonly pausedUntil?: number;
  /** The other side said that so many are left: every rate is lowered to it. */
  readonly remaining?: number;
  /** A change of the breaker, applied only to the revision that this process has seen (compare-and-set). */
  readonly breaker?: { readonly revision: number; readonly to: SharedBreaker };
}

export interface ExchangeAnswer {
  /** The block: at most `want`, perhaps 0. The asker counts them down in memory and lets them expire when it says so. */
  readonly granted: number;
  /** Where fewer were granted than wanted: milliseconds until the next one may be. */
  readonly waitMs: number;
  /** The breaker as it stands now, also where a change came too late. Revision 0: nobody has said anything yet. */
  readonly breaker: { readonly revision: number } & SharedBreaker;
}

/**
 * What lets several processes treat one lane as one: a block of rate tokens at a time, and word of its breaker. Between two
 * exchanges a process decides in memory, so that a call costs no round trip; limits stay exact to within the blocks that are
 * out, and the unused tokens of a process that is lost are lost with it. Soft state: forgetting it costs exactness, not work.
 */
export interface Coordinator {
  /** Answers in the order asked. */
  exchange(requests: readonly ExchangeRequest[]): Promise<readonly ExchangeAnswer[]>;
  /** Forgets lanes of which there is nothing left to know at `now`; at most `limit`. Answers how many. */
  sweep(now: number, limit: number): Promise<number>;
}

/** Opens a coordinator. What `redis(client)` gives; `createHoldfast` calls it once, and `close` at the end. */
export type CoordinatorFactory = () => Promise<Coordinator & { close?(): Promise<void> }>;
