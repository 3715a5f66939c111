import { NotFoundError, OperationFailedError } from "../core/errors.ts";
import type { Because } from "../core/decision.ts";
import type { TimerHandle } from "../ports/clock.ts";
import type { StoredAnswer } from "../ports/idempotency-store.ts";
import type { OperationState, OperationStore, OperationView, Settlement } from "../ports/operation-store.ts";
import type { Runtime } from "../engine/runtime.ts";
import { HttpAnswer } from "./http-answer.ts";

/** An operation that was accepted: it is on disk, and will be done or become a dead letter. */
export interface Operation {
  /** UUIDv7; sent as `X-Request-Id` with every attempt. */
  readonly id: string;
  /** It was accepted before under the same key; this is the first one. */
  readonly known: boolean;
  /** A call (`hf.fetch`) under the same key has its answer already: that is the result, nothing was put into the queue, and `id` names nothing there. */
  readonly answered: boolean;
  /**
   * The answer, once it has succeeded, in whichever process it was done. Of one that is longer than 64 KiB, or came as a stream,
   * only the head is kept.
   * @throws OperationFailedError when it became a dead letter or was cancelled; the signal's reason when the wait is aborted.
   */
  result(options?: { readonly signal?: AbortSignal }): Promise<Response>;
}

const ENDED: ReadonlySet<OperationState> = new Set(["succeeded", "dead", "cancelled"]);
/** The end of an operation that another process works on is found by looking. */
const LOOK_EVERY_MS = 500;
/** Looked at in one go; with more to wait for, each has its turn. */
const LOOKED_AT_ONCE = 100;

/** A store that has not answered for so many looks in a row is not waited for any longer. */
const MOST_FAILED_LOOKS = 20;

interface Waiter {
  resolve(response: Response): void;
  reject(error: unknown): void;
}

/** How an operation ended. */
type Ended =
  | { readonly state: "succeeded"; readonly answer: StoredAnswer | undefined }
  | { readonly state: "dead" | "cancelled"; readonly because: Because | undefined };

/** Who waits for the end of which operation. */
export class OperationResults {
  readonly #store: OperationStore;
  readonly #runtime: Runtime;
  readonly #waiting = new Map<string, Set<Waiter>>();
  #timer: TimerHandle | undefined = undefined;
  #failedLooks = 0;
  #closed: { readonly error: unknown } | undefined = undefined;

  constructor(store: OperationStore, runtime: Runtime) {
    this.#store = store;
    this.#runtime = runtime;
  }

  /** Waits for the end. @throws OperationFailedError, NotFoundError, or the signal's reason */
  async of(id: string, signal: AbortSignal | undefined): Promise<Response> {
    if (this.#closed !== undefined) throw this.#closed.error;
    signal?.throwIfAborted();
    // Whoever waits is put down first, so that no end falls between looking and waiting.
    const waiter = Promise.withResolvers<Response>();
    this.#add(id, waiter);
    const onAbort = (): void => waiter.reject(signal?.reason);
    signal?.addEventListener("abort", onAbort, { once: true });
    try {
      void this.#look([id]);
      return await waiter.promise;
    } finally {
      this.#remove(id, waiter);
      signal?.removeEventListener("abort", onAbort);
    }
  }

  /** Told of what was written down of an operation in this process. */
  settled(id: string, outcome: Settlement["outcome"]): void {
    const waiters = this.#waiting.get(id);
    if (waiters === undefined) return;
    if (outcome.state === "succeeded") tell(waiters, id, { state: "succeeded", answer: outcome.answer });
    else if (outcome.state === "dead") tell(waiters, id, { state: "dead", because: outcome.letter.because });
    else if (outcome.state === "cancelled") tell(waiters, id, { state: "cancelled", because: outcome.because });
  }

  /** Lets go of everybody: the engine closes. */
  close(error: unknown): void {
    this.#closed = { error };
    if (this.#timer !== undefined) this.#runtime.clock.clearTimer(this.#timer);
    for (const waiters of this.#waiting.values()) for (const waiter of waiters) waiter.reject(error);
  }

  #add(id: string, waiter: Waiter): void {
    const waiters = this.#waiting.get(id) ?? new Set();
    this.#waiting.set(id, waiters);
    waiters.add(waiter);
    this.#lookLater();
  }

  #remove(id: string, waiter: Waiter): void {
    const waiters = this.#waiting.get(id);
    waiters?.delete(waiter);
    if (waiters?.size === 0) this.#waiting.delete(id);
    if (this.#waiting.size > 0 || this.#timer === undefined) return;
    this.#runtime.clock.clearTimer(this.#timer);
    this.#timer = undefined;
  }

  #lookLater(): void {
    if (this.#timer !== undefined || this.#closed !== undefined) return;
    this.#timer = this.#runtime.clock.setTimer(() => {
      this.#timer = undefined;
      void this.#lookAtSome();
    }, LOOK_EVERY_MS);
  }

  async #lookAtSome(): Promise<void> {
    const some = [...this.#waiting].slice(0, LOOKED_AT_ONCE);
    // To the end of the line, so that the next look takes others.
    for (const [id, waiters] of some) {
      this.#waiting.delete(id);
      this.#waiting.set(id, waiters);
    }
    await this.#look(some.map(([id]) => id));
    if (this.#waiting.size > 0) this.#lookLater();
  }

  async #look(ids: readonly string[]): Promise<void> {
    await Promise.all(
      ids.map(async (id) => {
        try {
          const view = await this.#store.get(id);
          this.#failedLooks = 0;
          const waiters = this.#waiting.get(id);
          if (waiters === undefined) return;
          if (view === undefined) {
            for (const waiter of waiters)
              waiter.reject(new NotFoundError(`there is no operation ${id}; ended ones are kept only for a while`));
          } else if (ENDED.has(view.state)) {
            tell(waiters, id, endOf(view));
          }
        } catch (error) {
          this.#failedLooks += 1;
          if (this.#failedLooks < MOST_FAILED_LOOKS) return;
          for (const waiter of this.#waiting.get(id) ?? []) waiter.reject(error);
        }
      }),
    );
  }
}

function endOf({ state, answer, because }: OperationView): Ended {
  return state === "succeeded" ? { state, answer } : { state: state === "cancelled" ? state : "dead", because };
}

function tell(waiters: ReadonlySet<Waiter>, id: string, ended: Ended): void {
  for (const waiter of waiters) {
    if (ended.state !== "succeeded") waiter.reject(new OperationFailedError(id, ended.state, ended.because));
    else if (ended.answer === undefined) waiter.resolve(new Response(null, { status: 204 }));
    else waiter.resolve(HttpAnswer.kept(ended.answer).hand(false));
  }
}
