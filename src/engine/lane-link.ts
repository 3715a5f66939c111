import type { BreakerMode } from "../policy/breaker/breaker.ts";
import type { Limiter } from "../policy/rate-limit/limiter.ts";

/** A limit of calls: the process's own limiter, or its part of one that several processes share. */
export type RateGate = Pick<Limiter, "tryTake" | "refund" | "settle" | "throttled" | "learnRemaining" | "counts"> &
  Partial<Pick<Limiter, "available">>;

/** What other processes hear of a lane by. */
export interface LaneLink {
  /** A call comes. */
  used(): void;
  /** The breaker has changed here; open for so long, for so many times in a row. */
  changed(mode: BreakerMode, openForMs: number, openings: number): void;
}

/** Calls that all of them would let go now; undefined where none of them says so. */
export function tokensOf(gates: readonly RateGate[], now: number): number | undefined {
  const left = Math.min(...gates.map((gate) => gate.available?.(now) ?? Number.POSITIVE_INFINITY));
  return left === Number.POSITIVE_INFINITY ? undefined : Math.max(0, Math.floor(left));
}
