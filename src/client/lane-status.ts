import type { Lane } from "../engine/lane.ts";
import type { Clock } from "../ports/clock.ts";

/** A lane as it stands. */
export interface LaneStatus {
  readonly api: string;
  readonly endpoint: string;
  readonly partition: string;
  readonly breaker: "closed" | "open" | "half-open" | "none";
  readonly because: string;
  /** When an open breaker lets a probe through; wall-clock ms. */
  readonly probeAt?: number;
  readonly inFlight: number;
  readonly waiting: number;
  /** Retries that the lane's budget would allow now; left out where it has none. */
  readonly retryBudget?: number;
  /** Calls that its rate limits would let go now; left out where it has none. */
  readonly tokens?: number;
}

/** As it stands now. */
export function laneStatusOf(lane: Lane, clock: Clock): LaneStatus {
  const now = clock.monotonic();
  const tokens = lane.tokens(now);
  return {
    ...lane.ref,
    breaker: lane.breaker === undefined ? "none" : lane.mode,
    because: lane.breaker?.cause ?? "no breaker",
    ...(lane.mode === "open" && lane.breaker !== undefined ? { probeAt: Math.round(clock.now() + lane.breaker.retryAfterMs(now)) } : {}),
    inFlight: lane.inFlight,
    waiting: lane.waiting,
    ...(lane.budget === undefined ? {} : { retryBudget: lane.budget.available(now) }),
    ...(tokens === undefined ? {} : { tokens }),
  };
}
