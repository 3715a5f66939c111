import { join, readObject, readOneOf, refuse } from "../reading.ts";
import type { RetryAfterForm } from "./script.ts";
import type { ReadTime } from "./script-time.ts";

export const RETRY_AFTER_FORMS: readonly RetryAfterForm[] = [
  "seconds",
  "decimal",
  "imf-date",
  "rfc850-date",
  "asctime-date",
  "milliseconds",
  "ratelimit",
  "reset-epoch",
  "reset-seconds",
];

/** Writes the header that says when to come back, measured from `now` (wall-clock milliseconds). */
export type RetryAfterWriter = (now: number) => readonly [string, string];

export function readRetryAfter(value: unknown, path: string, time: ReadTime): RetryAfterWriter {
  if (typeof value === "number") refuse(path, value, `say the unit, such as "${value}s"`);
  if (typeof value === "object" && value !== null && Object.hasOwn(value, "raw")) {
    const { raw } = readObject(value, path, ["raw"]);
    if (typeof raw !== "string") return refuse(join(path, "raw"), raw, "it must be a text");
    return () => ["retry-after", raw];
  }
  if (typeof value === "string") {
    const delayMs = time(value, path);
    return (now) => retryAfterHeader("seconds", delayMs, now);
  }
  const fields = readObject(value, path, ["in", "as", "raw"]);
  const delayMs = time(fields["in"], join(path, "in"));
  const form = readOneOf(fields["as"], join(path, "as"), RETRY_AFTER_FORMS);
  return (now) => retryAfterHeader(form, delayMs, now);
}

/** The header that says "come back in `delayMs`" in one of the forms. Rounds up: a client that obeys is never early. */
export function retryAfterHeader(form: RetryAfterForm, delayMs: number, now: number): readonly [string, string] {
  const seconds = String(Math.ceil(delayMs / 1_000));
  const then = new Date(Math.ceil((now + delayMs) / 1_000) * 1_000);
  switch (form) {
    case "seconds":
      return ["retry-after", seconds];
    case "decimal":
      return ["retry-after", String(Math.ceil(delayMs) / 1_000)];
    case "imf-date":
      return ["retry-after", then.toUTCString()];
    case "rfc850-date":
      return ["retry-after", rfc850(then)];
    case "asctime-date":
      return ["retry-after", asctime(then)];
    case "milliseconds":
      return ["retry-after-ms", String(Math.ceil(delayMs))];
    case "ratelimit":
      return ["ratelimit", `"default";r=0;t=${seconds}`];
    case "reset-epoch":
      return ["x-ratelimit-reset", String(then.getTime() / 1_000)];
    case "reset-seconds":
      return ["x-ratelimit-reset", seconds];
  }
}

const DAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/** `Thursday, 15-Jan-26 12:01:30 GMT` (RFC 9110 §5.6.7, obsolete form). */
function rfc850(date: Date): string {
  const [, day, month, year, clock] = date.toUTCString().split(" ") as [string, string, string, string, string];
  return `${DAYS[date.getUTCDay()]}, ${day}-${month}-${year.slice(-2)} ${clock} GMT`;
}

/** `Thu Jan 15 12:01:30 2026`, days below ten padded with a space. */
function asctime(date: Date): string {
  const [weekday, day, month, year, clock] = date.toUTCString().split(" ") as [string, string, string, string, string];
  return `${weekday.slice(0, 3)} ${month} ${String(Number(day)).padStart(2)} ${clock} ${year}`;
}
