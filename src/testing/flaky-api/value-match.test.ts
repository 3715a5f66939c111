import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readMatch } from "./value-match.ts";

describe("a condition with stars", () => {
  it.each([
    ["ab*ba", "abba", true],
    ["ab*ba", "ab-ba", true],
    ["ab*ba", "aba", false],
    ["*a*a*", "aa", true],
    ["*a*a*", "a", false],
    ["*", "", true],
    ["a*b", "a*b", true],
    ["a*", "ba", false],
  ])("%s against %s: %s", (glob, text, expected) => {
    expect(readMatch(glob, "where")(text)).toBe(expected);
  });

  it("means what a regular expression with .* for each star means", () => {
    const text = fc.string({ unit: fc.constantFrom("a", "b"), maxLength: 8 });
    const glob = fc.array(text, { minLength: 2, maxLength: 4 }).map((pieces) => pieces.join("*"));
    fc.assert(
      fc.property(glob, text, (glob, text) => {
        const expression = new RegExp(`^${glob.replaceAll("*", ".*")}$`);
        expect(readMatch(glob, "where")(text)).toBe(expression.test(text));
      }),
      { numRuns: 1_000 },
    );
  });

  it("takes linear time where a regular expression would take for ever", () => {
    const glob = `${"*a".repeat(2_000)}*b`;
    expect(readMatch(glob, "where")("a".repeat(200_000))).toBe(false);
  });

  it("is no match for a value that is no text", () => {
    for (const value of [undefined, null, 1, {}, ["a"]]) expect(readMatch("*", "where")(value)).toBe(false);
  });
});
