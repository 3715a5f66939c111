import type { Clock } from "../ports/clock.ts";

/** Something that this process holds under a lease, and until when. */
export class LeaseHeld {
  readonly #clock: Clock;
  #leaseUntil: number;
  #leaseEndsAt: number;
  #lost = false;

  /** @param leaseUntil wall clock; @param leaseEndsAt the same instant on the monotonic clock */
  constructor(clock: Clock, leaseUntil: number, leaseEndsAt: number) {
    this.#clock = clock;
    this.#leaseUntil = leaseUntil;
    this.#leaseEndsAt = leaseEndsAt;
  }

  extended(leaseUntil: number, leaseEndsAt: number): void {
    this.#leaseUntil = leaseUntil;
    this.#leaseEndsAt = leaseEndsAt;
  }

  /** Somebody else has it. */
  lost(): void {
    this.#lost = true;
  }

  /**
   * Whether nobody else can have taken it: asked right before anything is sent, since a process may be stopped for any time
   * between two of its steps. Both clocks must say so: a suspended machine stops the one, a correction moves the other.
   */
  get isOurs(): boolean {
    return !this.#lost && this.#clock.monotonic() < this.#leaseEndsAt && this.#clock.now() < this.#leaseUntil;
  }
}
