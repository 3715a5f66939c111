import { explain, type Explanation } from "../core/explain.ts";
import { ConfigError, DeadlineError, IdempotencyInFlightError, IdempotencyMismatchError, OutcomeUnknownError } from "../core/errors.ts";
import type { Effect } from "../core/verdict.ts";
import type { IdempotencyStore, StoredAnswer } from "../ports/idempotency-store.ts";
import type { TimerHandle } from "../ports/clock.ts";
import type { AbortListener, CallerSignal } from "../ports/leaving.ts";
import type { Reconciled } from "./call.ts";
import { scopes, type Runtime } from "./runtime.ts";
import type { Scope } from "./scope.ts";
import { unlessAborted } from "./unless-aborted.ts";
import { uuidv7 } from "./uuid.ts";

/** One keyed call, as its door describes it. */
export interface KeyedCall<Value> {
  /** As the caller gave it, for messages. */
  readonly key: string;
  /** Scoped by API, endpoint and partition. */
  readonly scopedKey: string;
  readonly fingerprint: string;
  /** How long the answer is kept, ms. */
  readonly ttlMs: number;
  readonly store: IdempotencyStore;
  /** The other side dedupes by this key, or does no harm when it is asked again: so sending again after a doubt is safe. */
  readonly honoured: boolean;
  /**
   * Somebody answers for sending it, whatever an earlier try may have done. Told the answer that is kept under the key, it says
   * whether that is the end that was wanted; one that is not is no reason to send nothing.
   */
  readonly insist?: ((kept: StoredAnswer) => Promise<boolean>) | undefined;
  /** The caller's. */
  readonly signal: CallerSignal | undefined;
  /** Until when this caller waits for the work of another; monotonic ms. */
  readonly deadlineAt: number;
  /** Until when it waits for somebody else of this process who has the key; then, or at once where that is over, it is told that it is in flight. @default as long as it has */
  readonly joinUntil?: number | undefined;
  /**
   * Looks whether the work stands in the queue under this key, once the key is ours; answers how to wait for its end.
   * @throws what its caller is to be told instead
   */
  queued?: (() => Promise<((stop: AbortSignal) => Promise<Value>) | undefined>) | undefined;
  /** Does the work. `signal` aborts when everybody who waited for it has left. */
  run(signal: AbortSignal): Promise<Value>;
  /** Whether anything was sent so far. */
  sent(): boolean;
  /** How the work ended that threw, where it got as far as an attempt. */
  failure(): Explanation | undefined;
  /** The scope that the work runs in, once it does. */
  scope(): Scope | undefined;
  /** The value as it is kept and shared; undefined where it cannot be (it streams, it is too long). */
  encode(value: Value): Promise<StoredAnswer | undefined>;
  /** What can be kept of a value that cannot be kept whole. */
  outline(value: Value): StoredAnswer;
  /** The value again. With an explanation it is a failure that those who waited share; else it was answered before. */
  decode(answer: StoredAnswer, failure: Explanation | undefined): Value;
  /** Lets go of a value that its caller has not waited for. */
  discard(value: Value): void;
  readonly reconcile: (() => Promise<Reconciled<Value>>) | undefined;
  /** Told when a stored answer stands in for a call. */
  replayed(): void;
  /** An earlier holder vanished and nobody can say what it did: keeps that as a dead letter, and answers its id. */
  doubt(): Promise<string | undefined>;
}

/** How long a try holds its key without a word; it says one every third of that. */
const LEASE_MS = 60_000;
/** Doubts whose dead letter is remembered, so that a repeat does not make another. */
const KNOWN_DOUBTS = 1_000;
/** No answer is kept for so long: seen from there, every one has expired. */
const PAST_EVERY_ANSWER_MS = 100 * 365 * 86_400_000;

/** What came of the work, for those who wait beside its first caller. */
type Ended =
  | { readonly how: "answered"; readonly answer: StoredAnswer; readonly failure: Explanation | undefined }
  | { readonly how: "threw"; readonly error: unknown }
  /** There is nothing to share: each has to ask for itself. */
  | { readonly how: "unshareable" };

interface Worked<Value> {
  readonly value: Value;
  readonly ended: Ended;
}

