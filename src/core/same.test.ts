import { describe, expect, it } from "vitest";
import { same } from "./same.ts";

const ask = (): string => "t";

describe("same", () => {
  it.each<[unknown, unknown]>([
    [1, 1],
    [Number.NaN, Number.NaN],
    [{ a: [1, { b: "c" }] }, { a: [1, { b: "c" }] }],
    [
      { a: 1, b: 2 },
      { b: 2, a: 1 },
    ],
    [{ token: ask }, { token: ask }],
  ])("is true of %j and %j", (one, other) => {
    expect(same(one, other)).toBe(true);
  });

  it.each<[unknown, unknown]>([
    [1, "1"],
    [{ a: undefined }, {}],
    [{ a: undefined }, { b: undefined }],
    [[1], { 0: 1 }],
    [[1, 2], [1]],
    [{ token: ask }, { token: (): string => "t" }],
    [new Map(), new Map()],
    [null, {}],
  ])("is false of %j and %j", (one, other) => {
    expect(same(one, other)).toBe(false);
  });
});
