import type { Runtime } from "../engine/runtime.ts";
import type { TimerHandle } from "../ports/clock.ts";
import type { ClaimedOperation, OperationStore } from "../ports/operation-store.ts";
import type { HeldOperation } from "./held-operation.ts";

const REAP_BATCH = 1_000;
const SWEEP_BATCH = 1_000;
/** Ended operations are kept for hours; when exactly they go is nobody's concern. */
const SWEEP_EVERY_MS = 60_000;

export interface LeaseKeeperPorts {
  readonly store: OperationStore;
  readonly runtime: Runtime;
  /** Names this process in leases. */
  readonly worker: string;
  readonly leaseMs: number;
  readonly poisonAfter: number;
  /** What this process holds now. */
  held(): Iterable<HeldOperation>;
  /** Operations of vanished holders are due again. */
  returned(): void;
  /** It saw so many holders vanish that it is not to be tried again; it is leased to us. */
  poisoned(claimed: ClaimedOperation): Promise<void>;
  failed(error: unknown): void;
}

/**
 * Looks after leases, three times in the length of one: extends those of this process, takes back those of vanished ones, and
 * sweeps what has ended and is no longer kept. Extending comes first, so that we never take back our own after a stop.
 */
export class LeaseKeeper {
  readonly #ports: LeaseKeeperPorts;
  #timer: TimerHandle | undefined = undefined;
  #sweptAt = Number.NEGATIVE_INFINITY;
  #mode: "on" | "extending only" | "off" = "on";

  constructor(ports: LeaseKeeperPorts) {
    this.#ports = ports;
  }

  /** Begins, at once: a process before this one may have left leases. */
  start(): void {
    void this.#look();
  }

  /** Takes nothing back any more, and goes on extending. */
  extendOnly(): void {
    this.#mode = "extending only";
  }

  stop(): void {
    this.#mode = "off";
    if (this.#timer !== undefined) this.#ports.runtime.clock.clearTimer(this.#timer);
  }

  async #look(): Promise<void> {
    try {
      await this.#extend();
      if (this.#mode === "on") await this.#reap();
      if (this.#mode === "on") await this.#sweep();
    } catch (error) {
      this.#ports.failed(error);
    }
    if (this.#mode === "off") return;
    const { clock } = this.#ports.runtime;
    this.#timer = clock.setTimer(() => void this.#look(), this.#ports.leaseMs / 3);
    clock.hold?.(this.#timer, false);
  }

  async #extend(): Promise<void> {
    const { store, runtime, leaseMs } = this.#ports;
    const held = [...this.#ports.held()];
    if (held.length === 0) return;
    const leaseUntil = runtime.clock.now() + leaseMs;
    const leaseEndsAt = runtime.clock.monotonic() + leaseMs;
    const results = await store.extend(held.map(({ claimed }) => ({ id: claimed.operation.id, claim: claimed.claim, leaseUntil })));
    for (const [index, operation] of held.entries()) {
      if (results[index] === "stale") operation.lost();
      else operation.extended(leaseUntil, leaseEndsAt);
    }
  }

  async #reap(): Promise<void> {
    const { store, runtime, worker, leaseMs, poisonAfter } = this.#ports;
    for (;;) {
      const now = runtime.clock.now();
      const { returned, poisoned } = await store.reap({ worker, now, leaseUntil: now + leaseMs, poisonAfter, limit: REAP_BATCH });
      if (returned > 0) this.#ports.returned();
      await Promise.all(poisoned.map((claimed) => this.#ports.poisoned(claimed)));
      if (returned + poisoned.length < REAP_BATCH) return;
    }
  }

  async #sweep(): Promise<void> {
    const { store, runtime } = this.#ports;
    const now = runtime.clock.monotonic();
    if (now - this.#sweptAt < SWEEP_EVERY_MS) return;
    this.#sweptAt = now;
    while (this.#mode === "on" && (await store.sweep(runtime.clock.now(), SWEEP_BATCH)) === SWEEP_BATCH);
  }
}