/** Work under way under one key, and how many wait for it. */
interface Running {
  readonly fingerprint: string;
  readonly stop: AbortController;
  readonly call: Pick<KeyedCall<never>, "scope" | "sent">;
  waiting: number;
  ended: Promise<Ended>;
}

/**
 * Step 2 of the lifecycle: work under a key is done once. Calls of this process that meet under one key share the work and what
 * comes of it, its failure too; the store speaks for all others, and for the past.
 *
 * The work belongs to all who wait for it. One who aborts leaves at once and the others do not notice; when the last has left, the
 * work is stopped, and if it was on its way already, its outcome is in doubt like that of any call that is cut off.
 */
export class IdempotencyGuard {
  readonly #runtime: Runtime;
  readonly #running = new Map<string, Running>();
  readonly #doubts = new Map<string, string>();

  constructor(runtime: Runtime) {
    this.#runtime = runtime;
  }

  async guard<Value>(call: KeyedCall<Value>): Promise<Value> {
    for (;;) {
      call.signal?.throwIfAborted();
      const running = this.#running.get(call.scopedKey);
      if (running === undefined) return await this.#first(call);
      if (running.fingerprint !== call.fingerprint) throw new IdempotencyMismatchError(call.key);
      refuseOwn(running, call.key);
      if (running.stop.signal.aborted) {
        // Everybody has left it, and it is being wound up; what comes of that is not for those who come now.
        await unlessAborted(running.ended, call.signal);
        continue;
      }
      if (call.joinUntil !== undefined && this.#runtime.clock.monotonic() >= call.joinUntil) throw inFlight(call.key);
      const ended = await this.#wait(running, running.ended, call);
      switch (ended.how) {
        case "answered":
          if (ended.failure === undefined) call.replayed();
          return call.decode(ended.answer, ended.failure);
        case "threw":
          throw ended.error;
        case "unshareable":
          // Whoever comes first goes next.
          break;
      }
    }
  }

  /** The first of this process: others wait with it. */
  async #first<Value>(call: KeyedCall<Value>): Promise<Value> {
    const running: Running = {
      fingerprint: call.fingerprint,
      stop: new AbortController(),
      call,
      waiting: 0,
      ended: Promise.resolve({ how: "unshareable" }),
    };
    this.#running.set(call.scopedKey, running);
    const work = this.#claimed(call, running.stop.signal).finally(() => this.#running.delete(call.scopedKey));
    running.ended = work.then(
      ({ ended }) => ended,
      (error: unknown) => ({ how: "threw", error }),
    );
    let taken = false;
    try {
      const { value } = await this.#wait(running, work, { key: call.key, signal: call.signal, deadlineAt: Number.POSITIVE_INFINITY });
      taken = true;
      return value;
    } finally {
      if (!taken) work.then(({ value }) => call.discard(value)).catch(() => undefined);
    }
  }

