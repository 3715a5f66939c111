import type { Runtime } from "../../engine/runtime.ts";
import type { TimerHandle } from "../../ports/clock.ts";
import type { StepStore } from "../../ports/step-store.ts";
import type { HeldRun } from "./held-run.ts";

const SWEEP_BATCH = 1_000;
/** Ended runs are kept for days; when exactly they go is nobody's concern. */
const SWEEP_EVERY_MS = 60_000;

/** How long a run is held without a word. A process that vanished loses its runs after it. */
export const RUN_LEASE_MS = 60_000;

/** Extends the leases of the runs that this process holds, three times in the length of one, and sweeps those that are over. */
export class RunKeeper {
  readonly #store: StepStore;
  readonly #runtime: Runtime;
  readonly #held = new Set<HeldRun>();
  #timer: TimerHandle | undefined = undefined;
  #looking = false;
  #sweptAt = Number.NEGATIVE_INFINITY;

  constructor(store: StepStore, runtime: Runtime) {
    this.#store = store;
    this.#runtime = runtime;
  }

  add(held: HeldRun): void {
    this.#held.add(held);
    this.#lookLater();
    const { clock } = this.#runtime;
    if (clock.monotonic() - this.#sweptAt < SWEEP_EVERY_MS) return;
    this.#sweptAt = clock.monotonic();
    void this.#sweep();
  }

  delete(held: HeldRun): void {
    this.#held.delete(held);
    if (this.#held.size > 0 || this.#timer === undefined) return;
    this.#runtime.clock.clearTimer(this.#timer);
    this.#timer = undefined;
  }

  #lookLater(): void {
    if (this.#looking || this.#timer !== undefined || this.#held.size === 0) return;
    const { clock } = this.#runtime;
    this.#timer = clock.setTimer(() => void this.#look(), RUN_LEASE_MS / 3);
    // The runs themselves keep the process alive, where anything does.
    clock.hold?.(this.#timer, false);
  }

  async #look(): Promise<void> {
    this.#timer = undefined;
    this.#looking = true;
    try {
      await this.#extend();
    } catch (error) {
      this.#failed(error);
    }
    this.#looking = false;
    this.#lookLater();
  }

  async #sweep(): Promise<void> {
    try {
      while ((await this.#store.sweep(this.#runtime.clock.now(), SWEEP_BATCH)) === SWEEP_BATCH);
    } catch (error) {
      this.#failed(error);
    }
  }

  #failed(error: unknown): void {
    const { events } = this.#runtime;
    if (events.wants("store:failed")) events.emit("store:failed", { error });
  }

  async #extend(): Promise<void> {
    const { clock } = this.#runtime;
    const held = [...this.#held];
    const leaseUntil = clock.now() + RUN_LEASE_MS;
    const leaseEndsAt = clock.monotonic() + RUN_LEASE_MS;
    const results = await this.#store.extend(held.map(({ id: run, token }) => ({ run, token, leaseUntil })));
    for (const [index, run] of held.entries()) {
      if (results[index] === "stale") run.lost();
      else run.extended(leaseUntil, leaseEndsAt);
    }
  }
}
