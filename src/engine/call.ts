import type { Because } from "../core/decision.ts";
import { beginCall, type Explanation } from "../core/explain.ts";
import type { Verdict } from "../core/verdict.ts";
import type { RetryQuota } from "../policy/budget/retry-quota.ts";
import type { AttemptRecord, NewDeadLetter, StoredRequest } from "../ports/dead-letter-store.ts";
import type { LaneRef } from "../ports/events.ts";
import type { TraceOrigin } from "../ports/tracer.ts";
import { Leaving, type AbortListener, type CallerSignal } from "../ports/leaving.ts";
import type { Attempt } from "./attempt.ts";
import type { CallPolicy } from "./call-policy.ts";
import type { Admittee } from "./admittee.ts";
import type { Lane } from "./lane.ts";
import { scopes, type Runtime } from "./runtime.ts";
import type { Scope } from "./scope.ts";
import { uuidv7 } from "./uuid.ts";

/** What the function of a call is given at each attempt. */
export interface AttemptContext {
  /** Aborts when the attempt's time is over or the caller gives up. Made only when somebody looks. */
  readonly signal: AbortSignal;
  /** The first is 1. */
  readonly attempt: number;
  /** Wall-clock ms by which all must be done; undefined without a limit. */
  readonly deadline: number | undefined;
  /** The call's idempotency key: the same at every attempt. Send it where the API wants it. */
  readonly idempotencyKey: string | undefined;
  /** Id of the operation (UUIDv7): the same at every attempt. */
  readonly operation: string;
}

/** The same as work of ours sees it. */
export interface WorkContext extends AttemptContext {
  /** Why it was cut off, where it was. */
  readonly cut?: { readonly reason: unknown } | undefined;
  /** Tells one listener when it is cut off: what `signal` is for, without one. There where something may cut it off. */
  listen?(listener: AbortListener): void;
}

/**
 * A kind of work, as its door knows it: how to do it once, and how to judge what came of it. One object for all calls of the
 * kind; what differs from call to call is the payload.
 */
export interface Work<Value, Payload> {
  perform(context: WorkContext, payload: Payload): Promise<Value> | Value;
  /** Judges an answer. Without it every answer is a success. */
  judge?(value: Value, attempt: number, payload: Payload): Verdict | Promise<Verdict>;
  judgeError(error: unknown, attempt: number, payload: Payload): Verdict;
  /** Whether anything of the attempt may have left. Without it everything may have. */
  sent?(payload: Payload): boolean;
  /** What the answer says of limits, asked only where the lane has some. */
  report?(outcome: Outcome<Value>, payload: Payload): LimitReport | undefined;
  /** What is kept of the answer in the history. */
  excerpt?(outcome: Outcome<Value>, payload: Payload): Pick<AttemptRecord, "headers" | "bodyExcerpt" | "upstreamRequestId">;
  /** The request as it was sent, for a dead letter. */
  request?(payload: Payload): Promise<StoredRequest | undefined>;
}

/** What came back: an answer, or what was thrown. */
export type Outcome<Value> = { readonly threw: false; readonly value: Value } | { readonly threw: true; readonly error: unknown };

/** What an answer tells about rate limits. */
export interface LimitReport {
  /** Units that the call has really used. */
  readonly used?: number | undefined;
  /** Units that may still be taken, and ms until there are more. */
  readonly left?: { readonly remaining: number; readonly resetMs?: number } | undefined;
}

/** What the other side says of an effect whose outcome is unknown. */
export type Reconciled<Value> =
  { readonly happened: true; readonly value: Value } | { readonly happened: false } | { readonly happened: "unknown" };

/** Puts a dead letter away, durably, and answers when it is. */
export type Keep = (letter: Omit<NewDeadLetter, "fingerprint" | "title">, verdict: Verdict) => Promise<void>;

