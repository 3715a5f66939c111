import type { Because } from "../core/decision.ts";
import type { AttemptRecord, NewDeadLetter, StoredRequest } from "./dead-letter-store.ts";
import type { Fenced, StoredAnswer } from "./idempotency-store.ts";
import type { Page, PageRequest } from "./page.ts";

/**
 * Where an operation stands.
 *
 * ```
 *            accept                 claim                    settle
 *   (none) ─────────▶ ready ───────────────────▶ leased ──────────────▶ succeeded | dead | cancelled
 *                       ▲  release, lease over      │ settle: parked
 *                       ├───────────────────────────┤
 *                       └──── due, wake ──── parked ◀┘
 * ```
 *
 * Ready, leased and parked are rows that come and go; what has ended is never in the way of what has not. A parked operation
 * that has fallen due counts as due in the backlog, and stays parked until a claim comes by its lane.
 */
export type OperationState = "ready" | "leased" | "parked" | "succeeded" | "dead" | "cancelled";

/** What is to be done: accepted once, never changed. Instants are wall-clock ms. */
export interface NewOperation {
  /** UUIDv7. */
  readonly id: string;
  readonly api: string;
  readonly endpoint: string;
  readonly partition: string;
  /**
   * Keeps one stream of work from starving another: claims go round the flows of a lane. A pipeline's name, a tenant, or
   * `""`.
   */
  readonly flow: string;
  /** What is sent. Credentials are put on when it is. */
  readonly request: StoredRequest;
  /** One operation for each (api, key): a second one is answered with the first. */
  readonly idempotencyKey?: string;
  /** Hash of what is asked for; the same key with another is a mismatch. */
  readonly fingerprint: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Higher goes first within its lane and flow; equal ones in the order in which they fell due, then of acceptance. */
  readonly priority: number;
  readonly acceptedAt: number;
  /** Not before this. Later than `acceptedAt`: it is parked until then. */
  readonly dueAt: number;
  /** After this no attempt starts: it becomes a dead letter `expired`. */
  readonly expiresAt?: number;
  /** URL that is told the end. */
  readonly callback?: string;
  /** W3C `traceparent` of whoever enqueued it. */
  readonly trace?: string;
}

export type AcceptResult =
  | { readonly state: "accepted"; readonly id: string }
  /** The id or the key was accepted before, the key for the same payload: this is its operation. */
  | { readonly state: "known"; readonly id: string }
  /** The key was accepted before, for another payload. */
  | { readonly state: "mismatch"; readonly id: string };

/** A lane of the queue: claims name it, and say how much it takes. */
export interface LaneKey {
  readonly api: string;
  readonly endpoint: string;
  readonly partition: string;
}

/** How much a worker can take of a lane right now: by its tokens, permits and breaker. */
export interface Allowance extends LaneKey {
  readonly max: number;
}

export interface ClaimRequest {
  /** Names the process, for people. */
  readonly worker: string;
  readonly allowances: readonly Allowance[];
  readonly now: number;
  readonly leaseUntil: number;
}

/** A claimed operation. `claim` is its fencing number: one more with every claim. */
export interface ClaimedOperation {
  readonly operation: NewOperation;
  readonly claim: number;
  /** Number of the last attempt that was recorded, 0 at first; waiting and hand-backs do not count. */
  readonly attempts: number;
  /** The last backoff, for decorrelated jitter; 0 at first. */
  readonly previousDelayMs: number;
  /** Times that a holder vanished with it. Its last attempt may have reached the other side. */
  readonly vanished: number;
  /** Whether a try may have happened that nobody recorded: a holder vanished since the last recorded attempt. */
  readonly inDoubt: boolean;
}

/** What became of a claimed operation. Applied only while `claim` still holds it. */
export interface Settlement {
  readonly id: string;
  readonly claim: number;
  readonly now: number;
  /** The try that was made, if one was; appended to the history in the same transaction. */
  readonly attempt?: AttemptRecord;
  readonly outcome:
    | { readonly state: "succeeded"; readonly answer?: StoredAnswer; readonly keepUntil: number }
    /** Rests until then; `wake` ends the rest of one that is parked because of `breaker-open`. */
    | { readonly state: "parked"; readonly until: number; readonly because: Because; readonly delayMs: number }
    /** Its dead letter, of the same id, is written in the same transaction. */
    | { readonly state: "dead"; readonly letter: NewDeadLetter }
    | { readonly state: "cancelled"; readonly because: Because }
    /** Handed back unused: it keeps its place. */
    | { readonly state: "ready" };
}

/** What stands in a lane. */
export interface LaneBacklog extends LaneKey {
  /** Can be claimed now: ready, or parked and due. Of the parked ones at least {@link COUNTED_DUE} are counted. */
  readonly due: number;
  readonly leased: number;
  /** Parked and not due. */
  readonly parked: number;
  /** Since when the oldest that is due has been due. */
  readonly oldestDueAt?: number;
  /** When the next parked one falls due. */
  readonly nextDueAt?: number;
  /** An operator stopped it. */
  readonly paused: boolean;
}

/** A backlog counts at least so many parked operations that have fallen due exactly; of more it may say less, so that it stays cheap. */
export const COUNTED_DUE = 1_000;

