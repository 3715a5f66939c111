import type { Hint } from "../../core/verdict.ts";

/** The one thing asked of headers; `Headers` has it. */
export interface HeaderReader {
  get(name: string): string | null;
}

/** A header of one provider that says when to come back, as data of the catalog. */
export interface HintHeader {
  readonly name: string;
  /**
   * `seconds` or `ms` from now, `epoch` seconds, `duration` (`1m30s`, `250ms`), or `rfc3339` (`2026-01-15T12:01:30Z`). `used/limit`
   * (`32/40`) tells of no time, only of how much is left.
   */
  readonly unit: HintUnit;
  /**
   * The header beside it that says how much is left: it is a hint only where that is 0. For headers that are sent with every
   * answer, a 500 included, and tell when a quota is full again, not when to come back.
   */
  readonly remaining?: string;
}

export type HintUnit = "seconds" | "ms" | "epoch" | "duration" | "rfc3339" | "used/limit";

/** What an answer's headers say of how much may still be sent. */
export interface Remaining {
  /** Calls, or units of whatever the other side counts. */
  readonly remaining: number;
  /** Milliseconds until there is more, measured from the answer. */
  readonly resetMs?: number;
}

/** A decimal numeral and nothing else: `0x10`, `1e3`, `120abc`, `-1` and the empty string are not. */
const DECIMAL = /^\d{1,15}(?:\.\d{1,9})?$/;

const MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
/** `Thu, 15 Jan 2026 12:01:30 GMT` (IMF-fixdate). */
const IMF = /^[a-z]{3}, (\d{2}) ([a-z]{3}) (\d{4}) (\d{2}):(\d{2}):(\d{2}) gmt$/i;
/** `Thursday, 15-Jan-26 12:01:30 GMT` (RFC 850). */
const RFC850 = /^[a-z]{6,9}, (\d{2})-([a-z]{3})-(\d{2}) (\d{2}):(\d{2}):(\d{2}) gmt$/i;
/** `Thu Jan 15 12:01:30 2026` (asctime; always UTC, whatever the process's own zone). */
const ASCTIME = /^[a-z]{3} ([a-z]{3}) ([ \d]\d) (\d{2}):(\d{2}):(\d{2}) (\d{4})$/i;
/** `2026-01-15T12:01:30.5+01:00` (RFC 3339 §5.6). */
const RFC3339 = /^(\d{4})-(\d{2})-(\d{2})[Tt ](\d{2}):(\d{2}):(\d{2})(\.\d{1,9})?(?:[Zz]|([+-])(\d{2}):(\d{2}))?$/;
const DURATION_PART = /(\d{1,12}(?:\.\d{1,9})?)(ms|s|m|h|d)/y;
const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
/** Resets of before the draft, each with the header that tells whether anything is left. */
const LEGACY_RESETS: readonly (readonly [reset: string, remaining: string])[] = [
  ["x-ratelimit-reset", "x-ratelimit-remaining"],
  ["x-rate-limit-reset", "x-rate-limit-remaining"],
  ["x-ratelimit-reset-after", "x-ratelimit-remaining"],
];
const LEGACY_REMAINING: readonly string[] = [...new Set(LEGACY_RESETS.map(([, remaining]) => remaining))];
const NO_QUOTAS: readonly Remaining[] = [];
/** Legacy reset values above this are epoch seconds (2001-09-09), below it seconds from now. */
const EPOCH_FLOOR_S = 1_000_000_000;

/**
 * What the answer's headers say about coming back. Precedence: the provider's word on retrying (`x-should-retry`,
 * `stripe-should-retry`) is kept beside the first delay found in `retry-after-ms`, `retry-after`, the `extra` headers, `ratelimit`
 * (draft-ietf-httpapi-ratelimit-headers-11), `x-ratelimit-reset*`. What is malformed is ignored. `now` is the wall clock in ms, used only where
 * the answer has no `Date` of its own: a date is measured against the clock that wrote it.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { parseHint } from "holdfast";
 *
 * assert.equal(parseHint(new Headers({ "retry-after": "1.5" }), Date.now())?.delayMs, 1500);
 * assert.equal(parseHint(new Headers({ "retry-after": "0x10" }), Date.now()), undefined);
 * ```
 */
export function parseHint(headers: HeaderReader, now: number, extra: readonly HintHeader[] = []): Hint | undefined {
  const read = textReader(headers);
  const retry = shouldRetry(read);
  const delay = delayHint(read, now, extra);
  if (retry === undefined) return delay;
  return delay === undefined ? retry : { ...delay, retry: retry.retry };
}

/**
 * How much is left, by the answer's headers: of the provider's own (`extra`, with their `remaining`), the `ratelimit` draft and
 * `x-ratelimit-remaining`, the first kind that speaks, and in it the smallest number, since every quota must have room. `now` as in
 * {@link parseHint}. What is malformed is ignored.
 */
export function parseRemaining(headers: HeaderReader, now: number, extra: readonly HintHeader[] = []): Remaining | undefined {
  const read = textReader(headers);
  // Asked of every answer under a limit, and most say nothing.
  return (
    (extra.length === 0 ? undefined : smallest(extraRemaining(read, now, extra))) ??
    smallest(draftRemaining(read)) ??
    smallest(legacyRemaining(read, now))
  );
}

