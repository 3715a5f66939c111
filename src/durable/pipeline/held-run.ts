import type { Clock } from "../../ports/clock.ts";
import { LeaseHeld } from "../lease-held.ts";

/** A run that this process holds, and until when. */
export class HeldRun extends LeaseHeld {
  readonly id: string;
  /** Names this holder; every write shows it. */
  readonly token: string;

  /** @param leaseUntil wall clock; @param leaseEndsAt the same instant on the monotonic clock */
  constructor(id: string, token: string, clock: Clock, leaseUntil: number, leaseEndsAt: number) {
    super(clock, leaseUntil, leaseEndsAt);
    this.id = id;
    this.token = token;
  }
}
