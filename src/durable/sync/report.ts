import { HoldfastError } from "../../core/errors.ts";

/** A record that this run did not get done. */
export interface UnfinishedRecord {
  readonly id: string;
  readonly cursor: number | string;
  readonly state: "failed" | "parked";
  readonly attempts: number;
  /** The rule of the last verdict, and why. */
  readonly rule: string;
  readonly because: string;
  /** The dead letter that keeps it. */
  readonly deadLetter?: string;
}

/** What a run did: the body that its HTTP endpoint answers. */
export interface SyncReport {
  readonly run: string;
  readonly sync: string;
  readonly outcome: "complete" | "partial" | "failed";
  /** Wall-clock ms. */
  readonly startedAt: number;
  readonly endedAt: number;
  /** Records that the source gave from the resume point to the ceiling. */
  readonly read: number;
  /** Written by this run. */
  readonly done: number;
  /** Settled by an earlier run already. */
  readonly known: number;
  readonly failed: number;
  readonly parked: number;
  readonly watermark: {
    readonly before: number | string | null;
    readonly after: number | string | null;
    readonly advanced: boolean;
    /** Ids of what keeps it from going on, at most {@link MOST_BLOCKERS}. */
    readonly blockedBy: readonly string[];
    /** Since when it has not moved although there was something to do; wall-clock ms. */
    readonly heldSince?: number;
  };
  /** Those that are not done, at most {@link MOST_RECORDS}. */
  readonly records: readonly UnfinishedRecord[];
  /** Why it failed. */
  readonly error?: { readonly code: string; readonly message: string };
}

export const MOST_RECORDS = 100;
export const MOST_BLOCKERS = 20;

/** How a run ended. `status` is that of its HTTP answer. */
export type SyncResult =
  | (SyncReport & { readonly outcome: "complete"; readonly status: 200 })
  | (SyncReport & { readonly outcome: "partial"; readonly status: 207 })
  | (SyncReport & { readonly outcome: "failed"; readonly status: 500; readonly cause: unknown })
  | {
      readonly outcome: "running";
      readonly status: 409;
      readonly sync: string;
      /** The run that has it. */
      readonly run: string;
      /** Until when it has it, unless it extends that; wall-clock ms. */
      readonly leaseUntil: number;
      readonly retryAfterMs: number;
    };

/** Why a run failed, as its report says it. */
export function described(error: unknown): NonNullable<SyncReport["error"]> {
  const message = error instanceof Error ? error.message : String(error);
  return { code: error instanceof HoldfastError ? error.code : "source", message };
}
