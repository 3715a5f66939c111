import { NotFoundError } from "../core/errors.ts";
import type { LaneBacklog, LaneKey, OperationFilter, OperationState, OperationStore, OperationView } from "../ports/operation-store.ts";
import type { Page } from "../ports/page.ts";
import type { Engine } from "./engine.ts";
import { operationsOf, type QueueDoor } from "./queue-door.ts";

/** The queue, for people: what stands in it, and what may be done about it. */
export class Operations {
  readonly #engine: Engine;
  readonly #queue: () => QueueDoor;

  constructor(engine: Engine, queue: () => QueueDoor) {
    this.#engine = engine;
    this.#queue = queue;
  }

  /** One operation, with every attempt and its reason. @throws NotFoundError */
  async get(id: string): Promise<OperationView> {
    const view = await this.#store.get(id);
    if (view === undefined) throw new NotFoundError(`there is no operation ${id}; ended ones are kept only for a while`);
    return view;
  }

  /** A page, newest first. */
  list(filter: OperationFilter = {}, page: { readonly limit?: number; readonly after?: string } = {}): Promise<Page<OperationView>> {
    return this.#store.list(filter, { limit: page.limit ?? 50, ...(page.after === undefined ? {} : { after: page.after }) });
  }

  /** The answer of an operation that was enqueued before, perhaps by another process. */
  result(id: string, options: { readonly signal?: AbortSignal } = {}): Promise<Response> {
    return this.#queue().result(id, options.signal);
  }

  /** How many stand in each state. */
  stats(): Promise<Readonly<Record<OperationState, number>>> {
    return this.#store.stats();
  }

  /** Lanes with work that has not ended. */
  backlog(): Promise<readonly LaneBacklog[]> {
    return this.#store.backlog(this.#engine.runtime.clock.now());
  }

  /**
   * Ends operations that have not started. One that is under way is `requested`: it is not sent again after this attempt.
   */
  async cancel(ids: readonly string[], reason: string): Promise<readonly ("cancelled" | "requested" | "ended" | "missing")[]> {
    const because = { code: "cancelled", detail: reason } as const;
    const { announceEnd, runtime } = this.#engine;
    for (const id of announceEnd === undefined ? [] : ids) {
      // Told only where it does end so: the callback waits for that.
      const view = await this.#store.get(id);
      if (view?.operation.callback !== undefined) await announceEnd?.(view.operation, view.claim, { state: "cancelled", because });
    }
    return await this.#store.cancel(ids, because, runtime.clock.now());
  }

  /** Stops claims of a lane, in every process, until it is resumed. What is under way goes on. */
  pause(lane: LaneKey): Promise<void> {
    return this.#store.pause(lane, true, this.#engine.runtime.clock.now());
  }

  async resume(lane: LaneKey): Promise<void> {
    await this.#store.pause(lane, false, this.#engine.runtime.clock.now());
    this.#queue().worker.nudge();
  }

  get #store(): OperationStore {
    return operationsOf(this.#engine.store);
  }
}
