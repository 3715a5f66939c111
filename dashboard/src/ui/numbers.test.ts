import { expect, it } from "vitest";
import { count, plural, rate, share } from "./numbers.ts";

it("counts are whole while they can be read", () => {
  expect([count(0), count(1_204), count(99_999), count(124_500)]).toEqual(["0", "1,204", "99,999", "124.5K"]);
  expect([plural(1, "entry", "entries"), plural(2, "entry", "entries")]).toEqual(["1 entry", "2 entries"]);
});

it("what is more than nothing is never shown as nothing", () => {
  expect([share(0), share(0.0001), share(0.024), share(0.31), share(1)]).toEqual(["0%", "<0.1%", "2.4%", "31%", "100%"]);
});

it("a rate takes the unit in which it can be read", () => {
  expect(rate(22, 1_000)).toEqual({ value: "22", unit: "/s" });
  expect(rate(1, 30_000)).toEqual({ value: "2", unit: "/min" });
  expect(rate(0, 0)).toEqual({ value: "0", unit: "/s" });
});
