import type { Because, DeadReason } from "../core/decision.ts";
import type { Verdict } from "../core/verdict.ts";
import type { Page, PageRequest } from "./page.ts";

export type { Page, PageRequest } from "./page.ts";

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
  /** When it died first; a replay that fails does not move it. */
  readonly diedAt: number;
  readonly state: DeadLetterState;
  /** Counts every change, from 1; a writer that shows an old one changes nothing. */
  readonly revision: number;
  readonly replays: number;
  /** When it was changed last; `diedAt` at first. */
  readonly changedAt: number;
  /** Why it was discarded, or how it was resolved. */
  readonly note?: string;
}

export type NewDeadLetter = Omit<DeadLetter, "state" | "revision" | "replays" | "changedAt" | "note">;

/** Every condition that is given must hold. */
export interface DeadLetterFilter {
  readonly ids?: readonly string[];
  readonly api?: string;
  readonly fingerprint?: string;
  readonly state?: DeadLetterState;
  readonly reason?: DeadReason;
  /** All of these labels, by equality. */
  readonly labels?: Readonly<Record<string, string>>;
  /** Died at or after; wall-clock milliseconds. */
  readonly since?: number;
  /** Died before; wall-clock milliseconds. */
  readonly until?: number;
}

export type DeadLetterGroupState = "open" | "acknowledged" | "resolved" | "ignored";

/** The dead letters of one fingerprint. Counts and instants are those of the members that the filter lets through. */
export interface DeadLetterGroup {
  readonly fingerprint: string;
  /** Title, API, endpoint and reason are those of the first member. */
  readonly title: string;
  readonly api: string;
  readonly endpoint: string;
  readonly reason: DeadReason;
  readonly state: DeadLetterGroupState;
  /** It was resolved and then a letter joined it or came back to it; until somebody sets its state again. */
  readonly regressed: boolean;
  /** Members in the state `open`, and in any state. */
  readonly open: number;
  readonly total: number;
  /** When its first and its last member died. */
  readonly firstAt: number;
  readonly lastAt: number;
}

/** How many letters of one endpoint are open. */
export interface OpenLetters {
  readonly api: string;
  readonly endpoint: string;
  readonly open: number;
  /** When the oldest of them died. */
  readonly oldestAt: number;
}

/** An open letter, as far as it takes to say whom it concerns. */
export interface ConcernedLetter {
  readonly api: string;
  readonly endpoint: string;
  readonly partition: string;
  readonly reason: DeadReason;
  readonly labels: Readonly<Record<string, string>>;
  readonly diedAt: number;
}

/** Equal steps of time, the first at `from`; wall-clock ms. */
export interface LetterSpan {
  readonly from: number;
  readonly stepMs: number;
  readonly steps: number;
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
  /** It failed in another way this time: the group that it moves to. */
  readonly group?: { readonly fingerprint: string; readonly title: string };
  readonly note?: string;
  /** Counts a replay. */
  readonly replayed?: boolean;
  readonly now: number;
}

/** `stale`: another writer was first. `missing`: no such letter. */
export type ChangeResult = "applied" | "stale" | "missing";

/**
 * Keeps what failed. Newest first in every listing; a listing in pages shows each letter that was there when it began
 * exactly once, whatever is added meanwhile. A promise that resolves means: durable.
 */
export interface DeadLetterStore {
  /**
   * Keeps letters; one whose id is known already is left as it is, so that a repeated write is harmless. A new letter
   * re-opens a resolved group as *regressed*; an acknowledged or ignored group stays what it is.
   */
  add(letters: readonly NewDeadLetter[]): Promise<void>;
  get(id: string): Promise<DeadLetter | undefined>;
  /** Ordered by `diedAt`, then by when they were added; the newest first. */
  list(filter: DeadLetterFilter, page: PageRequest): Promise<Page<DeadLetter>>;
  /** Groups with at least one member that the filter lets through, ordered by `lastAt`; the newest first. */
  groups(filter: DeadLetterFilter, page: PageRequest): Promise<Page<DeadLetterGroup>>;
  /** How many are open, sorted by API and endpoint. Cheap: it is asked for again and again. */
  openLetters(): Promise<readonly OpenLetters[]>;
  /** For each fingerprint how many of its letters died in each step from `from` on, whatever became of them. */
  spread(fingerprints: readonly string[], over: LetterSpan): Promise<readonly (readonly number[])[]>;
  /** Open letters that died at or after `since`, the newest first, at most `limit`. Bodies and histories are not read. */
  concerned(since: number, limit: number): Promise<readonly ConcernedLetter[]>;
  /** A letter that comes back to `open` re-opens a resolved group, as a new one does. */
  change(changes: readonly DeadLetterChange[]): Promise<readonly ChangeResult[]>;
  /** Answers false where there is no such group. */
  setGroupState(fingerprint: string, state: DeadLetterGroupState, now: number): Promise<boolean>;
  /**
   * Deletes letters that were resolved or discarded at or before `before`; at most `limit` at a time. Answers how many
   * went. Letters that are open are never deleted, and groups keep their state.
   */
  sweep(before: number, limit: number): Promise<number>;
}
