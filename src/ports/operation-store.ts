import type { Because } from "../core/decision.ts";
import type { AttemptRecord, NewDeadLetter, StoredRequest } from "./dead-letter-store.ts";
import type { Fenced } from "./idempotency-store.ts";
import type { StoredAnswer } from "./idempotency-store.ts";
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
 * Ready, leased and parked are rows that come and go; what has ended is never in the way of what has not.
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
  /** Higher goes first within its lane and flow; equal ones in the order of acceptance. */
  readonly priority: number;
  readonly acceptedAt: number;
  /** Not before this. */
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
  /** The key was accepted before, for the same payload: this is its operation. */
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
  /** Attempts that were made so far; waiting and hand-backs do not count. */
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
    /** Rests until then. `breaker`: until the lane wakes, at the latest then. */
    | { readonly state: "parked"; readonly until: number; readonly because: Because; readonly delayMs: number }
    /** Its dead letter is written in the same transaction. */
    | { readonly state: "dead"; readonly letter: NewDeadLetter }
    | { readonly state: "cancelled"; readonly because: Because }
    /** Handed back unused: to the head of its lane. */
    | { readonly state: "ready" };
}

/** What stands in a lane. */
export interface LaneBacklog extends LaneKey {
  /** Can be claimed now: ready, or parked and due. */
  readonly due: number;
  readonly leased: number;
  /** Parked and not due. */
  readonly parked: number;
  /** Accepted or due since; of the oldest that is due. */
  readonly oldestDueAt?: number;
  /** When the next parked one falls due. */
  readonly nextDueAt?: number;
  /** An operator stopped it. */
  readonly paused: boolean;
}

/** An operation as it stands, for people. */
export interface OperationView {
  readonly operation: NewOperation;
  readonly state: OperationState;
  readonly claim: number;
  readonly attempts: readonly AttemptRecord[];
  /** Since when it is in this state. */
  readonly since: number;
  readonly leaseUntil?: number;
  readonly worker?: string;
  readonly parkedUntil?: number;
  readonly because?: Because;
  readonly answer?: StoredAnswer;
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
  /** Keeps operations. An id that is known already is answered `known`, so that a repeated write is harmless. */
  accept(operations: readonly NewOperation[]): Promise<readonly AcceptResult[]>;
  /**
   * Leases due operations: of each lane at most what is allowed, its flows in turn, by priority and then in order of
   * acceptance. Paused lanes give none. No operation is given to two.
   */
  claim(request: ClaimRequest): Promise<readonly ClaimedOperation[]>;
  settle(settlements: readonly Settlement[]): Promise<readonly Fenced[]>;
  /** Moves the end of leases. */
  extend(leases: readonly { readonly id: string; readonly claim: number; readonly leaseUntil: number }[]): Promise<readonly Fenced[]>;
  /**
   * Takes back leases that ran out at or before `now`: they are due again, in doubt. Those whose holder vanished `poisonAfter`
   * times are answered instead of taken back, still leased to the caller under a new claim, so that it can make them
   * dead letters.
   */
  reap(request: {
    readonly worker: string;
    readonly now: number;
    readonly leaseUntil: number;
    readonly poisonAfter: number;
    readonly limit: number;
  }): Promise<{ readonly returned: number; readonly poisoned: readonly ClaimedOperation[] }>;
  /** Lanes with work that has not ended. */
  backlog(now: number): Promise<readonly LaneBacklog[]>;
  /** Makes parked operations of a lane due now: its breaker lets probes through, or has closed. At most `limit`. Answers how many. */
  wake(lane: LaneKey, now: number, limit: number): Promise<number>;
  /** Ends what has not started: ready or parked. A leased one is marked, and its holder learns of it by `stale` or at its end. */
  cancel(ids: readonly string[], because: Because, now: number): Promise<readonly ("cancelled" | "requested" | "ended" | "missing")[]>;
  /** Stops and restarts claims of a lane. */
  pause(lane: LaneKey, paused: boolean, now: number): Promise<void>;
  get(id: string): Promise<OperationView | undefined>;
  /** Newest first. */
  list(filter: OperationFilter, page: PageRequest): Promise<Page<OperationView>>;
  /** Counts by state. */
  stats(): Promise<Readonly<Record<OperationState, number>>>;
  /** Deletes ended operations whose time to be kept is over; at most `limit`. Answers how many went. */
  sweep(now: number, limit: number): Promise<number>;
  /**
   * Told (at most once a batch, never once a row) when work may have become due in this or, where the backend can, another
   * process. A hint: the worker polls as well.
   */
  onWork(listener: () => void): () => void;
}
