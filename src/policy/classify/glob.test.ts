import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { globMatcher } from "./glob.ts";

/** The same question to a regular expression, on short input where that is safe. */
function model(pattern: string, extent: "whole" | "part", text: string): boolean {
  const source = pattern
    .toLowerCase()
    .split("*")
    .map((part) => part.replaceAll(/[.+?^${}()|[\]\\]/g, String.raw`\$&`))
    .join("[^]*");
  return new RegExp(extent === "whole" ? `^${source}$` : source).test(text.toLowerCase());
}

describe("a pattern with *", () => {
  it.each<[string, "whole" | "part", string, boolean]>([
    ["POST /contacts/*", "whole", "post /contacts/{id}", true],
    ["POST /contacts/*", "whole", "POST /contacts", false],
    ["POST *", "whole", "GET /", false],
    ["a*a", "whole", "a", false],
    ["a*a", "whole", "aa", true],
    ["a*b*c", "whole", "a-b-b-c", true],
    ["a*b*c", "whole", "a-c-b", false],
    ["*", "whole", "", true],
    ["*", "whole", "anything", true],
    ["text/html", "whole", "text/html; charset=utf-8", false],
    ["invalid field", "part", '{"message":"Invalid Field \'lead\'"}', true],
    ["invalid*lead", "part", "lead is invalid", false],
    ["a.c", "part", "abc", false],
  ])("%s (%s) against %j: %s", (pattern, extent, text, expected) => {
    expect(globMatcher(pattern, extent)(text)).toBe(expected);
  });

  it("means what the same regular expression means", () => {
    const alphabet = fc.constantFrom("a", "B", "*", ".", "b", "(");
    fc.assert(
      fc.property(
        fc.string({ unit: alphabet, maxLength: 7 }),
        fc.string({ unit: alphabet, maxLength: 9 }),
        fc.constantFrom<"whole" | "part">("whole", "part"),
        (pattern, text, extent) => {
          expect(globMatcher(pattern, extent)(text)).toBe(model(pattern, extent, text));
        },
      ),
      { numRuns: 1_000 },
    );
  });

  it("is answered in time for the patterns that blow up a regular expression", () => {
    const text = "a".repeat(65_536);
    expect(globMatcher(`${"a*".repeat(200)}b`, "part")(text)).toBe(false);
    expect(globMatcher(`*${"a*".repeat(200)}b`, "whole")(text)).toBe(false);
    expect(globMatcher(`${"a".repeat(100)}b`, "part")(text)).toBe(false);
  });
});