/** Whether an answer may tell how much is left: most say nothing about it. */
export function tellsRemaining(headers: HeaderReader, extra: readonly HintHeader[]): boolean {
  return extra.length > 0 || headers.get("ratelimit") !== null || LEGACY_REMAINING.some((name) => headers.get(name) !== null);
}

function smallest(quotas: readonly Remaining[]): Remaining | undefined {
  let least: Remaining | undefined;
  for (const quota of quotas) if (least === undefined || quota.remaining < least.remaining) least = quota;
  return least;
}

function extraRemaining(read: ReadHeader, now: number, extra: readonly HintHeader[]): readonly Remaining[] {
  return extra.flatMap(({ name, unit, remaining }) => {
    const reset = read(name);
    const left = unit === "used/limit" ? leftOf(reset) : remaining === undefined ? undefined : decimal(read(remaining));
    if (left === undefined) return [];
    return [quota(left, reset === null ? undefined : readExtra(reset, unit, answeredAt(read, now)))];
  });
}

function draftRemaining(read: ReadHeader): readonly Remaining[] {
  const value = read("ratelimit");
  if (value === null) return NO_QUOTAS;
  return rateLimitItems(value).flatMap(({ remaining, resetMs }) => (remaining === undefined ? [] : [quota(remaining, resetMs)]));
}

function legacyRemaining(read: ReadHeader, now: number): readonly Remaining[] {
  if (LEGACY_REMAINING.every((name) => read(name) === null)) return NO_QUOTAS;
  return LEGACY_RESETS.flatMap(([reset, remaining]) => {
    const left = decimal(read(remaining));
    return left === undefined
      ? []
      : [
          quota(
            left,
            legacyReset(read(reset), () => answeredAt(read, now)),
          ),
        ];
  });
}

/** `32/40`: 32 are in the bucket, so 8 more may come. */
function leftOf(text: string | null): number | undefined {
  const [used, limit, more] = (text ?? "").split("/").map((part) => decimal(part));
  return used === undefined || limit === undefined || more !== undefined ? undefined : Math.max(0, limit - used);
}

function quota(remaining: number, resetMs: number | undefined): Remaining {
  return resetMs === undefined ? { remaining } : { remaining, resetMs };
}

function answeredAt(read: ReadHeader, now: number): number {
  return parseHttpDate(read("date")) ?? now;
}

type ReadHeader = (name: string) => string | null;

/** Headers may come from an SDK's error: `get` may answer numbers, lists or undefined, or throw. */
function textReader(headers: HeaderReader): ReadHeader {
  return (name) => {
    try {
      const value: unknown = headers.get(name);
      return typeof value === "string" ? value : typeof value === "number" ? String(value) : null;
    } catch {
      return null;
    }
  };
}

function shouldRetry(read: ReadHeader): { source: string; retry: boolean } | undefined {
  for (const source of ["x-should-retry", "stripe-should-retry"]) {
    const value = read(source)?.trim().toLowerCase();
    if (value === "true" || value === "false") return { source, retry: value === "true" };
  }
  return undefined;
}

function delayHint(read: ReadHeader, now: number, extra: readonly HintHeader[]): { source: string; delayMs: number } | undefined {
  const answered = answeredAt(read, now);

  const ms = decimal(read("retry-after-ms"));
  if (ms !== undefined) return { source: "retry-after-ms", delayMs: ms };

  const after = read("retry-after");
  const afterMs = scale(decimal(after), 1_000) ?? until(parseHttpDate(after), answered);
  if (afterMs !== undefined) return { source: "retry-after", delayMs: afterMs };

  const own = extraHint(read, answered, extra);
  if (own !== undefined) return own;

  const draft = rateLimitDraft(read("ratelimit"));
  if (draft !== undefined) return { source: "ratelimit", delayMs: draft };

  for (const [source, remaining] of LEGACY_RESETS) {
    const left = read(remaining);
    if (left !== null && decimal(left) !== 0) continue;
    const delayMs = legacyReset(read(source), () => answered);
    if (delayMs !== undefined) return { source, delayMs };
  }
  return undefined;
}

/** The first of the provider's headers that speaks; of those that tell a quota's reset, the longest wait, since all quotas must have room. */
function extraHint(read: ReadHeader, answeredAt: number, extra: readonly HintHeader[]): { source: string; delayMs: number } | undefined {
  let longest: { source: string; delayMs: number } | undefined;
  for (const { name, unit, remaining } of extra) {
    if (remaining !== undefined && decimal(read(remaining)) !== 0) continue;
    const value = read(name);
    const delayMs = value === null ? undefined : readExtra(value, unit, answeredAt);
    if (delayMs === undefined) continue;
    if (remaining === undefined) return { source: name, delayMs };
    if (longest === undefined || delayMs > longest.delayMs) longest = { source: name, delayMs };
  }
  return longest;
}

