import type { Because } from "../core/decision.ts";
import { isHoldfastError, TimeoutError } from "../core/errors.ts";
import type { Verdict } from "../core/verdict.ts";
import type { Admission } from "../durable/admission.ts";
import type { HeldOperation } from "../durable/held-operation.ts";
import { storePauseMs } from "../durable/store-pause.ts";
import { Call, type CallDetails } from "../engine/call.ts";
import type { CallPolicy } from "../engine/call-policy.ts";
import { attemptDurably, type DurableStep } from "../engine/durable-attempt.ts";
import { unlessAborted } from "../engine/unless-aborted.ts";
import { sleep } from "../ports/clock.ts";
import type { AttemptRecord, NewDeadLetter } from "../ports/dead-letter-store.ts";
import type { StoredAnswer } from "../ports/idempotency-store.ts";
import type { ClaimedOperation, NewOperation, OperationStore, Settlement } from "../ports/operation-store.ts";
import { askOtherSide } from "./ask.ts";
import { withFingerprint, type Engine, type OpenApi } from "./engine.ts";
import { FetchDoor } from "./fetch-door.ts";
import type { HttpAnswer } from "./http-answer.ts";
import { isIdempotent } from "./http-request.ts";
import { HttpWork, type HttpCall } from "./http-work.ts";
import { keySent, restored, strangerOf } from "./restored-request.ts";

type Ending = Settlement["outcome"];
type Dead = NewDeadLetter["reason"];

/** Longer answers are kept without their body. */
const KEPT_ANSWER_BYTES = 64 * 1024;
/** A look-up at the other side that does not answer is given up after this. */
const RECONCILE_MS = 30_000;
const PARK_UNKNOWN_API_MS = 60_000;
/** After this what could not go yet is looked at again. */
const LOOK_AGAIN_MS = 1_000;

/** How it ends, or is put off, before anything is sent. */
interface Early {
  readonly ending: Ending;
  readonly attempt?: AttemptRecord;
}

/** One operation on its way through one claim. */
interface Task {
  readonly claimed: ClaimedOperation;
  readonly open: OpenApi;
  readonly call: Call<HttpAnswer, HttpCall>;
  /** Attempts before this one. */
  readonly history: readonly AttemptRecord[];
  readonly signal: AbortSignal;
}

/**
 * What is done with a claimed operation: at most one attempt, and what came of it as something to write down.
 *
 * Everything that is needed from the store is read before anything is sent. After that nothing of ours may fail in a way that
 * forgets it: what cannot be told apart is in doubt, and what is in doubt is not sent again unless that does no harm.
 */
export class CarryOut {
  readonly #engine: Engine;
  readonly #store: OperationStore;
  readonly #find: (name: string) => OpenApi | undefined;
  readonly #work: HttpWork;
  /** Policies of stored operations: their time is `expiresIn`, not the total of a caller who waits. */
  readonly #policies = new WeakMap<CallPolicy, CallPolicy>();

  constructor(engine: Engine, store: OperationStore, find: (name: string) => OpenApi | undefined) {
    this.#engine = engine;
    this.#store = store;
    this.#find = find;
    this.#work = new HttpWork(engine);
  }

  /** Carries out a claimed operation as far as it goes now. Undefined: nothing may be written, and its lease is to run out. */
  async execute(held: HeldOperation, admission: Admission, signal: AbortSignal): Promise<Settlement | undefined> {
    const { claimed, lane } = held;
    const { clock } = this.#engine.runtime;
    let used = false;
    try {
      const history = claimed.attempts > 0 || claimed.inDoubt ? await this.#historyOf(claimed.operation.id, signal) : NO_HISTORY;
      const task = this.#taskOf(held, history, signal);
      const before = task === undefined ? this.#unknownApi(claimed) : this.#beforeSending(task);
      const early = before instanceof Promise ? await before : before;
      if (early !== undefined) return this.#settlement(claimed, early.ending, early.attempt);
      // From here to the wire there is no wait but the credential's, after which HttpWork asks again.
      if (task === undefined || !held.isOurs || signal.aborted) return this.#settlement(claimed, { state: "ready" });
      const { call } = task;
      call.generation = admission.generation;
      call.admittedAt = admission.admittedAt;
      used = true;
      const step = await attemptDurably(call);
      const ended = this.#endingOf(task, step);
      const ending = ended instanceof Promise ? await ended : ended;
      call.payload.answer?.discard();
      return this.#settlement(claimed, ending, step.record);
    } finally {
      if (!used) lane.giveBack(admission, clock.monotonic());
    }
  }

