import { expect, it } from "vitest";
import { hrefOf, locationOf } from "./location.ts";

it("an id survives the way into a path and out of it, whatever it holds", () => {
  for (const id of ["crm:POST /contacts", "a%2Fb", "100%", "x#y?z=1&k", "ü:GET /{id}"]) {
    expect(locationOf(hrefOf(["lanes", id])).segments).toEqual(["lanes", id]);
  }
});

it("filters stand in the URL, and empty ones do not", () => {
  const href = hrefOf(["operations"], { state: "dead", api: "", label: "lead=42" });
  expect(href).toBe("/operations?state=dead&label=lead%3D42");
  expect(locationOf(href).search.get("label")).toBe("lead=42");
});

it("a path that is not well encoded is shown as it is", () => {
  expect(locationOf("/lanes/%E0%A4%A").segments).toEqual(["lanes", "%E0%A4%A"]);
});