function readExtra(value: string, unit: HintHeader["unit"], answeredAt: number): number | undefined {
  switch (unit) {
    case "ms":
      return decimal(value);
    case "seconds":
      return scale(decimal(value), 1_000);
    case "epoch":
      return until(scale(decimal(value), 1_000), answeredAt);
    case "duration":
      return compactDuration(value);
    case "rfc3339":
      return until(parseInstant(value), answeredAt);
    case "used/limit":
      return undefined;
  }
}

/** Milliseconds since 1970 of an RFC 3339 instant; one without an offset is UTC. */
function parseInstant(value: string): number | undefined {
  const parts = RFC3339.exec(value.trim());
  if (parts === null) return undefined;
  const [year, month, day, hour, minute, second] = parts.slice(1, 7).map(Number) as [number, number, number, number, number, number];
  const [offsetHours, offsetMinutes] = [Number(parts[9] ?? 0), Number(parts[10] ?? 0)];
  if (month < 1 || month > 12 || day < 1 || day > 31 || hour > 23 || minute > 59 || second > 60 || offsetHours > 23 || offsetMinutes > 59) {
    return undefined;
  }
  const offsetMs = (parts[8] === "-" ? -1 : 1) * (offsetHours * 60 + offsetMinutes) * 60_000;
  return Date.UTC(year, month - 1, day, hour, minute, second) + Math.floor(Number(`0${parts[7] ?? ""}`) * 1_000) - offsetMs;
}

/** `1m30s`, `250ms`, `6h`: as OpenAI and Go programs write a span. */
function compactDuration(text: string): number | undefined {
  const value = text.trim();
  let total = 0;
  let index = 0;
  while (index < value.length) {
    DURATION_PART.lastIndex = index;
    const part = DURATION_PART.exec(value);
    if (!part) return undefined;
    total += Number(part[1]) * (UNIT_MS[part[2] ?? ""] ?? Number.NaN);
    index = DURATION_PART.lastIndex;
  }
  return value.length === 0 ? undefined : total;
}

/** Seconds from now or since 1970. */
function legacyReset(text: string | null, answered: () => number): number | undefined {
  const value = decimal(text);
  if (value === undefined) return undefined;
  return value >= EPOCH_FLOOR_S ? Math.max(0, value * 1_000 - answered()) : value * 1_000;
}

/** The longest wait of those policies that have nothing remaining. */
function rateLimitDraft(value: string | null): number | undefined {
  const waits = rateLimitItems(value).flatMap(({ remaining, resetMs }) => (remaining === 0 && resetMs !== undefined ? [resetMs] : []));
  return waits.length === 0 ? undefined : Math.max(...waits);
}

/** `"policy";r=0;t=30`, several parted by commas. */
function rateLimitItems(
  value: string | null,
): readonly { readonly remaining?: number | undefined; readonly resetMs?: number | undefined }[] {
  if (value === null) return [];
  return value.split(",").map((item) => {
    const parameters = new Map(
      item
        .split(";")
        .slice(1)
        .map((part) => part.trim().split("=", 2) as [string, string]),
    );
    return { remaining: decimal(parameters.get("r") ?? null), resetMs: scale(decimal(parameters.get("t") ?? null), 1_000) };
  });
}

/** Milliseconds since 1970 of an HTTP date in any of its three forms (RFC 9110 §5.6.7), or undefined. */
export function parseHttpDate(value: string | null): number | undefined {
  if (value === null) return undefined;
  const text = value.trim();
  const imf = IMF.exec(text);
  if (imf) return utc(imf[3], imf[2], imf[1], imf[4], imf[5], imf[6]);
  const asctime = ASCTIME.exec(text);
  if (asctime) return utc(asctime[6], asctime[1], asctime[2], asctime[3], asctime[4], asctime[5]);
  const rfc850 = RFC850.exec(text);
  if (rfc850) {
    const short = Number(rfc850[3]);
    return utc(String(short < 70 ? 2000 + short : 1900 + short), rfc850[2], rfc850[1], rfc850[4], rfc850[5], rfc850[6]);
  }
  return undefined;
}

function utc(...parts: readonly (string | undefined)[]): number | undefined {
  const [year, monthName, day, hour, minute, second] = parts;
  const month = MONTHS.indexOf((monthName ?? "").toLowerCase());
  const [d, h, m, s] = [Number(day), Number(hour), Number(minute), Number(second)];
  if (month < 0 || h > 23 || m > 59 || s > 60) return undefined;
  const y = Number(year);
  // There is no 31 February, and no hint in it.
  const daysInMonth = Math.round((Date.UTC(y, month + 1, 1) - Date.UTC(y, month, 1)) / 86_400_000);
  return d < 1 || d > daysInMonth ? undefined : Date.UTC(y, month, d, h, m, s);
}

function decimal(value: string | null): number | undefined {
  const text = value?.trim();
  return text !== undefined && DECIMAL.test(text) ? Number(text) : undefined;
}

function scale(value: number | undefined, factor: number): number | undefined {
  return value === undefined ? undefined : value * factor;
}

function until(instant: number | undefined, from: number): number | undefined {
  return instant === undefined ? undefined : Math.max(0, instant - from);
}
