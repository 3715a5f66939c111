import { describe, expect, it } from "vitest";
import { checkHintHeaders, isHeaderName } from "./hint-headers.ts";
import type { HintHeader } from "./parse-hint.ts";

describe("hint headers of a provider", () => {
  it.each([
    ["no list", {}, "at"],
    ["no header", [5], "at[0]"],
    ["an option that nobody knows", [{ name: "x", unit: "ms", when: 0 }], "at[0].when"],
    ["no name", [{ unit: "ms" }], "at[0].name"],
    [
      "a name that no header can have",
      [
        { name: "x", unit: "ms" },
        { name: "x y", unit: "ms" },
      ],
      "at[1].name",
    ],
    ["an unknown unit", [{ name: "x", unit: "minutes" }], "at[0].unit"],
    ["a wrong header to look at first", [{ name: "x", unit: "ms", remaining: "" }], "at[0].remaining"],
  ])("are refused with %s, by path", (_, headers, path) => {
    expect(() => checkHintHeaders(headers as readonly HintHeader[], "at")).toThrow(expect.objectContaining({ code: "config", path }));
  });

  it("are taken as they are when nothing is wrong", () => {
    const headers: readonly HintHeader[] = [{ name: "x-reset", unit: "epoch", remaining: "x-left" }];
    expect(checkHintHeaders(headers, "at")).toBe(headers);
  });

  it("have names that Headers can be asked for", () => {
    for (const name of ["x y", "", "x\n", "é", "a:b"]) expect(isHeaderName(name)).toBe(false);
    for (const name of ["retry-after", "X_1", "a.b~c"]) {
      expect(isHeaderName(name)).toBe(true);
      expect(new Headers().get(name)).toBeNull();
    }
  });
});
