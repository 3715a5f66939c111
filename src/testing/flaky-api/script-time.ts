import { durationMs } from "../../core/duration.ts";
import type { Duration } from "../../core/duration.ts";
import type { Random } from "../../ports/random.ts";

/** Reads times of a script: milliseconds of real time, after the script's scale. */
export type ReadTime = (value: unknown, path: string) => number;

export function scaledTime(scale: number): ReadTime {
  return (value, path) => durationMs(value as Duration, path) * scale;
}

/** A wait that is fixed, or drawn anew each time. */
export interface DelayRange {
  readonly fromMs: number;
  readonly toMs: number;
}

export function readDelay(value: unknown, path: string, time: ReadTime): DelayRange {
  if (!Array.isArray(value)) {
    const ms = time(value, path);
    return { fromMs: ms, toMs: ms };
  }
  return { fromMs: time(value[0], `${path}[0]`), toMs: time(value[1], `${path}[1]`) };
}

export function drawDelay(range: DelayRange, random: Random): number {
  return range.fromMs === range.toMs ? range.fromMs : range.fromMs + random() * (range.toMs - range.fromMs);
}
