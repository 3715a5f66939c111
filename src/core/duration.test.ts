import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { durationMs, formatMs, type Duration } from "./duration.ts";
import { isHoldfastError } from "./errors.ts";

/** What comes of it: the value, or what was thrown. */
function attempt(fn: () => unknown): unknown {
  try {
    return fn();
  } catch (error) {
    return error;
  }
}

describe("a duration", () => {
  it.each<[Duration, number]>([
    [0, 0],
    [1.5, 1.5],
    ["250ms", 250],
    ["1.5s", 1_500],
    ["10m", 600_000],
    ["24h", 86_400_000],
    ["7d", 604_800_000],
    ["0s", 0],
  ])("of %s is %d ms", (value, ms) => {
    expect(durationMs(value, "at")).toBe(ms);
  });

  it.each([
    ["no unit", "30"],
    ["an unknown unit", "3w"],
    ["a space", "30 s"],
    ["a sign", "-1s"],
    ["an exponent", "1e3s"],
    ["nothing", ""],
    ["a part of a number", ".5s"],
    ["more than a number can hold", `${"9".repeat(400)}d`],
    ["a negative number", -1],
    ["NaN", Number.NaN],
    ["Infinity", Number.POSITIVE_INFINITY],
    ["null", null],
    ["undefined", undefined],
    ["a bigint", 5n],
    ["a list", [5]],
  ])("is refused with %s, and the path is named", (_, value) => {
    expect(() => durationMs(value as Duration, "retry.base")).toThrow(
      expect.objectContaining({ code: "config", path: "retry.base", message: expect.stringContaining("retry.base is ") }),
    );
  });

  it("is refused without an accident, whatever it is", () => {
    const cycle: Record<string, unknown> = {};
    cycle["self"] = cycle;
    for (const value of [cycle, Symbol("s"), Object.create(null), { toJSON: (): never => expect.fail() }, () => 1]) {
      expect(() => durationMs(value as Duration, "at")).toThrow(expect.objectContaining({ code: "config" }));
    }
  });

  it("is a finite number of at least 0 or an error, for any text", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^\d*\.?\d*(ms|s|m|h|d)$/)), (text) => {
        const ms = attempt(() => durationMs(text as Duration, "at"));
        expect(isHoldfastError(ms, "config") || (Number.isFinite(ms) && (ms as number) >= 0)).toBe(true);
      }),
    );
  });
});

describe("a span in words", () => {
  it.each([
    [0, "0ms"],
    [249.6, "250ms"],
    [999.6, "1s"],
    [1_500, "1.5s"],
    [59_960, "1m"],
    [600_000, "10m"],
    [3_599_000, "1h"],
    [3_600_000, "1h"],
    [90_000_000, "25h"],
    [86_400_000, "1d"],
    [604_800_000, "7d"],
    [Number.POSITIVE_INFINITY, "an unlimited time"],
  ])("of %d ms is %s", (ms, words) => {
    expect(formatMs(ms)).toBe(words);
  });

  it("never shows a full unit of the next size", () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1e9, noNaN: true }), (ms) => {
        expect(formatMs(ms)).not.toMatch(/^(1000ms|60s|60m)$/);
      }),
    );
  });
});
