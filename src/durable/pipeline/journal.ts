import type { Runtime } from "../../engine/runtime.ts";
import { sleep } from "../../ports/clock.ts";
import type { Fenced } from "../../ports/idempotency-store.ts";
import type { OpenResult, OpenRun, StepResult, StepStore } from "../../ports/step-store.ts";
import { Batcher } from "../batcher.ts";
import { storePauseMs } from "../store-pause.ts";
import type { HeldRun } from "./held-run.ts";

type Parameter<Verb extends (items: readonly never[]) => unknown> = Parameters<Verb>[0][number];
type Ending = Parameter<StepStore["end"]>;
type Release = Parameter<StepStore["release"]>;

const BATCH = 500;
const BATCHES_AT_ONCE = 2;

/**
 * Writes down what becomes of runs. The writes of runs that are under way at the same time go together, so that a step
 * costs a share of a commit, not one of its own.
 */
export class Journal {
  readonly #runtime: Runtime;
  readonly #opens: Batcher<OpenRun, OpenResult>;
  readonly #results: Batcher<StepResult, Fenced>;
  readonly #endings: Batcher<Ending, Fenced>;
  readonly #releases: Batcher<Release, Fenced>;

  constructor(store: StepStore, runtime: Runtime) {
    this.#runtime = runtime;
    this.#opens = new Batcher((batch) => store.open(batch), BATCH, BATCHES_AT_ONCE);
    this.#results = new Batcher((batch) => store.finish(batch), BATCH, BATCHES_AT_ONCE);
    this.#endings = new Batcher((batch) => store.end(batch), BATCH, BATCHES_AT_ONCE);
    this.#releases = new Batcher((batch) => store.release(batch), BATCH, BATCHES_AT_ONCE);
  }

  open(request: OpenRun): Promise<OpenResult> {
    return this.#opens.add(request);
  }

  /** What was done must not be forgotten: written until the store has it, or the run is not ours any more. */
  finish(held: HeldRun, result: Omit<StepResult, "run" | "token" | "now">): Promise<Fenced> {
    const { id: run, token } = held;
    return this.#persist(held, () => this.#results.add({ ...result, run, token, now: this.#runtime.clock.now() }));
  }

  end(held: HeldRun, state: Ending["state"], keepMs: number): Promise<Fenced> {
    const { id: run, token } = held;
    const now = this.#runtime.clock.now();
    return this.#persist(held, () => this.#endings.add({ run, token, state, now, keepUntil: now + keepMs }));
  }

  /** Lets go of a run that has not ended. Where the store does not take it, the lease runs out. */
  async release({ id: run, token }: HeldRun): Promise<void> {
    try {
      await this.#releases.add({ run, token });
    } catch (error) {
      this.#failed(error);
    }
  }

  async #persist(held: HeldRun, write: () => Promise<Fenced>): Promise<Fenced> {
    for (let failures = 0; ; failures += 1) {
      try {
        return await write();
      } catch (error) {
        this.#failed(error);
        if (!held.isOurs) throw error;
      }
      await sleep(this.#runtime.clock, storePauseMs(failures));
    }
  }

  #failed(error: unknown): void {
    const { events } = this.#runtime;
    if (events.wants("store:failed")) events.emit("store:failed", { error });
  }
}