  /**
   * Waits for work together with others. Who leaves last stops it, and learns what became of it if anything was sent: a doubt is
   * kept before its caller hears of it.
   */
  #wait<Result>(
    running: Running,
    result: Promise<Result>,
    caller: Pick<KeyedCall<never>, "key" | "signal" | "deadlineAt" | "joinUntil">,
  ): Promise<Result> {
    const { aborts, clock } = this.#runtime;
    const { key, signal, deadlineAt, joinUntil = Number.POSITIVE_INFINITY } = caller;
    const until = Math.min(deadlineAt, joinUntil);
    running.waiting += 1;
    return new Promise<Result>((resolve, reject) => {
      let timer: TimerHandle | undefined;
      let waits = true;
      const stopWaiting = (): boolean => {
        if (!waits) return false;
        waits = false;
        running.waiting -= 1;
        if (signal !== undefined) aborts.remove(signal, listener);
        if (timer !== undefined) clock.clearTimer(timer);
        return true;
      };
      const leave = (reason: unknown): void => {
        if (!stopWaiting()) return;
        if (running.waiting === 0) running.stop.abort(reason);
        if (running.waiting > 0 || !running.call.sent()) reject(reason);
      };
      const listener: AbortListener = { onAborted: leave };
      if (signal !== undefined) aborts.add(signal, listener);
      if (until !== Number.POSITIVE_INFINITY) {
        timer = clock.setTimer(() => leave(joinUntil < deadlineAt ? inFlight(key) : late()), Math.max(0, until - clock.monotonic()));
      }
      result.finally(stopWaiting).then(resolve, reject);
    });
  }

  async #claimed<Value>(call: KeyedCall<Value>, stop: AbortSignal): Promise<Worked<Value>> {
    const { clock, random } = this.#runtime;
    const token = uuidv7(clock.now(), random);
    const now = clock.now();
    const { key, scopedKey, fingerprint, store } = call;
    const request = { key: scopedKey, fingerprint, token, now, leaseUntil: now + LEASE_MS };
    let [begun] = await store.begin([request]);
    if (begun?.state === "done" && call.insist !== undefined && !(await call.insist(begun.answer))) {
      [begun] = await store.begin([{ ...request, now: now + PAST_EVERY_ANSWER_MS }]);
    }
    switch (begun?.state) {
      case "mismatch":
        throw new IdempotencyMismatchError(key);
      case "running":
        throw new IdempotencyInFlightError(key, Math.max(1, begun.leaseUntil - now));
      case "done":
        call.replayed();
        return { value: call.decode(begun.answer, undefined), ended: { how: "answered", answer: begun.answer, failure: undefined } };
      case "claimed":
        return await this.#work(call, token, stop, begun.earlier === "unknown" && !call.honoured && call.insist === undefined);
      case undefined:
        throw new TypeError("the store answered no result for one begin request");
    }
  }

  async #work<Value>(call: KeyedCall<Value>, token: string, stop: AbortSignal, inDoubt: boolean): Promise<Worked<Value>> {
    const stopHolding = this.#hold(call, token);
    try {
      const waitFor = await this.#lookIntoQueue(call, token);
      if (waitFor !== undefined) return await this.#shared(call, await waitFor(stop));
      const told = inDoubt ? await this.#askBeforeSending(call, token) : undefined;
      return await this.#finish(call, token, told === undefined ? await this.#send(call, token, stop) : told.value);
    } finally {
      stopHolding();
    }
  }

  /** What is in the queue is the queue's: the key is given back. */
  async #lookIntoQueue<Value>(call: KeyedCall<Value>, token: string): Promise<((stop: AbortSignal) => Promise<Value>) | undefined> {
    if (call.queued === undefined) return undefined;
    let found: ((stop: AbortSignal) => Promise<Value>) | undefined;
    try {
      found = await call.queued();
    } catch (error) {
      await this.#release(call, token);
      throw error;
    }
    if (found !== undefined) await this.#release(call, token);
    return found;
  }

  async #shared<Value>(call: KeyedCall<Value>, value: Value): Promise<Worked<Value>> {
    const answer = await call.encode(value);
    call.replayed();
    return { value, ended: answer === undefined ? { how: "unshareable" } : { how: "answered", answer, failure: undefined } };
  }

  async #send<Value>(call: KeyedCall<Value>, token: string, stop: AbortSignal): Promise<Value> {
    try {
      return await call.run(stop);
    } catch (error) {
      // Not what hangs on the error: a reason to abort is often one for many calls, and tells of the last of them.
      const found = call.failure();
      await this.#letGo(call, token, found?.verdict?.effect ?? (call.sent() ? "unknown" : "none"), found);
      throw error;
    }
  }

  /** Somebody sent this before and never told how it ended. The other side may know; else nothing is sent. */
  async #askBeforeSending<Value>(call: KeyedCall<Value>, token: string): Promise<{ readonly value: Value } | undefined> {
    let told: Reconciled<Value> = { happened: "unknown" };
    let cause: unknown;
    try {
      if (call.reconcile !== undefined) told = await call.reconcile();
    } catch (error) {
      cause = error;
    }
    if (told.happened === true) return { value: told.value };
    if (told.happened === false) return undefined;
    await this.#release(call, token);
    const deadLetter = this.#doubts.get(call.scopedKey) ?? (await call.doubt());
    this.#rememberDoubt(call.scopedKey, deadLetter);
    throw new OutcomeUnknownError(call.key, {
      because: { code: "outcome-unknown", ...(deadLetter === undefined ? {} : { detail: `dead letter ${deadLetter}` }) },
      ...(cause === undefined ? {} : { cause }),
    });
  }

  /** Keeps a definite answer; gives the key back for one that is none. */
  async #finish<Value>(call: KeyedCall<Value>, token: string, value: Value): Promise<Worked<Value>> {
    const found = explain(value);
    const failure = found?.outcome === "failed" ? found : undefined;
    const effect = failure === undefined ? "done" : (failure.verdict?.effect ?? "done");
    const answer = await call.encode(value);
    if (effect !== "done") {
      await this.#letGo(call, token, effect, found);
    } else if (answer === undefined && call.honoured) {
      // Who repeats it asks the other side again, which knows it.
      await this.#release(call, token);
    } else {
      const now = this.#runtime.clock.now();
      const kept = answer ?? call.outline(value);
      this.#doubts.delete(call.scopedKey);
      await this.#tell(() =>
        call.store.finish([{ key: call.scopedKey, token, state: "done", answer: kept, expiresAt: now + call.ttlMs, now }]),
      );
      return { value, ended: { how: "answered", answer: kept, failure } };
    }
    return { value, ended: answer === undefined ? { how: "unshareable" } : { how: "answered", answer, failure } };
  }

  async #letGo<Value>(call: KeyedCall<Value>, token: string, effect: Effect, found: Explanation | undefined): Promise<void> {
    if (effect === "unknown" && !call.honoured) {
      this.#rememberDoubt(call.scopedKey, found?.deadLetter);
      const now = this.#runtime.clock.now();
      await this.#tell(() => call.store.finish([{ key: call.scopedKey, token, state: "unknown", now }]));
    } else {
      await this.#release(call, token);
    }
  }

  #release<Value>({ store, scopedKey }: KeyedCall<Value>, token: string): Promise<void> {
    return this.#tell(() => store.release([{ key: scopedKey, token }]));
  }

  /**
   * Writes down how the work ended. A store that fails now must hide neither the answer nor the error that the caller waits for:
   * the lease runs out, and the key is in doubt, so nothing is sent twice for it.
   */
  async #tell(write: () => Promise<unknown>): Promise<void> {
    try {
      await write();
    } catch (error) {
      const { events } = this.#runtime;
      if (events.wants("store:failed")) events.emit("store:failed", { error });
    }
  }

  #rememberDoubt(scopedKey: string, deadLetter: string | undefined): void {
    if (deadLetter === undefined) return;
    this.#doubts.set(scopedKey, deadLetter);
    if (this.#doubts.size <= KNOWN_DOUBTS) return;
    const oldest = this.#doubts.keys().next();
    if (oldest.done !== true) this.#doubts.delete(oldest.value);
  }

  /** Extends the lease while the work goes on. */
  #hold<Value>({ store, scopedKey }: KeyedCall<Value>, token: string): () => void {
    const { clock } = this.#runtime;
    let timer = clock.setTimer(beat, LEASE_MS / 3);
    function beat(): void {
      // A lease that cannot be extended runs out, and then the outcome is in doubt: which is what it would be.
      store.extend([{ key: scopedKey, token, leaseUntil: clock.now() + LEASE_MS }]).catch(() => undefined);
      timer = clock.setTimer(beat, LEASE_MS / 3);
      clock.hold?.(timer, false);
    }
    clock.hold?.(timer, false);
    return () => clock.clearTimer(timer);
  }
}

/** Work that waits for itself would wait for ever. */
function refuseOwn({ call }: Running, key: string): void {
  const own = call.scope();
  if (own === undefined) return;
  for (let scope = scopes.getStore(); scope !== undefined; scope = scope.parent) {
    if (scope === own) {
      throw new ConfigError({
        path: "idempotencyKey",
        message: `the work under the idempotency key ${JSON.stringify(key)} calls itself under the same key, and would wait for itself; give what is inside a key of its own`,
      });
    }
  }
}

/** When somebody who does not wait may ask again: nobody knows when the other will be through. */
const ASK_AGAIN_MS = 1_000;

function inFlight(key: string): IdempotencyInFlightError {
  return new IdempotencyInFlightError(key, ASK_AGAIN_MS);
}

function late(): DeadlineError {
  return new DeadlineError(
    "the deadline of this call (timeout.total, or that of a task or call around) was over while it waited for another under the same idempotency key",
  );
}
