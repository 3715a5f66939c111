import type { Because, DeadReason } from "../core/decision.ts";
import type { Verdict } from "../core/verdict.ts";

/** One try, as it is kept: enough to tell later what happened, with nothing secret in it. */
export interface AttemptRecord {
  readonly attempt: number;
  /** Wall-clock milliseconds. */
  readonly startedAt: number;
  readonly durationMs: number;
  readonly verdict: Verdict;
  /** What was decided after it. */
  readonly because: Because;
  /** The allow-listed headers of the answer. */
  readonly headers?: Readonly<Record<string, string>>;
  /** The first bytes of the answer as text. */
  readonly bodyExcerpt?: string;
  /** The other side's own request id. */
  readonly upstreamRequestId?: string;
}

/** The request as it was sent. Credentials are not in it: they are put on again when it is sent. */
export interface StoredRequest {
  readonly method: string;
  /** Absolute URL. */
  readonly url: string;
  readonly headers: readonly (readonly [string, string])[];
  readonly body?: Uint8Array;
}

export type DeadLetterState = "open" | "replaying" | "resolved" | "discarded";

/** What failed and was kept. */
export interface DeadLetter {
  /** UUIDv7 of the operation. */
  readonly id: string;
  readonly api: string;
  readonly endpoint: string;
  readonly partition: string;
  readonly reason: DeadReason;
  readonly because: Because;
  /** `v1:` and a hash: the group it belongs to. */
  readonly fingerprint: string;
  /** The group's line for people: `permanent 500 INVALID_FIELD on crm POST /contacts`. */
  readonly title: string;
  /** Absent for a call of a function (`hf.call`): only its owner can do it again. */
  readonly request?: StoredRequest;
  /** Name that the caller gave to the operation. */
  readonly operation?: string;
  /** The idempotency key as the caller gave it; a replay sends the same. */
  readonly idempotencyKey?: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly attempts: readonly AttemptRecord[];
  /** Wall-clock milliseconds. */
  readonly firstAttemptAt: number;
  readonly diedAt: number;
  readonly state: DeadLetterState;
  /** Counts every change; a writer that shows an old one changes nothing. */
  readonly revision: number;
  readonly replays: number;
  /** Why it was discarded, or how it was resolved. */
  readonly note?: string;
}

export type NewDeadLetter = Omit<DeadLetter, "state" | "revision" | "replays" | "note">;

export interface DeadLetterFilter {
  readonly ids?: readonly string[];
  readonly api?: string;
  readonly fingerprint?: string;
  readonly state?: DeadLetterState;
  readonly reason?: DeadReason;
  /** All of these labels, by equality. */
  readonly labels?: Readonly<Record<string, string>>;
  /** Died at or after / before; wall-clock milliseconds. */
  readonly since?: number;
  readonly until?: number;
}

export interface Page<Item> {
  readonly items: readonly Item[];
  /** Give it back to get the next page; `null` at the end. */
  readonly next: string | null;
}

export type DeadLetterGroupState = "open" | "acknowledged" | "resolved" | "ignored";

export interface DeadLetterGroup {
  readonly fingerprint: string;
  readonly title: string;
  readonly api: string;
  readonly endpoint: string;
  readonly reason: DeadReason;
  readonly state: DeadLetterGroupState;
  /** A resolved group that got a new member. */
  readonly regressed: boolean;
  /** Members by state. */
  readonly open: number;
  readonly total: number;
  readonly firstAt: number;
  readonly lastAt: number;
}

/** A change of one dead letter, applied only to the revision that its writer has seen (compare-and-set). */
export interface DeadLetterChange {
  readonly id: string;
  readonly revision: number;
  readonly state: DeadLetterState;
  /** Tries to add to its history. */
  readonly attempts?: readonly AttemptRecord[];
  readonly reason?: DeadReason;
  readonly because?: Because;
  readonly note?: string;
  /** Counts a replay. */
  readonly replayed?: boolean;
  readonly now: number;
}

/** Keeps what failed. Newest first in every listing. A promise that resolves means: durable. */
export interface DeadLetterStore {
  /** Keeps letters; one whose id is known already is left as it is, so that a repeated write is harmless. */
  add(letters: readonly NewDeadLetter[]): Promise<void>;
  get(id: string): Promise<DeadLetter | undefined>;
  list(filter: DeadLetterFilter, page: { readonly limit: number; readonly after?: string }): Promise<Page<DeadLetter>>;
  groups(filter: DeadLetterFilter, page: { readonly limit: number; readonly after?: string }): Promise<Page<DeadLetterGroup>>;
  /** `stale`: another writer was first. `missing`: no such letter. */
  change(changes: readonly DeadLetterChange[]): Promise<readonly ("applied" | "stale" | "missing")[]>;
  setGroupState(fingerprint: string, state: DeadLetterGroupState, now: number): Promise<boolean>;
}
