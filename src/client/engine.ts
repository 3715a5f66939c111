import type { ResolvedApi } from "../api/resolve-api.ts";
import { ClosedError } from "../core/errors.ts";
import type { Verdict } from "../core/verdict.ts";
import type { CallDetails, Keep } from "../engine/call.ts";
import { IdempotencyGuard } from "../engine/idempotent-call.ts";
import type { LaneRegistry } from "../engine/lane-registry.ts";
import type { Runtime } from "../engine/runtime.ts";
import { fingerprint } from "../policy/fingerprint/fingerprint.ts";
import type { IdempotencyStore } from "../ports/idempotency-store.ts";
import type { NewDeadLetter, StoredRequest } from "../ports/dead-letter-store.ts";
import type { NewOperation, OperationView } from "../ports/operation-store.ts";
import type { Store } from "../ports/store.ts";
import type { Clock } from "../ports/clock.ts";
import type { Transport } from "../ports/transport.ts";
import type { Callbacks } from "./callbacks.ts";
import type { Sign } from "./http-work.ts";
import { SdkLoops } from "./sdk-loop.ts";
import type { Durability } from "../api/api-options.ts";

/** An API and its lanes. */
export interface OpenApi {
  readonly api: ResolvedApi;
  readonly lanes: LaneRegistry;
  /** Signs what is sent to it. */
  readonly sign?: Sign;
  /** Asked before an operation of the queue is sent. */
  readonly mayGo?: (operation: NewOperation) => Promise<"send" | "later" | "drop">;
  /** Carries what is sent to it, in place of the engine's. */
  readonly transport?: Transport;
}

/** What the doors of one `createHoldfast` share. */
export class Engine {
  readonly runtime: Runtime;
  readonly store: Store;
  readonly transport: Transport;
  readonly clock: Clock;
  /** The end of an operation of the queue. */
  readonly resultOf: (id: string, signal: AbortSignal) => Promise<Response>;
  readonly guard: IdempotencyGuard;
  readonly loops: SdkLoops = new SdkLoops();
  /** Told of a letter right before it is kept, where somebody wants to hear of each. */
  announce: ((letter: NewDeadLetter) => Promise<void>) | undefined = undefined;
  /** Told of the end of a queued operation right before it is written, where operations may name a callback. */
  announceEnd: Callbacks["announce"] | undefined = undefined;
  /** Keys of calls that need not outlive the process. */
  readonly #forgetful: IdempotencyStore;
  #closed = false;
  #underWay = 0;
  /** Who waits until nothing is under way. */
  readonly #idle: (() => void)[] = [];

  constructor(parts: {
    readonly runtime: Runtime;
    readonly store: Store;
    readonly forgetful: IdempotencyStore;
    readonly transport: Transport;
    readonly resultOf: Engine["resultOf"];
  }) {
    this.runtime = parts.runtime;
    this.store = parts.store;
    this.transport = parts.transport;
    this.resultOf = parts.resultOf;
    this.clock = parts.runtime.clock;
    this.#forgetful = parts.forgetful;
    this.guard = new IdempotencyGuard(parts.runtime);
  }

  /** Where the keys of a call are kept: on disk only if it asked to be there before it is sent. */
  keysFor(durability: Durability): IdempotencyStore {
    return durability === "before-send" ? this.store.idempotency : this.#forgetful;
  }

  /** Puts a dead letter into the store, and tells of it. */
  readonly keep: Keep = async (letter, verdict) => {
    const complete = withFingerprint(letter, verdict);
    // The letter matters more than that somebody hears of it.
    await this.announce?.(complete).catch((error: unknown) => this.storeFailed(error));
    await this.store.deadLetters.add([complete]);
    const { events } = this.runtime;
    if (events.wants("dead-letter:added")) {
      const { id, api, endpoint, reason, title } = complete;
      events.emit("dead-letter:added", { id, api, endpoint, reason, fingerprint: complete.fingerprint, title });
    }
  };

  /**
   * Keeps the doubt that an earlier process left: it sent something under this key and never told how it ended. Answers the
   * dead letter's id, or undefined where nothing is kept.
   */
  async keepDoubt<Value>(operation: string, details: CallDetails<Value>, request: StoredRequest | undefined): Promise<string | undefined> {
    const { keep, labels = {}, idempotencyKey, lane, operationName } = details;
    if (keep === undefined) return undefined;
    const { api, endpoint, partition } = lane?.ref ?? { api: "", endpoint: "", partition: "" };
    const verdict: Verdict = {
      kind: "transient",
      effect: "unknown",
      rule: "holder-vanished",
      because: "an earlier process sent this and never told how it ended",
    };
    const now = this.runtime.clock.now();
    const letter = {
      id: operation,
      api,
      endpoint,
      partition,
      reason: "outcome-unknown",
      because: { code: "outcome-unknown", rule: verdict.rule, detail: verdict.because },
      ...(request === undefined ? {} : { request }),
      ...(operationName === undefined ? {} : { operation: operationName }),
      ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
      labels,
      attempts: [],
      firstAttemptAt: now,
      diedAt: now,
    } as const;
    await keep(letter, verdict);
    return operation;
  }

  /**
   * What stands in the queue under a key; undefined where nothing does. One read, for calls that bring a key. Whoever finds something
   * waits for its end by `resultOf`.
   */
  async queuedUnder(api: string, key: string): Promise<OperationView | undefined> {
    const page = await this.store.operations?.list({ api, idempotencyKey: key }, { limit: 1 });
    return page?.items[0];
  }

  storeFailed(error: unknown): void {
    const { events } = this.runtime;
    if (events.wants("store:failed")) events.emit("store:failed", { error });
  }

  /** Tells that a stored answer stood in for a call. */
  tellReplayed(operation: string, api: string, key: string): void {
    const { events } = this.runtime;
    if (events.wants("idempotency:replayed")) events.emit("idempotency:replayed", { operation, api, key });
  }

  assertOpen(): void {
    if (this.#closed) throw new ClosedError();
  }

  /** A call begins that may have something to keep when it ends; `ended` must follow. */
  begun(): void {
    this.assertOpen();
    this.#underWay += 1;
  }

  readonly ended = (): void => {
    this.#underWay -= 1;
    if (this.#underWay === 0) for (const tell of this.#idle.splice(0)) tell();
  };

  /** Waits until what has begun has ended, so that it can still be kept; no longer than `graceMs`. */
  async settled(graceMs: number): Promise<void> {
    if (this.#underWay === 0) return;
    const { clock } = this.runtime;
    await new Promise<void>((resolve) => {
      const timer = clock.setTimer(resolve, graceMs);
      this.#idle.push(() => {
        clock.clearTimer(timer);
        resolve();
      });
    });
  }

  /** From now on every call is refused; what is under way goes on. */
  refuseCalls(): void {
    this.#closed = true;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.store.close();
  }
}

/** A dead letter with the group it belongs to. */
export function withFingerprint(letter: Omit<NewDeadLetter, "fingerprint" | "title">, verdict: Verdict): NewDeadLetter {
  const excerpt = letter.attempts.at(-1)?.bodyExcerpt;
  const group = fingerprint({
    api: letter.api,
    endpoint: letter.endpoint,
    kind: verdict.kind,
    status: verdict.status,
    code: verdict.code,
    message: excerpt ?? verdict.because,
  });
  return { ...letter, ...group };
}
