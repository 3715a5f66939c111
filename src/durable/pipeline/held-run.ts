import type { Clock } from "../../ports/clock.ts";

/** A run that this process holds, and until when. */
export class HeldRun {
  readonly id: string;
  /** Names this holder; every write shows it. */
  readonly token: string;
  readonly #clock: Clock;
  #leaseUntil: number;
  #leaseEndsAt: number;
  #lost = false;

  /** @param leaseUntil wall clock; @param leaseEndsAt the same instant on the monotonic clock */
  constructor(id: string, token: string, clock: Clock, leaseUntil: number, leaseEndsAt: number) {
    this.id = id;
    this.token = token;
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

  /** Whether nobody else can have taken it: both clocks must say so, as for an operation of the queue. */
  get isOurs(): boolean {
    return !this.#lost && this.#clock.monotonic() < this.#leaseEndsAt && this.#clock.now() < this.#leaseUntil;
  }
}
