import { expect, it } from "vitest";
import { diffOf, patchIn } from "./patch.ts";

it("what is typed is a patch, none, or told why it is neither", () => {
  expect(patchIn(" ")).toEqual({});
  expect(patchIn('{"grade":"B"}')).toEqual({ patch: { grade: "B" } });
  expect(patchIn('{"grade":').error).toBeTypeOf("string");
  expect(patchIn("[1]").error).toContain("is an object");
});

it("a patch is shown by the lines that it changes", () => {
  expect(diffOf({ lead: "1", grade: "?" }, { grade: "B" })).toEqual([
    { sign: " ", text: "{" },
    { sign: " ", text: '  "lead": "1",' },
    { sign: "-", text: '  "grade": "?"' },
    { sign: "+", text: '  "grade": "B"' },
    { sign: " ", text: "}" },
  ]);
  expect(diffOf({ lead: "1" }, undefined).every(({ sign }) => sign === " ")).toBe(true);
});
