import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { rateExcess } from "./rate-excess.ts";

const BOUND = { limit: 2, per: "1s", burst: 3 } as const;

describe("rateExcess", () => {
  it("is at most zero where the bound held, and says how much room there was", () => {
    expect(rateExcess([0, 0, 0, 500, 1_000], BOUND)).toBe(0);
    expect(rateExcess([0, 1_000, 2_000], BOUND)).toBe(-2);
    expect(rateExcess([], BOUND)).toBe(-3);
  });

  it("counts the calls too many in the worst interval, wherever it lies", () => {
    expect(rateExcess([0, 0, 0, 0], BOUND)).toBe(1);
    expect(rateExcess([0, 60_000, 60_000, 60_001, 60_002, 60_003, 120_000], BOUND)).toBeCloseTo(1.994);
  });

  it("takes the limit for the burst where none is said", () => {
    expect(rateExcess([5, 5, 5], { limit: 2, per: "1s" })).toBe(1);
  });

  it("finds what looking at every interval finds", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(5_000), { maxLength: 40 }), (instants) => {
        const starts = instants.toSorted((a, b) => a - b);
        let worst = -BOUND.burst;
        for (const [first, from] of starts.entries()) {
          for (const [last, to] of starts.entries()) {
            if (last >= first) worst = Math.max(worst, last - first + 1 - ((to - from) * 2) / 1_000 - BOUND.burst);
          }
        }
        expect(rateExcess(starts, BOUND)).toBeCloseTo(worst, 9);
      }),
    );
  });

  it("is exact for instants as large as today's", () => {
    const now = 1_795_310_040_227;
    expect(rateExcess([now, now, now, now + 500], BOUND)).toBe(0);
  });
});
