import type { Runtime } from "../engine/runtime.ts";
import { sleep } from "../ports/clock.ts";
import type { Fenced } from "../ports/idempotency-store.ts";
import type { OperationStore, Settlement } from "../ports/operation-store.ts";
import { Batcher } from "./batcher.ts";
import { storePauseMs } from "./store-pause.ts";

const BATCH = 500;
const BATCHES_AT_ONCE = 2;

/** Writes down what became of operations: what was done must not be forgotten while this process lives. */
export class Settler {
  readonly #runtime: Runtime;
  readonly #failed: (error: unknown) => void;
  readonly #batches: Batcher<Settlement, Fenced>;
  readonly #giveUp = new AbortController();

  constructor(store: OperationStore, runtime: Runtime, failed: (error: unknown) => void) {
    this.#runtime = runtime;
    this.#failed = failed;
    this.#batches = new Batcher((batch) => store.settle(batch), BATCH, BATCHES_AT_ONCE);
  }

  /** Writes until the store has it. Undefined when it was given up: the lease runs out then, and the operation is in doubt. */
  async write(settlement: Settlement): Promise<Fenced | undefined> {
    for (let failures = 0; ; failures += 1) {
      try {
        return await this.#batches.add(settlement);
      } catch (error) {
        this.#failed(error);
      }
      if (this.#giveUp.signal.aborted) return undefined;
      try {
        await sleep(this.#runtime.clock, storePauseMs(failures), this.#giveUp.signal);
      } catch {
        // One last time, at once.
      }
    }
  }

  /** Tries once more what could not be written so far, and no longer. */
  giveUp(): void {
    this.#giveUp.abort();
  }
}