/** What is said of one call. Everything may be left out. */
export interface CallDetails<Value> {
  readonly lane?: Lane | undefined;
  /** `durable`: the operation is stored and may rest between its attempts. @default "inline" */
  readonly mode?: "inline" | "durable";
  /** Id of an operation that has one already. @default made when somebody looks */
  readonly id?: string | undefined;
  readonly signal?: CallerSignal | undefined;
  /** What it stands in, where a door had to wait before it could make the call. @default what it stands in when it is made */
  readonly parent?: Scope | undefined;
  /** The same request again does no harm. @default true */
  readonly repeatable?: boolean;
  readonly replayable?: boolean;
  /** Puts away what ends without success. Without it nothing is kept. */
  readonly keep?: Keep | undefined;
  /** Gets a new credential; once per call. */
  readonly refresh?: (() => Promise<void>) | undefined;
  /** Asked when a credential was refused: whether there is another one to be had. @default there is */
  readonly canRefresh?: (() => boolean) | undefined;
  readonly reconcile?:
    ((context: { readonly operation: string; readonly idempotencyKey: string | undefined }) => Promise<Reconciled<Value>>) | undefined;
  readonly idempotencyKey?: string | undefined;
  readonly labels?: Readonly<Record<string, string>> | undefined;
  readonly quota?: RetryQuota | undefined;
  /** The caller's own word on whether an error is worth a retry. */
  readonly retryIf?: ((error: unknown, attempt: number) => boolean) | undefined;
  readonly cost?: number;
  readonly operationName?: string | undefined;
  /**
   * Enter the async context only from the second attempt on; the first is known only to what it calls in the same tick.
   * Entering costs more than all else that `retry()` does (decision 0003).
   */
  readonly lazyScope?: boolean;
  /** The trace that it belongs to. @default what is active where it begins */
  readonly trace?: TraceOrigin | undefined;
  /** A retry loop above ours (an SDK's) is at this retry already. */
  readonly retriesAbove?: number;
}

/**
 * One call on its way: what it is, and how far it has come. It is a scope for what its function calls, and, where an attempt
 * has no timeout and no signal of its own, the context that the function is given.
 */
export class Call<Value, Payload = unknown> implements Admittee, Scope, AttemptContext {
  readonly runtime: Runtime;
  readonly policy: CallPolicy;
  readonly work: Work<Value, Payload>;
  readonly payload: Payload;
  readonly details: CallDetails<Value>;
  readonly parent: Scope | undefined;
  retriesLeft: number;
  /** Its place among all calls that were ever begun. */
  readonly ordinal: number = beginCall();
  attempt = 0;
  /** When this attempt started; undefined for one that nobody times. */
  attemptAt: number | undefined = undefined;
  /** This attempt, where something may cut it off. */
  running: Attempt<Value, Payload> | undefined = undefined;
  /** The call that had begun last when this attempt started: what began later is, for all we know, inside of it. */
  attemptSince = 0;
  generation = 0;
  admittedAt = 0;
  refreshed = false;
  /** When a refresh of this process was done; monotonic ms. */
  refreshedAt: number | undefined = undefined;
  previousDelayMs = 0;
  /** Tries so far, from the first that failed on. */
  history: AttemptRecord[] | undefined = undefined;
  #startedAt: number | undefined = undefined;
  /** The deadline of what it stands in, where that has one. */
  readonly #around: number | undefined;
  /** How it ended, where that was no success: what hangs on its error may by then be another call's, for callers share reasons to abort. */
  failure: Explanation | undefined = undefined;
  #operation: string | undefined = undefined;
  #unaborted: AbortSignal | undefined = undefined;

  constructor(runtime: Runtime, policy: CallPolicy, work: Work<Value, Payload>, payload: Payload, details: CallDetails<Value>) {
    const parent = details.parent ?? scopes.getStore();
    const around = parent === undefined ? Number.POSITIVE_INFINITY : parent.cutAt;
    this.runtime = runtime;
    this.policy = policy;
    this.work = work;
    this.payload = payload;
    this.details = details;
    this.parent = parent;
    this.#around = around === Number.POSITIVE_INFINITY ? undefined : around;
    this.retriesLeft = policy.maxAttempts - 1;
  }