/** How long a cancelled operation is kept, for those who ask what became of it. */
export const CANCELLED_KEPT_MS = 86_400_000;

/** An operation as it stands, for people. */
export interface OperationView {
  readonly operation: NewOperation;
  readonly state: OperationState;
  readonly claim: number;
  readonly attempts: readonly AttemptRecord[];
  /** Since when it is in this state; of a ready one, since when it is due. */
  readonly since: number;
  readonly leaseUntil?: number;
  readonly worker?: string;
  readonly parkedUntil?: number;
  readonly because?: Because;
  readonly answer?: StoredAnswer;
}

/** An operation that has not ended, as far as it takes to say whom it concerns. */
export interface WaitingOperation extends LaneKey {
  readonly labels: Readonly<Record<string, string>>;
  readonly acceptedAt: number;
  readonly state: "ready" | "leased" | "parked";
  /** Why it is parked. */
  readonly because?: Because;
}

/** Every condition that is given must hold. */
export interface OperationFilter {
  readonly api?: string;
  readonly endpoint?: string;
  readonly partition?: string;
  readonly state?: OperationState;
  readonly flow?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly idempotencyKey?: string;
}

/**
 * The durable queue. Verbs take batches; results come in the order asked; a promise that resolves means durable. The cost
 * of a claim and a settle does not grow with what is parked or has ended.
 */
export interface OperationStore {
  /**
   * Whether verbs take effect in the order in which they are called, so that a claim finds what an accept before it keeps although
   * that has not been answered yet; most often both are one commit then. @default false
   */
  readonly inOrder?: boolean;
  /** Keeps operations. An id that is known already is answered `known`, so that a repeated write is harmless. */
  accept(operations: readonly NewOperation[]): Promise<readonly AcceptResult[]>;
  /**
   * Keeps operations in a transaction that the caller has opened with a client of the backend's own database, so that they are
   * there if and only if it commits. Left out by backends whose database is nobody else's.
   */
  acceptIn?(tx: unknown, operations: readonly NewOperation[]): Promise<readonly AcceptResult[]>;
  /**
   * Leases due operations: of each lane at most what is allowed, one from each of its flows in turn. The turn goes on where the
   * last claim left it. Paused lanes give none. No operation is given to two.
   */
  claim(request: ClaimRequest): Promise<readonly ClaimedOperation[]>;
  /**
   * Writes down what became of claimed operations. A holder whose lease ran out may still settle until somebody has taken the
   * operation back. One that was asked to cancel is cancelled where it would have been parked or handed back.
   */
  settle(settlements: readonly Settlement[]): Promise<readonly Fenced[]>;
  /** Moves the end of leases. */
  extend(leases: readonly { readonly id: string; readonly claim: number; readonly leaseUntil: number }[]): Promise<readonly Fenced[]>;
  /**
   * Takes back leases that ran out at or before `now`, the oldest first, at most `limit`: their operations are due again, in
   * doubt, in their old place. Those that have now seen `poisonAfter` holders vanish are answered instead, leased to the caller
   * under a new claim, so that it can make them dead letters. One that was asked to cancel is cancelled, and counts as returned.
   */
  reap(request: {
    readonly worker: string;
    readonly now: number;
    readonly leaseUntil: number;
    readonly poisonAfter: number;
    readonly limit: number;
  }): Promise<{ readonly returned: number; readonly poisoned: readonly ClaimedOperation[] }>;
  /** Lanes with work that has not ended, and paused ones, by API, endpoint and partition. Takes no longer where much is parked. */
  backlog(now: number): Promise<readonly LaneBacklog[]>;
  /**
   * Makes operations of a lane that are parked because of `breaker-open` due now: its breaker lets probes through, or has
   * closed. At most `limit`, the next due first. Answers how many.
   */
  wake(lane: LaneKey, now: number, limit: number): Promise<number>;
  /**
   * Ends what has not started: ready or parked. A leased one is `requested` to cancel: its attempt may still succeed or die,
   * but it is not sent again.
   */
  cancel(ids: readonly string[], because: Because, now: number): Promise<readonly ("cancelled" | "requested" | "ended" | "missing")[]>;
  /** Stops and restarts claims of a lane. */
  pause(lane: LaneKey, paused: boolean, now: number): Promise<void>;
  get(id: string): Promise<OperationView | undefined>;
  /** Newest first. */
  list(filter: OperationFilter, page: PageRequest): Promise<Page<OperationView>>;
  /** Operations that have not ended, the last accepted first, at most `limit` of each state. Bodies and histories are not read. */
  waiting(limit: number): Promise<readonly WaitingOperation[]>;
  /** Counts by state. */
  stats(): Promise<Readonly<Record<OperationState, number>>>;
  /**
   * Deletes ended operations with their history and frees their keys, at most `limit`: succeeded ones at their `keepUntil`,
   * cancelled ones {@link CANCELLED_KEPT_MS} after they ended, dead ones once their dead letter is gone. Answers how many went.
   */
  sweep(now: number, limit: number): Promise<number>;
  /**
   * Told (at most once a batch, never once a row) when work may have become due in this or, where the backend can, another
   * process. A hint: the worker polls as well.
   */
  onWork(listener: () => void): () => void;
}
