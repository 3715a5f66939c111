import { explain } from "../core/explain.ts";
import { IdempotencyInFlightError, IdempotencyMismatchError, OutcomeUnknownError } from "../core/errors.ts";
import type { IdempotencyStore, StoredAnswer } from "../ports/idempotency-store.ts";
import type { Reconciled } from "./call.ts";
import type { Runtime } from "./runtime.ts";
import { unlessAborted } from "./unless-aborted.ts";
import { uuidv7 } from "./uuid.ts";

/** One keyed call, as its door describes it. */
export interface KeyedCall<Value> {
  /** As the caller gave it, for messages. */
  readonly key: string;
  /** Scoped by API and endpoint. */
  readonly scopedKey: string;
  readonly fingerprint: string;
  /** How long the answer is kept, ms. */
  readonly ttlMs: number;
  readonly store: IdempotencyStore;
  /** The other side dedupes by this key, so sending again after a doubt is safe. */
  readonly honoured: boolean;
  readonly signal: AbortSignal | undefined;
  /** The answer as it is kept; undefined for one that is not (it is no definite answer, or it streams). */
  encode(value: Value): Promise<StoredAnswer | undefined>;
  decode(answer: StoredAnswer): Value;
  /** Does the work. */
  run(): Promise<Value>;
  /** Whether anything was sent by the time that `run` ended without an explanation. */
  sent(): boolean;
  readonly reconcile: (() => Promise<Reconciled<Value>>) | undefined;
  /** Told when a stored answer stands in for a call. */
  replayed(): void;
  /** An earlier holder vanished and nobody can say what it did: keeps that as a dead letter, and answers its id. */
  doubt(): Promise<string | undefined>;
}

/** How long a try holds its key without a word; it says one every third of that. */
const LEASE_MS = 60_000;

interface Running {
  readonly fingerprint: string;
  readonly answer: Promise<StoredAnswer | undefined>;
}

/**
 * Step 2 of the lifecycle: work under a key is done once. Calls of this process that meet under one key share the answer;
 * the store speaks for all others, and for the past.
 */
export class IdempotencyGuard {
  readonly #runtime: Runtime;
  readonly #running = new Map<string, Running>();

  constructor(runtime: Runtime) {
    this.#runtime = runtime;
  }

  async guard<Value>(call: KeyedCall<Value>): Promise<Value> {
    for (;;) {
      const running = this.#running.get(call.scopedKey);
      if (running === undefined) return await this.#first(call);
      if (running.fingerprint !== call.fingerprint) throw new IdempotencyMismatchError(call.key);
      const answer = await unlessAborted(running.answer, call.signal);
      if (answer !== undefined) {
        call.replayed();
        return call.decode(answer);
      }
      // It ended without an answer to share. Whoever comes first tries again.
    }
  }

  /** The first of this process: others wait for its answer. */
  async #first<Value>(call: KeyedCall<Value>): Promise<Value> {
    let share: (answer: StoredAnswer | undefined) => void = () => undefined;
    const running: Running = { fingerprint: call.fingerprint, answer: new Promise((resolve) => (share = resolve)) };
    this.#running.set(call.scopedKey, running);
    let shared: StoredAnswer | undefined;
    try {
      const { value, answer } = await this.#claimed(call);
      shared = answer;
      return value;
    } finally {
      this.#running.delete(call.scopedKey);
      share(shared);
    }
  }

  async #claimed<Value>(call: KeyedCall<Value>): Promise<{ readonly value: Value; readonly answer: StoredAnswer | undefined }> {
    const { clock, random } = this.#runtime;
    const token = uuidv7(clock.now(), random);
    const now = clock.now();
    const { key, scopedKey, fingerprint, store } = call;
    const [begun] = await store.begin([{ key: scopedKey, fingerprint, token, now, leaseUntil: now + LEASE_MS }]);
    switch (begun?.state) {
      case "mismatch":
        throw new IdempotencyMismatchError(key);
      case "running":
        throw new IdempotencyInFlightError(key, Math.max(1, begun.leaseUntil - now));
      case "done":
        call.replayed();
        return { value: call.decode(begun.answer), answer: begun.answer };
      case "claimed":
        return await this.#work(call, token, begun.earlier);
      case undefined:
        throw new TypeError("the store answered no result for one begin request");
    }
  }

  async #work<Value>(
    call: KeyedCall<Value>,
    token: string,
    earlier: "none" | "unknown",
  ): Promise<{ readonly value: Value; readonly answer: StoredAnswer | undefined }> {
    if (earlier === "unknown" && !call.honoured) {
      const told = await this.#askBeforeSending(call, token);
      if (told !== undefined) return told;
    }
    const stopHolding = this.#hold(call, token);
    try {
      const value = await call.run();
      stopHolding();
      return { value, answer: await this.#finish(call, token, value) };
    } catch (error) {
      stopHolding();
      const effect = explain(error)?.verdict?.effect ?? (call.sent() ? "unknown" : "none");
      await this.#letGo(call, token, effect);
      throw error;
    }
  }

  /** Somebody sent this before and never told how it ended. The other side may know; else nothing is sent. */
  async #askBeforeSending<Value>(
    call: KeyedCall<Value>,
    token: string,
  ): Promise<{ readonly value: Value; readonly answer: StoredAnswer | undefined } | undefined> {
    let told: Reconciled<Value> = { happened: "unknown" };
    try {
      if (call.reconcile !== undefined) told = await call.reconcile();
    } catch (error) {
      await this.#letGo(call, token, "unknown");
      throw error;
    }
    if (told.happened === false) return undefined;
    if (told.happened === true) return { value: told.value, answer: await this.#finish(call, token, told.value) };
    await this.#letGo(call, token, "unknown");
    const deadLetter = await call.doubt();
    throw new OutcomeUnknownError(call.key, {
      because: { code: "outcome-unknown", ...(deadLetter === undefined ? {} : { detail: `dead letter ${deadLetter}` }) },
    });
  }

  /** Keeps a definite answer; gives the key back for one that is none. */
  async #finish<Value>(call: KeyedCall<Value>, token: string, value: Value): Promise<StoredAnswer | undefined> {
    const found = explain(value);
    const failed = found?.outcome === "failed";
    const effect = found?.verdict?.effect ?? "done";
    const answer = failed && effect !== "done" ? undefined : await call.encode(value);
    const now = this.#runtime.clock.now();
    if (answer === undefined) await this.#letGo(call, token, failed ? effect : "none");
    else await call.store.finish([{ key: call.scopedKey, token, state: "done", answer, expiresAt: now + call.ttlMs, now }]);
    return answer;
  }

  async #letGo<Value>({ store, scopedKey, honoured }: KeyedCall<Value>, token: string, effect: "none" | "unknown" | "done"): Promise<void> {
    const now = this.#runtime.clock.now();
    if (effect === "unknown" && !honoured) await store.finish([{ key: scopedKey, token, state: "unknown", now }]);
    else await store.release([{ key: scopedKey, token }]);
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
