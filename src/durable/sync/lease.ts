import type { Runtime } from "../../engine/runtime.ts";
import type { TimerHandle } from "../../ports/clock.ts";
import type { WatermarkStore } from "../../ports/watermark-store.ts";

export interface SyncLeasePorts {
  readonly store: WatermarkStore;
  readonly runtime: Runtime;
  readonly sync: string;
  readonly run: string;
  readonly leaseMs: number;
  /** The run no longer has the sync, or cannot know that it has. */
  readonly lost: (why: string) => void;
  /** Told of a store that does not answer; the lease is tried again. */
  readonly failed: (error: unknown) => void;
}

/** Extends a run's lease, three times in the length of one, until it is let go. */
export class SyncLease {
  readonly #ports: SyncLeasePorts;
  #timer: TimerHandle | undefined = undefined;
  /** Monotonic ms. */
  #endsAt: number;
  #over = false;

  constructor(ports: SyncLeasePorts) {
    this.#ports = ports;
    this.#endsAt = ports.runtime.clock.monotonic() + ports.leaseMs;
    this.#later();
  }

  letGo(): void {
    this.#over = true;
    if (this.#timer !== undefined) this.#ports.runtime.clock.clearTimer(this.#timer);
  }

  #later(): void {
    this.#timer = this.#ports.runtime.clock.setTimer(() => void this.#extend(), this.#ports.leaseMs / 3);
  }

  async #extend(): Promise<void> {
    const { store, runtime, sync, run, leaseMs } = this.#ports;
    const { clock } = runtime;
    const asked = clock.monotonic();
    try {
      const [result] = await store.extend([{ sync, run, leaseUntil: clock.now() + leaseMs }]);
      if (this.#over) return;
      if (result !== "applied") return this.#lose("another run has taken over: this one was stopped for longer than its lease");
      this.#endsAt = asked + leaseMs;
    } catch (error) {
      if (this.#over) return;
      this.#ports.failed(error);
      if (clock.monotonic() >= this.#endsAt) return this.#lose("the store did not extend its lease in time");
    }
    this.#later();
  }

  #lose(why: string): void {
    this.letGo();
    this.#ports.lost(why);
  }
}
