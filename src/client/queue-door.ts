import { ConfigError, IdempotencyMismatchError, StoreError } from "../core/errors.ts";
import { Batcher } from "../durable/batcher.ts";
import { storePauseMs } from "../durable/store-pause.ts";
import { Worker } from "../durable/worker.ts";
import { resolveWorkerOptions, type WorkerOptions } from "../engine/worker-options.ts";
import { uuidv7 } from "../engine/uuid.ts";
import { sleep } from "../ports/clock.ts";
import type { Fenced } from "../ports/idempotency-store.ts";
import type { AcceptResult, ClaimedOperation, NewOperation, OperationStore, Settlement } from "../ports/operation-store.ts";
import { CarryOut } from "./carry-out.ts";
import type { Engine, OpenApi } from "./engine.ts";
import { HttpAnswer } from "./http-answer.ts";
import { KeyClaims } from "./key-claims.ts";
import { newOperation, type EnqueueOptions } from "./new-operation.ts";
import { OperationResults, type Operation } from "./operation.ts";

const ACCEPT_BATCH = 500;
const ACCEPTS_AT_ONCE = 2;

/** The third door: work that outlives the process. */
export class QueueDoor {
  readonly worker: Worker;
  readonly #engine: Engine;
  readonly #store: OperationStore;
  readonly #accepts: Batcher<NewOperation, AcceptResult>;
  readonly #results: OperationResults;
  readonly #keys: KeyClaims;

  constructor(engine: Engine, store: OperationStore, find: (name: string) => OpenApi | undefined, options: WorkerOptions) {
    const { runtime } = engine;
    this.#engine = engine;
    this.#store = store;
    this.#accepts = new Batcher((batch) => this.#accept(batch), ACCEPT_BATCH, ACCEPTS_AT_ONCE);
    this.#results = new OperationResults(store, runtime);
    this.#keys = new KeyClaims(engine);
    const carryOut = new CarryOut(engine, store, find);
    this.worker = new Worker(resolveWorkerOptions(options), {
      store,
      runtime,
      name: uuidv7(runtime.clock.now(), runtime.random),
      place({ api, endpoint, partition }) {
        const open = find(api);
        return open === undefined ? undefined : { lane: open.lanes.lane(endpoint, partition), cost: open.api.settings(endpoint).cost };
      },
      execute: async (held, admission, signal) => {
        const settlement = await carryOut.execute(held, admission, signal);
        if (settlement !== undefined && this.#tells(held.claimed, settlement)) await this.#announced(held.claimed, settlement, signal);
        return settlement;
      },
      poison: async (claimed) => {
        const settlement = await carryOut.poison(claimed);
        await this.#announced(claimed, settlement, AbortSignal.abort());
        return settlement;
      },
      settled: (claimed, settlement, result) => this.#settled(claimed, settlement, result),
      failed: (error) => engine.storeFailed(error),
    });
  }

  /** Puts an operation on disk; resolves when it is there. */
  async enqueue({ api }: OpenApi, endpoint: string, options: EnqueueOptions): Promise<Operation> {
    this.#engine.assertOpen();
    const made = newOperation(api, endpoint, options, this.#engine.runtime);
    const operation = made instanceof Promise ? await made : made;
    this.#engine.assertOpen();
    if (operation.callback !== undefined && this.#engine.announceEnd === undefined) {
      throw new ConfigError({
        path: "enqueue.callback",
        message: "enqueue.callback is given, and nothing says how callbacks are signed; give createHoldfast() callbacks: { secret: … }",
      });
    }
    const { tx } = options;
    const claimed = await this.#keys.during(api, operation, () =>
      tx === undefined ? this.#accepts.add(operation) : this.#acceptIn(tx, operation),
    );
    if ("answer" in claimed) {
      const { answer } = claimed;
      return { id: operation.id, known: true, answered: true, result: async () => HttpAnswer.replay(answer).hand(false) };
    }
    const { accepted } = claimed;
    if (accepted.state === "mismatch") throw new IdempotencyMismatchError(operation.idempotencyKey ?? operation.id);
    this.worker.start();
    // What is in a transaction is nobody's business before it commits; then the store tells of it.
    if (accepted.state === "accepted" && tx === undefined && this.#store.inOrder !== true) {
      this.worker.enqueued(operation, operation.dueAt);
    }
    const { id } = accepted;
    return { id, known: accepted.state === "known", answered: false, result: (wait) => this.#results.of(id, wait?.signal) };
  }

  #accept(batch: readonly NewOperation[]): Promise<readonly AcceptResult[]> {
    const results = this.#store.accept(batch);
    if (this.#store.inOrder === true) {
      this.worker.start();
      this.worker.coming(batch);
    }
    return results;
  }

  async #acceptIn(tx: object, operation: NewOperation): Promise<AcceptResult> {
    if (this.#store.acceptIn === undefined) {
      throw new ConfigError({
        path: "enqueue.tx",
        message: `enqueue.tx is given, and the database of the store ${this.#engine.store.name} is nobody else's, so that no transaction of yours can reach it; use postgres() on your own database, or leave it out`,
      });
    }
    const [accepted] = await this.#store.acceptIn(tx, [operation]);
    return accepted as AcceptResult;
  }

