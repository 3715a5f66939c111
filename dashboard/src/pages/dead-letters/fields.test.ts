import { describe, expect, it } from "vitest";
import { compared, documentIn, fieldsOf, withMember } from "./fields.ts";

describe("documents side by side", () => {
  it("say of each field whether all have the same", () => {
    const rows = compared([
      { company: "Acme", size: { employees: "many" } },
      { company: "Acme", size: { employees: 12 }, note: null },
    ]);
    expect(rows.map(({ path, values, same }) => [path.join("."), values, same])).toEqual([
      ["company", ['"Acme"', '"Acme"'], true],
      ["size.employees", ['"many"', "12"], false],
      ["note", [undefined, "null"], false],
    ]);
  });

  it("know what a merge patch cannot reach", () => {
    expect(fieldsOf({ tags: ["a"], none: {} }).map(({ path, patchable }) => [path.join("."), patchable])).toEqual([
      ["tags.0", false],
      ["none", true],
    ]);
  });

  it("are cut where they never end", () => {
    expect(fieldsOf(Array.from({ length: 100_000 }, () => 1))).toHaveLength(200);
  });
});

it("a body that is no JSON has no fields", () => {
  expect(documentIn({ text: "plain" })).toBeUndefined();
  expect(documentIn({ base64: "AA==" })).toBeUndefined();
  expect(documentIn({ text: '{"a":1}' })).toEqual({ a: 1 });
});

it("a patch grows by one field, and keeps the others", () => {
  const patch = withMember({ size: { unit: "people" } }, ["size", "employees"], 12);
  expect(patch).toEqual({ size: { unit: "people", employees: 12 } });
  expect(withMember(patch, ["grade"], "B")).toEqual({ size: { unit: "people", employees: 12 }, grade: "B" });
});
