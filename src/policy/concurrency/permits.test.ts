import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Permits, resolveConcurrency, type ConcurrencyOptions } from "./permits.ts";

describe("permits", () => {
  it("are given until there are none, and again when one came back", () => {
    const permits = new Permits(2);
    expect([permits.tryTake(), permits.tryTake(), permits.tryTake(), permits.free]).toEqual([true, true, false, 0]);
    permits.giveBack();
    expect([permits.free, permits.tryTake(), permits.tryTake()]).toEqual([1, true, false]);
  });

  it("are never more than their number, however they are taken and given back", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 4 }), fc.array(fc.boolean(), { maxLength: 50 }), (max, wants) => {
        const permits = new Permits(max);
        let held = 0;
        for (const want of wants) {
          if (want) held += permits.tryTake() ? 1 : 0;
          else if (held > 0) {
            permits.giveBack();
            held -= 1;
          }
          expect(held).toBeLessThanOrEqual(max);
          expect(permits.free).toBe(max - held);
        }
      }),
    );
  });
});

describe("options of a concurrency limit", () => {
  it.each<[string, unknown, string]>([
    ["null", null, "at"],
    ["a word", "2", "at"],
    ["an option that nobody knows", { max: 1, queue: 2 }, "at.queue"],
    ["no maximum", {}, "at.max"],
    ["nothing at once", 0, "at.max"],
    ["half a call", 1.5, "at.max"],
    ["a maximum in words", { max: "2" }, "at.max"],
    ["a queue of less than nothing", { max: 1, maxQueue: -1 }, "at.maxQueue"],
    ["a queue without end", { max: 1, maxQueue: Number.POSITIVE_INFINITY }, "at.maxQueue"],
  ])("are refused with %s, by path", (_, options, path) => {
    expect(() => resolveConcurrency(options as ConcurrencyOptions, "at")).toThrow(expect.objectContaining({ code: "config", path }));
  });

  it("are a number or both numbers", () => {
    expect(resolveConcurrency(3)).toEqual({ max: 3, maxQueue: 10_000 });
    expect(resolveConcurrency({ max: 3, maxQueue: 0 })).toEqual({ max: 3, maxQueue: 0 });
  });
});
