import type { Lane } from "../engine/lane.ts";
import type { Clock } from "../ports/clock.ts";
import type { ClaimedOperation } from "../ports/operation-store.ts";
import { LeaseHeld } from "./lease-held.ts";

/** An operation that this process holds, and until when. */
export class HeldOperation extends LeaseHeld {
  readonly claimed: ClaimedOperation;
  readonly lane: Lane;

  /** @param leaseUntil wall clock; @param leaseEndsAt the same instant on the monotonic clock */
  constructor(claimed: ClaimedOperation, lane: Lane, clock: Clock, leaseUntil: number, leaseEndsAt: number) {
    super(clock, leaseUntil, leaseEndsAt);
    this.claimed = claimed;
    this.lane = lane;
  }
}