  /** What to write for an operation that saw too many of its holders vanish. */
  async poison(claimed: ClaimedOperation): Promise<Settlement> {
    const { operation, vanished, attempts } = claimed;
    const history = (await this.#store.get(operation.id))?.attempts ?? [];
    const because: Because = { code: "outcome-unknown", detail: `${vanished} workers vanished while they had it`, attempt: attempts };
    const verdict: Verdict = { ...VANISHED, rule: "poison" };
    return this.#settlement(claimed, this.#dead(operation, "poison", because, verdict, history));
  }

  #settlement({ operation, claim }: ClaimedOperation, outcome: Ending, attempt?: AttemptRecord): Settlement {
    const now = this.#engine.runtime.clock.now();
    return attempt === undefined ? { id: operation.id, claim, now, outcome } : { id: operation.id, claim, now, attempt, outcome };
  }

  #taskOf(held: HeldOperation, history: readonly AttemptRecord[], signal: AbortSignal): Task | undefined {
    const { claimed, lane } = held;
    const { operation, attempts, previousDelayMs } = claimed;
    const open = this.#find(operation.api);
    if (open === undefined) return undefined;
    const { api } = open;
    const settings = api.settings(operation.endpoint);
    const { credential } = api;
    const { reconcile } = settings;
    const request = restored(operation, open);
    const key = keySent(operation, open);
    const honoured = api.idempotency !== undefined && key !== undefined;
    const payload: HttpCall = {
      request,
      api,
      settings,
      endpoint: operation.endpoint,
      idempotencyKey: key,
      keyed: true,
      headers: request.headers,
      sign: open.sign,
      transport: open.transport,
      stillOurs: () => held.isOurs,
    };
    const details: CallDetails<HttpAnswer> = {
      lane,
      mode: "durable",
      signal,
      id: operation.id,
      repeatable: settings.repeatable || isIdempotent(request.method) || honoured,
      keep: this.#engine.keep,
      refresh: credential === undefined ? undefined : () => this.#refresh(payload, operation),
      canRefresh: credential === undefined ? undefined : () => credential.canReplace(payload.credential?.value),
      reconcile: reconcile === undefined ? undefined : () => askOtherSide(reconcile, payload, operation.id, this.#fetchOf(open, operation)),
      idempotencyKey: key,
      labels: operation.labels,
      ...{ quota: api.quota, cost: settings.cost },
      trace: { from: "queue", traceparent: operation.trace },
    };
    const call = new Call(this.#engine.runtime, this.#policyOf(settings.policy, operation), this.#work, payload, details);
    call.attempt = attempts;
    call.previousDelayMs = previousDelayMs;
    call.refreshed = history.at(-1)?.because.code === "token-expired";
    return { claimed, open, call, history, signal };
  }

  #fetchOf(open: OpenApi, { partition, labels }: NewOperation): typeof globalThis.fetch {
    const door = new FetchDoor(this.#engine, open, { partition, labels });
    return (input, init) => door.fetch(input, init);
  }

  /** Nothing has been sent yet, so it does not matter how long the store takes. */
  async #historyOf(id: string, signal: AbortSignal): Promise<readonly AttemptRecord[]> {
    const { clock, events } = this.#engine.runtime;
    for (let failures = 0; ; failures += 1) {
      try {
        return (await this.#store.get(id))?.attempts ?? [];
      } catch (error) {
        if (signal.aborted) throw error;
        if (events.wants("store:failed")) events.emit("store:failed", { error });
        await sleep(clock, storePauseMs(failures), signal);
      }
    }
  }

  #policyOf(policy: CallPolicy, { expiresAt }: NewOperation): CallPolicy {
    let durable = this.#policies.get(policy);
    if (durable === undefined) {
      durable = Object.freeze({ ...policy, totalMs: Number.POSITIVE_INFINITY, cutAtTotal: false, maxWaitMs: Number.POSITIVE_INFINITY });
      this.#policies.set(policy, durable);
    }
    return expiresAt === undefined ? durable : { ...durable, totalMs: Math.max(0, expiresAt - this.#engine.runtime.clock.now()) };
  }

  #unknownApi({ operation, previousDelayMs }: ClaimedOperation): Early {
    const because: Because = { code: "not-retryable", detail: `no API named ${operation.api} is defined in this process` };
    const until = this.#engine.runtime.clock.now() + PARK_UNKNOWN_API_MS;
    return { ending: { state: "parked", until, delayMs: previousDelayMs, because } };
  }

  /** What ends it, or puts it off, before anything is sent. */
  #beforeSending(task: Task): Early | undefined | Promise<Early | undefined> {
    const { claimed, open, call, history } = task;
    const last = history.at(-1)?.verdict;
    // Of a key-blind write nobody knows whether it happened: a holder vanished with it, or its last answer was lost.
    const inDoubt = call.details.repeatable === false && (claimed.inDoubt || last?.effect === "unknown");
    return inDoubt || open.mayGo !== undefined ? this.#afterAsking(task, inDoubt) : this.#withoutAsking(task);
  }

