import { expect, it } from "vitest";
import { searchOf } from "./search-text.ts";

it("one field finds operations by id, by label and by key", () => {
  expect(searchOf("  ")).toEqual({ by: "nothing" });
  expect(searchOf(" 0198F3C2-6A1B-7C3D-8E4F-0123456789AB ")).toEqual({ by: "id", id: "0198f3c2-6a1b-7c3d-8e4f-0123456789ab" });
  expect(searchOf("lead=42")).toEqual({ by: "label", name: "lead", value: "42" });
  expect(searchOf("note=a=b")).toEqual({ by: "label", name: "note", value: "a=b" });
  expect(searchOf("lead/lead-0042/crm")).toEqual({ by: "key", key: "lead/lead-0042/crm" });
});
