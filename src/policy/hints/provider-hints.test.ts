import { describe, expect, test } from "vitest";
import { parseHint, type HintHeader } from "./parse-hint.ts";

const NOW = Date.UTC(2026, 0, 15, 12);

function hint(headers: Record<string, string>, extra: readonly HintHeader[]): { source: string; delayMs?: number } | undefined {
  return parseHint(new Headers(headers), NOW, extra);
}

describe("an instant of RFC 3339", () => {
  const reset: readonly HintHeader[] = [{ name: "x-reset", unit: "rfc3339" }];

  test.each([
    ["2026-01-15T12:01:30Z", 90_000],
    ["2026-01-15T12:01:30.250Z", 90_250],
    ["2026-01-15t12:01:30z", 90_000],
    ["2026-01-15 12:01:30Z", 90_000],
    ["2026-01-15T13:01:30+01:00", 90_000],
    ["2026-01-15T07:31:30-04:30", 90_000],
    [" 2026-01-15T12:01:30Z ", 90_000],
    // Without an offset it is read as UTC, whatever the zone of this process.
    ["2026-01-15T12:01:30", 90_000],
    ["2026-01-15T11:59:00Z", 0],
    ["2026-02-01T00:00:00Z", 16.5 * 86_400_000],
  ])("%s is %d ms away", (value, delayMs) => {
    expect(hint({ "x-reset": value }, reset)).toEqual({ source: "x-reset", delayMs });
  });

  test.each([
    "",
    "tomorrow",
    "1768478490",
    "2026-01-15",
    "12:01:30Z",
    "2026-13-15T12:01:30Z",
    "2026-01-32T12:01:30Z",
    "2026-01-15T24:01:30Z",
    "2026-01-15T12:60:30Z",
    "2026-01-15T12:01:61Z",
    "2026-01-15T12:01:30+24:00",
    "2026-01-15T12:01:30Z; soon",
  ])("%j is none, and is ignored", (value) => {
    expect(hint({ "x-reset": value }, reset)).toBeUndefined();
  });

  test("is measured against the clock that wrote it", () => {
    const headers = { "x-reset": "2026-01-15T12:01:30Z", date: "Thu, 15 Jan 2026 12:01:00 GMT" };
    expect(hint(headers, reset)?.delayMs).toBe(30_000);
  });
});

describe("a reset that counts only where nothing remains", () => {
  const resets: readonly HintHeader[] = [
    { name: "x-reset-requests", unit: "duration", remaining: "x-remaining-requests" },
    { name: "x-reset-tokens", unit: "duration", remaining: "x-remaining-tokens" },
  ];
  const full = { "x-reset-requests": "1s", "x-reset-tokens": "6m0s" };

  test("is no hint while something remains, as after a 500", () => {
    expect(hint({ ...full, "x-remaining-requests": "59", "x-remaining-tokens": "149984" }, resets)).toBeUndefined();
  });

  test("is no hint where the other side does not say what remains", () => {
    expect(hint(full, resets)).toBeUndefined();
    expect(hint({ ...full, "x-remaining-requests": "none", "x-remaining-tokens": "" }, resets)).toBeUndefined();
  });

  test("is that of the quota which ran out", () => {
    expect(hint({ ...full, "x-remaining-requests": "0", "x-remaining-tokens": "9" }, resets)).toEqual({
      source: "x-reset-requests",
      delayMs: 1_000,
    });
    expect(hint({ ...full, "x-remaining-requests": "9", "x-remaining-tokens": "0" }, resets)).toEqual({
      source: "x-reset-tokens",
      delayMs: 360_000,
    });
  });

  test("is the longest where several ran out", () => {
    expect(hint({ ...full, "x-remaining-requests": "0", "x-remaining-tokens": "0" }, resets)?.delayMs).toBe(360_000);
  });

  test("stands back behind Retry-After", () => {
    expect(hint({ ...full, "x-remaining-requests": "0", "retry-after": "2" }, resets)).toEqual({ source: "retry-after", delayMs: 2_000 });
  });

  test("lets the next header speak where it is malformed", () => {
    expect(
      hint({ "x-reset-requests": "soon", "x-reset-tokens": "3s", "x-remaining-requests": "0", "x-remaining-tokens": "0" }, resets),
    ).toEqual({
      source: "x-reset-tokens",
      delayMs: 3_000,
    });
  });
});