  /** The end of an operation that was accepted before. */
  result(id: string, signal: AbortSignal | undefined): Promise<Response> {
    return this.#results.of(id, signal);
  }

  #tells({ operation }: ClaimedOperation, { outcome }: Settlement): boolean {
    return outcome.state === "dead" || operation.callback !== undefined;
  }

  /** Before an end is written somebody may want to hear of it: that is tried as long as what became of the operation could be written. */
  async #announced({ operation, claim }: ClaimedOperation, { outcome }: Settlement, signal: AbortSignal): Promise<void> {
    const { announce, announceEnd } = this.#engine;
    if (outcome.state === "dead" && announce !== undefined) await this.#insisting(() => announce(outcome.letter), signal);
    if (operation.callback === undefined || announceEnd === undefined || outcome.state === "parked" || outcome.state === "ready") return;
    await this.#insisting(() => announceEnd(operation, claim, outcome), signal);
  }

  async #insisting(tell: () => Promise<void>, signal: AbortSignal): Promise<void> {
    for (let failures = 0; ; failures += 1) {
      try {
        return await tell();
      } catch (error) {
        this.#engine.storeFailed(error);
      }
      if (signal.aborted) return;
      await sleep(this.#engine.runtime.clock, storePauseMs(failures), signal).catch(() => undefined);
    }
  }

  /** Ends the worker, then lets go of those who wait. */
  async close(graceMs: number, error: unknown): Promise<void> {
    await this.worker.stop(graceMs);
    this.#results.close(error);
  }

  #settled({ operation }: ClaimedOperation, settlement: Settlement, result: Fenced): void {
    const { events } = this.#engine.runtime;
    const { id, api, endpoint, partition } = operation;
    const { outcome, attempt } = settlement;
    const applied = result === "applied";
    const lane = { api, endpoint, partition };
    if (applied) this.#results.settled(id, outcome);
    if (applied && outcome.state === "dead" && events.wants("dead-letter:added")) {
      const { reason, fingerprint, title } = outcome.letter;
      events.emit("dead-letter:added", { id, api, endpoint, reason, fingerprint, title });
    }
    if (applied && outcome.state === "parked" && attempt !== undefined && events.wants("retry:scheduled")) {
      const delayMs = Math.max(0, outcome.until - settlement.now);
      events.emit("retry:scheduled", { operation: id, lane, attempt: attempt.attempt, delayMs, because: outcome.because });
    }
    if (events.wants("operation:settled")) {
      const ageMs = Math.max(0, settlement.now - operation.acceptedAt);
      events.emit("operation:settled", { id, lane, state: outcome.state, applied, ageMs });
    }
  }
}

/** The queue of a store that has one. @throws StoreError */
export function operationsOf(store: { readonly name: string; readonly operations?: OperationStore }): OperationStore {
  if (store.operations === undefined) throw new StoreError(`the store ${store.name} has no queue; use memory(), sqlite() or postgres()`);
  return store.operations;
}
