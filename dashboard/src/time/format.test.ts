import { describe, expect, it } from "vitest";
import { away, span } from "./format.ts";

describe("a span", () => {
  it.each([
    [0, "0 ms"],
    [0.4, "<1 ms"],
    [840, "840 ms"],
    [1_900, "1.9 s"],
    [9_000, "9 s"],
    [41_300, "41 s"],
    [60_000, "1 m"],
    [200_000, "3 m 20 s"],
    [3_599_800, "60 m"],
    [7_500_000, "2 h 5 m"],
    [90_000_000, "1 d 1 h"],
    [-5, "0 ms"],
  ])("of %d ms is %s", (ms, words) => {
    expect(span(ms)).toBe(words);
  });
});

describe("an instant against now", () => {
  it.each([
    [1_000_000, "now"],
    [1_000_400, "now"],
    [988_000, "12 s ago"],
    [1_240_000, "in 4 m"],
    [-7_000_000, "2 h ago"],
  ])("%d is %s", (at, words) => {
    expect(away(at, 1_000_000)).toBe(words);
  });
});