  /** What somebody has to be asked about, and then the rest. */
  async #afterAsking(task: Task, inDoubt: boolean): Promise<Early | undefined> {
    const doubtful = inDoubt ? await this.#clearDoubt(task) : undefined;
    if (doubtful !== undefined) return doubtful;
    const { claimed, open } = task;
    if (!this.#isOver(claimed.operation)) {
      const word = (await open.mayGo?.(claimed.operation)) ?? "send";
      if (word === "drop")
        return { ending: { state: "cancelled", because: { code: "cancelled", detail: "what it tells of was never kept" } } };
      if (word === "later") {
        const now = this.#engine.runtime.clock.now();
        const because: Because = {
          code: "backoff",
          attempt: claimed.attempts,
          delayMs: LOOK_AGAIN_MS,
          detail: "what it tells of is not kept yet",
        };
        return { ending: { state: "parked", until: now + LOOK_AGAIN_MS, delayMs: claimed.previousDelayMs, because } };
      }
    }
    return this.#withoutAsking(task);
  }

  #isOver({ expiresAt }: NewOperation): boolean {
    return expiresAt !== undefined && expiresAt <= this.#engine.runtime.clock.now();
  }

  #withoutAsking({ claimed, open, history }: Task): Early | undefined {
    const { operation } = claimed;
    const attempt = claimed.attempts;
    const now = this.#engine.runtime.clock.now();
    if (operation.expiresAt !== undefined && operation.expiresAt <= now) {
      const detail = `it expired ${now - operation.expiresAt} ms before its turn`;
      return { ending: this.#dead(operation, "expired", { code: "deadline", attempt, detail }, EXPIRED, history) };
    }
    const stranger = strangerOf(operation, open);
    if (stranger !== undefined) {
      return { ending: this.#dead(operation, "permanent", { code: "permanent", attempt, detail: stranger }, STRANGER, history) };
    }
    return undefined;
  }

  /** Asks the other side whether it happened. Undefined: it did not, and may be sent. */
  async #clearDoubt(task: Task): Promise<Early | undefined> {
    const { claimed, call, history, signal } = task;
    const { operation, inDoubt, attempts } = claimed;
    const { reconcile, idempotencyKey } = call.details;
    const { clock } = this.#engine.runtime;
    const last = history.at(-1)?.verdict;
    const verdict = inDoubt || last === undefined ? VANISHED : last;
    const dead = (detail: string, all = history): Ending =>
      this.#dead(operation, "outcome-unknown", { code: "outcome-unknown", attempt: attempts, detail }, verdict, all);
    if (reconcile === undefined) return { ending: dead(verdict.because) };
    const startedAt = clock.monotonic();
    const late = new AbortController();
    const timer = clock.setTimer(() => late.abort(new TimeoutError(RECONCILE_MS)), RECONCILE_MS);
    try {
      const asked = Promise.resolve(reconcile({ operation: operation.id, idempotencyKey }));
      const told = await unlessAborted(asked, AbortSignal.any([signal, late.signal]));
      if (told.happened === true) return { ending: await this.#succeeded(told.value, call) };
      if (told.happened !== false) return { ending: dead("the other side could not tell") };
    } catch (error) {
      if (signal.aborted || isHoldfastError(error, "closed")) return { ending: { state: "ready" } };
      return this.#couldNotAsk(task, error, clock.monotonic() - startedAt);
    } finally {
      clock.clearTimer(timer);
    }
    if (attempts < call.maxAttempts) return undefined;
    const because: Because = { code: "attempts-exhausted", attempt: attempts, maxAttempts: call.maxAttempts, detail: verdict.because };
    return { ending: this.#dead(operation, "exhausted", because, { ...verdict, effect: "none" }, history) };
  }

  /** That the other side could not be asked counts as an attempt, so that it is not asked for ever. */
  #couldNotAsk(
    { claimed, call, history }: Task,
    error: unknown,
    durationMs: number,
  ): { readonly ending: Ending; readonly attempt: AttemptRecord } {
    const { clock, random } = this.#engine.runtime;
    const now = clock.now();
    const attempt = claimed.attempts + 1;
    const detail = `asking the other side failed: ${error instanceof Error ? error.message : String(error)}`;
    const verdict: Verdict = { kind: "transient", effect: "unknown", rule: "reconcile-failed", because: detail };
    const delayMs = call.policy.backoff(attempt - 1, claimed.previousDelayMs, random);
    const because: Because = { code: "ask-before-retry", rule: verdict.rule, attempt, maxAttempts: call.maxAttempts, delayMs, detail };
    const record: AttemptRecord = { attempt, startedAt: now - Math.round(durationMs), durationMs, verdict, because };
    if (attempt < call.maxAttempts) return { ending: { state: "parked", until: now + delayMs, delayMs, because }, attempt: record };
    const last: Because = { ...because, code: "outcome-unknown" };
    return { ending: this.#dead(claimed.operation, "outcome-unknown", last, verdict, [...history, record]), attempt: record };
  }

  #endingOf({ claimed, call, history, signal }: Task, step: DurableStep<HttpAnswer>): Ending | Promise<Ending> {
    const { decision, outcome, verdict, record } = step;
    const { operation } = claimed;
    if (decision.action === "succeed") return this.#succeeded(outcome.threw ? undefined : outcome.value, call);
    const all = [...history, record];
    switch (decision.action) {
      case "retry":
      case "park":
        return this.#parked(operation, decision, verdict, all);
      case "refresh":
        return this.#parked(operation, { delayMs: 0, because: decision.because }, verdict, all, claimed.previousDelayMs);
      case "reconcile": {
        const delayMs = call.policy.backoff(call.attempt - 1, call.previousDelayMs, this.#engine.runtime.random);
        return this.#parked(operation, { delayMs, because: { ...decision.because, delayMs } }, verdict, all);
      }
      case "dead-letter":
        // Cut off because the worker stops: the other side can still be asked.
        if (verdict.kind === "cancelled" && signal.aborted && call.details.reconcile !== undefined) {
          return this.#parked(operation, { delayMs: 0, because: { ...decision.because, code: "ask-before-retry" } }, verdict, all);
        }
        return this.#dead(operation, decision.reason, decision.because, verdict, all);
      case "fail":
        if (verdict.kind === "cancelled") return { state: "ready" };
        return this.#dead(operation, "permanent", decision.because, verdict, all);
      case "repair":
        throw new TypeError(`an attempt of the queue does not end with ${decision.action}`);
    }
  }

  async #refresh({ api, credential: refused }: HttpCall, { partition }: NewOperation): Promise<void> {
    const { credential, name } = api;
    await credential?.refresh(this.#engine, refused?.value);
    const { events } = this.#engine.runtime;
    if (events.wants("credential:refreshed")) events.emit("credential:refreshed", { api: name, partition });
  }

  /** It rests until then; or, where its time is over before that, it ends here. */
  #parked(
    operation: NewOperation,
    { delayMs, because }: { readonly delayMs: number; readonly because: Because },
    verdict: Verdict,
    history: readonly AttemptRecord[],
    carriedDelayMs: number = delayMs,
  ): Ending {
    const now = this.#engine.runtime.clock.now();
    const until = now + Math.ceil(delayMs);
    const { expiresAt } = operation;
    if (expiresAt === undefined || until < expiresAt || because.code === "ask-before-retry") {
      return { state: "parked", until, delayMs: carriedDelayMs, because };
    }
    const remainingMs = Math.max(0, expiresAt - now);
    return this.#dead(operation, "expired", { ...because, code: "deadline", remainingMs, retryAfterMs: delayMs }, verdict, history);
  }

  #succeeded(value: HttpAnswer | undefined, call: Call<HttpAnswer, HttpCall>): Ending | Promise<Ending> {
    const keepUntil = this.#engine.runtime.clock.now() + call.payload.api.keyTtlMs;
    if (value === undefined) return { state: "succeeded", keepUntil };
    const ending = (whole: StoredAnswer | undefined): Ending => {
      const answer = whole === undefined || whole.body.length > KEPT_ANSWER_BYTES ? value.outline() : whole;
      return { state: "succeeded", keepUntil, answer };
    };
    if (value.streams) return ending(undefined);
    return value.isRead ? ending(value.storeRead()) : value.store().then(ending);
  }

  #dead(operation: NewOperation, reason: Dead, because: Because, verdict: Verdict, attempts: readonly AttemptRecord[]): Ending {
    const now = this.#engine.runtime.clock.now();
    const { id, api, endpoint, partition, request, labels } = operation;
    const key = keySent(operation, this.#find(api));
    const letter = withFingerprint(
      {
        id,
        api,
        endpoint,
        partition,
        reason,
        because,
        request,
        ...(key === undefined ? {} : { idempotencyKey: key }),
        labels,
        attempts,
        firstAttemptAt: attempts[0]?.startedAt ?? now,
        diedAt: now,
      },
      verdict,
    );
    return { state: "dead", letter };
  }
}

const NO_HISTORY: readonly AttemptRecord[] = Object.freeze([]);
const VANISHED: Verdict = Object.freeze({
  kind: "transient",
  effect: "unknown",
  rule: "holder-vanished",
  because: "a worker vanished while it had this, and may have sent it",
});
const EXPIRED: Verdict = Object.freeze({
  kind: "permanent",
  effect: "none",
  rule: "expired",
  because: "its time was over before it could be sent",
});
const STRANGER: Verdict = Object.freeze({
  kind: "permanent",
  effect: "none",
  rule: "moved",
  because: "the API has moved to another origin since it was accepted",
});
