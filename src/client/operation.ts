import { NotFoundError, OperationFailedError } from "../core/errors.ts";
import type { TimerHandle } from "../ports/clock.ts";
import type { OperationState, OperationStore, OperationView } from "../ports/operation-store.ts";
import type { Runtime } from "../engine/runtime.ts";
import { HttpAnswer } from "./http-answer.ts";

/** An operation that was accepted: it is on disk, and will be done or become a dead letter. */
export interface Operation {
  /** UUIDv7; sent as `X-Request-Id` with every attempt. */
  readonly id: string;
  /** It was accepted before under the same key; this is the first one. */
  readonly known: boolean;
  /**
   * The answer, once it has succeeded. Resolves in whichever process it was done.
   * @throws OperationFailedError when it became a dead letter or was cancelled; the signal's reason when the wait is aborted.
   */
  result(options?: { readonly signal?: AbortSignal }): Promise<Response>;
}

const ENDED: ReadonlySet<OperationState> = new Set(["succeeded", "dead", "cancelled"]);
/** The end of an operation that another process works on is found by looking. */
const LOOK_EVERY_MS = 500;

interface Waiter {
  resolve(response: Response): void;
  reject(error: unknown): void;
}

/** Who waits for the end of which operation. */
export class OperationResults {
  readonly #store: OperationStore;
  readonly #runtime: Runtime;
  readonly #waiters = new Map<string, Set<Waiter>>();
  #timer: TimerHandle | undefined = undefined;

  constructor(store: OperationStore, runtime: Runtime) {
    this.#store = store;
    this.#runtime = runtime;
  }

  async of(id: string, signal: AbortSignal | undefined): Promise<Response> {
    signal?.throwIfAborted();
    const view = await this.#store.get(id);
    if (view === undefined) throw new NotFoundError(`there is no operation ${id}; ended ones are kept only for a while`);
    if (ENDED.has(view.state)) return resultOf(view);
    return await new Promise<Response>((resolve, reject) => {
      const waiters = this.#waiters.get(id) ?? new Set();
      const waiter: Waiter = { resolve, reject };
      waiters.add(waiter);
      this.#waiters.set(id, waiters);
      signal?.addEventListener(
        "abort",
        () => {
          waiters.delete(waiter);
          reject(signal.reason as Error);
        },
        { once: true },
      );
      this.#look();
    });
  }

  /** Told that an operation has ended in this process. */
  ended(id: string): void {
    if (this.#waiters.has(id)) void this.#tell(id);
  }

  /** Lets go of everybody: the engine closes. */
  close(error: unknown): void {
    if (this.#timer !== undefined) this.#runtime.clock.clearTimer(this.#timer);
    for (const waiters of this.#waiters.values()) for (const waiter of waiters) waiter.reject(error);
    this.#waiters.clear();
  }

  async #tell(id: string): Promise<void> {
    try {
      const view = await this.#store.get(id);
      if (view !== undefined && !ENDED.has(view.state)) return;
      const waiters = this.#waiters.get(id) ?? [];
      this.#waiters.delete(id);
      for (const waiter of waiters) settle(waiter, view, id);
    } catch (error) {
      const waiters = this.#waiters.get(id) ?? [];
      this.#waiters.delete(id);
      for (const waiter of waiters) waiter.reject(error);
    }
  }

  #look(): void {
    if (this.#timer !== undefined) return;
    this.#timer = this.#runtime.clock.setTimer(() => {
      this.#timer = undefined;
      void Promise.all([...this.#waiters.keys()].map((id) => this.#tell(id))).then(() => {
        if (this.#waiters.size > 0) this.#look();
      });
    }, LOOK_EVERY_MS);
  }
}

function settle(waiter: Waiter, view: OperationView | undefined, id: string): void {
  try {
    if (view === undefined) throw new NotFoundError(`the operation ${id} ended and is no longer kept`);
    waiter.resolve(resultOf(view));
  } catch (error) {
    waiter.reject(error);
  }
}

function resultOf(view: OperationView): Response {
  const { operation, state, because, answer } = view;
  if (state === "succeeded") return answer === undefined ? new Response(null, { status: 204 }) : HttpAnswer.kept(answer).hand(false);
  throw new OperationFailedError(operation.id, state === "cancelled" ? "cancelled" : "dead", because);
}
