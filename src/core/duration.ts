import { ConfigError } from "./errors.ts";
import { shown } from "./shown.ts";

/** A span of time: milliseconds as a number, or a string with a unit (`"250ms"`, `"1.5s"`, `"10m"`, `"24h"`, `"7d"`). */
export type Duration = number | `${number}${DurationUnit}`;

type DurationUnit = "ms" | "s" | "m" | "h" | "d";

const UNIT_MS: Readonly<Record<DurationUnit, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** The longest wait a timer can hold: 2³¹−1 ms. `setTimeout` with more fires at once, so every delay is clamped to it. */
export const MAX_DELAY_MS = 2_147_483_647;

const PATTERN = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/;

/**
 * Milliseconds of a duration. Throws a {@link ConfigError} that names `path` for anything that is not a finite,
 * non-negative span.
 */
export function durationMs(value: Duration, path: string): number {
  if (typeof value === "number") {
    if (Number.isFinite(value) && value >= 0) return value;
  } else if (typeof value === "string") {
    const match = PATTERN.exec(value);
    const ms = match === null ? Number.NaN : Number(match[1]) * UNIT_MS[match[2] as DurationUnit];
    if (Number.isFinite(ms)) return ms;
  }
  throw new ConfigError({
    path,
    message: `${path} is ${shown(value)}, which is not a duration; give milliseconds or a string such as "250ms", "30s", "10m" or "24h"`,
  });
}

/** A span in words, for messages: `1.5s`, `10m`, `250ms`. Days only where they come out even, so that 25 hours stay 25. */
export function formatMs(ms: number): string {
  if (!Number.isFinite(ms)) return "an unlimited time";
  if (ms >= 86_400_000 && ms % 86_400_000 === 0) return `${ms / 86_400_000}d`;
  // Half a unit's last shown digit below each border, so that nothing is rounded up to 60s or 1000ms.
  if (ms >= 3_597_000) return `${round(ms / 3_600_000)}h`;
  if (ms >= 59_950) return `${round(ms / 60_000)}m`;
  if (ms >= 999.5) return `${round(ms / 1_000)}s`;
  return `${Math.round(ms)}ms`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
