import { describe, expect, it } from "vitest";
import { refuseUnknown } from "./options.ts";

describe("options", () => {
  it("are refused with one that nobody knows, by its path", () => {
    expect(() => refuseUnknown({ base: 1, bsae: 2 }, ["base"], "retry.backoff")).toThrow(
      expect.objectContaining({ path: "retry.backoff.bsae", message: "retry.backoff.bsae is not an option; known are base" }),
    );
    expect(() => refuseUnknown({ base: 1 }, ["base"], "retry.backoff")).not.toThrow();
  });

  it.each([[null], [5], ["fast"], [[1]], [undefined]])("are refused when they are %s", (given) => {
    expect(() => refuseUnknown(given, ["base"], "at")).toThrow(expect.objectContaining({ path: "at" }));
  });

  it("do not take __proto__ from JSON for an option", () => {
    expect(() => refuseUnknown(JSON.parse('{"__proto__": 1}'), ["base"], "at")).toThrow(expect.objectContaining({ path: "at.__proto__" }));
  });
});
