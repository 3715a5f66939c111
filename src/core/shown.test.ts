import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { shown } from "./shown.ts";

describe("a wrong value in an error text", () => {
  it.each([
    ["text", '"text"'],
    [5, "5"],
    [Number.NaN, "NaN"],
    [5n, "5"],
    [undefined, "undefined"],
    [null, "null"],
    [["1s"], '["1s"]'],
    [Symbol("s"), "Symbol(s)"],
  ])("shows %s", (value, text) => {
    expect(shown(value)).toBe(text);
  });

  it("shows something of what cannot be written down", () => {
    const cycle: unknown[] = [];
    cycle.push(cycle);
    expect(shown(cycle)).toBe("[object Array]");
    expect(shown({ big: 1n })).toBe("[object Object]");
  });

  it("is short and never throws, for anything at all", () => {
    fc.assert(
      fc.property(fc.anything({ withBigInt: true, withNullPrototype: true, withMap: true, withTypedArray: true }), (value) => {
        expect(shown(value).length).toBeLessThanOrEqual(81);
      }),
    );
  });
});
