import type { Fenced } from "./idempotency-store.ts";
import type { Page, PageRequest } from "./page.ts";

/** Asks to be the one run of a sync. Instants are wall-clock milliseconds. */
export interface BeginSync {
  readonly sync: string;
  /** Names this run and no other; every later verb must show it (fencing). */
  readonly run: string;
  readonly now: number;
  /** Until when the run holds the sync: while `now < leaseUntil`. */
  readonly leaseUntil: number;
}

export type BeginSyncResult =
  /** Ours. `revision` is to be shown with the first `advance`. */
  | { readonly state: "started"; readonly watermark?: string; readonly revision: number }
  | { readonly state: "running"; readonly run: string; readonly leaseUntil: number };

/** A step forward: applied only while the run holds the sync and the watermark has the revision that the run saw. */
export interface Advance {
  readonly sync: string;
  readonly run: string;
  readonly revision: number;
  /** The new watermark, as JSON; what it means is the sync's affair. */
  readonly to: string;
  readonly now: number;
}

export interface SyncView {
  readonly sync: string;
  readonly watermark?: string;
  /** Counts the steps forward; 0 before the first. */
  readonly revision: number;
  /** When the watermark moved last. */
  readonly advancedAt?: number;
  /** The run that holds it, perhaps beyond its lease. */
  readonly running?: { readonly run: string; readonly since: number; readonly leaseUntil: number };
  /** What the last run that ended had to say, as JSON. */
  readonly lastRun?: { readonly run: string; readonly endedAt: number; readonly report: string };
}

/**
 * Keeps how far each sync has come. A run that vanished loses the sync when its lease is over; the watermark stays where it
 * put it. Verbs take batches and answer in order; a promise that resolves means durable.
 */
export interface WatermarkStore {
  /** The run that holds the sync already is answered as before and gets the new lease. */
  begin(requests: readonly BeginSync[]): Promise<readonly BeginSyncResult[]>;
  /** `stale`: another run holds the sync, or the watermark has moved. Each step counts the revision up by one. */
  advance(requests: readonly Advance[]): Promise<readonly Fenced[]>;
  extend(requests: readonly { readonly sync: string; readonly run: string; readonly leaseUntil: number }[]): Promise<readonly Fenced[]>;
  /** Lets the sync go, with a report of the run as JSON. */
  end(
    requests: readonly { readonly sync: string; readonly run: string; readonly now: number; readonly report: string }[],
  ): Promise<readonly Fenced[]>;
  read(sync: string): Promise<SyncView | undefined>;
  /** In the order in which the syncs were first begun. */
  list(page: PageRequest): Promise<Page<SyncView>>;
}