  /**
   * Whether anything hangs on the time of the first attempt. Where nothing does, no clock is read until a failure: a reading
   * costs a third of all that `retry()` does (decision 0008).
   */
  get isTimed(): boolean {
    const { details, policy, runtime } = this;
    return (
      details.lane !== undefined ||
      details.signal !== undefined ||
      this.#around !== undefined ||
      policy.cutAtTotal ||
      policy.attemptTimeoutsMs[0] !== Number.POSITIVE_INFINITY ||
      runtime.events.any
    );
  }

  /** When it started; for one that is not timed, when somebody first asked. */
  get startedAt(): number {
    return (this.#startedAt ??= this.runtime.clock.monotonic());
  }

  /** No further attempt starts after it. */
  get deadlineAt(): number {
    const own = this.startedAt + this.policy.totalMs;
    return this.#around === undefined || own < this.#around ? own : this.#around;
  }

  /**
   * What runs is cut off at it. A total that nobody asked for cuts nothing, neither here nor inside: long work whose function makes
   * many calls would else find them all late.
   */
  get cutAt(): number {
    return this.policy.cutAtTotal ? this.deadlineAt : (this.#around ?? Number.POSITIVE_INFINITY);
  }

  get lane(): Lane | undefined {
    return this.details.lane;
  }

  get laneRef(): LaneRef | undefined {
    return this.details.lane?.ref;
  }

  get callerSignal(): CallerSignal | undefined {
    return this.details.signal;
  }

  /** The caller's signal; as a context, one that never aborts where the caller gave none. */
  get signal(): AbortSignal {
    const { signal } = this.details;
    return signal === undefined || signal instanceof Leaving ? (this.#unaborted ??= new AbortController().signal) : signal;
  }

  get deadline(): number | undefined {
    return this.cutAt === Number.POSITIVE_INFINITY ? undefined : this.wallAt(this.cutAt);
  }

  get idempotencyKey(): string | undefined {
    return this.details.idempotencyKey;
  }

  get cost(): number {
    return this.details.cost ?? 1;
  }

  get maxWaitMs(): number {
    return this.policy.maxWaitMs;
  }

  /** Tries that this call may make; a refreshed credential earns one more. */
  get maxAttempts(): number {
    return this.refreshed ? this.policy.maxAttempts + 1 : this.policy.maxAttempts;
  }

  /** Id of the operation: made when somebody looks, the same from then on. */
  get operation(): string {
    return (this.#operation ??= this.details.id ?? uuidv7(this.runtime.clock.now(), this.runtime.random));
  }

  /** Wall-clock instant of a monotonic one. */
  wallAt(monotonic: number): number {
    return Math.round(this.runtime.clock.now() + monotonic - this.runtime.clock.monotonic());
  }

  /** The timeout of the coming attempt, cut to the deadline. */
  timeoutMs(now: number): number {
    const { attemptTimeoutsMs } = this.policy;
    const own = attemptTimeoutsMs[Math.min(this.attempt, attemptTimeoutsMs.length) - 1] ?? Number.POSITIVE_INFINITY;
    const left = this.cutAt - now;
    return own < left ? own : left;
  }

  remember(verdict: Verdict, because: Because, durationMs: number, now: number, outcome: Outcome<Value>): void {
    const record: AttemptRecord = {
      attempt: this.attempt,
      startedAt: this.wallAt(now - durationMs),
      durationMs,
      verdict,
      because,
      ...this.work.excerpt?.(outcome, this.payload),
    };
    this.history ??= [];
    this.history.push(record);
    this.runtime.events.meter?.remembered?.(this.laneRef, record, this);
  }
}
