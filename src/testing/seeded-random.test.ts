import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { seededRandom } from "./seeded-random.ts";

const seeds = fc.oneof(fc.double(), fc.integer(), fc.string());

function draw(seed: number | string, count: number): number[] {
  const random = seededRandom(seed);
  return Array.from({ length: count }, () => random());
}

describe("seededRandom", () => {
  it("gives the same numbers for the same seed, and keeps to [0, 1)", () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        const numbers = draw(seed, 50);
        expect(draw(seed, 50)).toEqual(numbers);
        expect(numbers.every((number) => number >= 0 && number < 1)).toBe(true);
      }),
    );
  });

  it("gives other numbers for another seed, however near", () => {
    const near = [0, 1, 2, -1, 0.5, 2 ** 32, 2 ** 40, 2 ** 40 + 1, Number.MAX_SAFE_INTEGER, "", "a", "b", "ab", "ba", "1"];
    expect(new Set(near.map((seed) => String(draw(seed, 4)))).size).toBe(near.length);
  });

  // What one seed gives is a promise: a figure that was published with a seed can be had again.
  it("gives these numbers for these seeds, for ever", () => {
    expect(draw(1, 3)).toMatchInlineSnapshot(`
      [
        0.22133094538003206,
        0.6649382985197008,
        0.7558673676103354,
      ]
    `);
    expect(draw("holdfast", 3)).toMatchInlineSnapshot(`
      [
        0.9946329689119011,
        0.048346144845709205,
        0.00930562149733305,
      ]
    `);
  });

  it("fills its range evenly: no tenth of a hundred thousand numbers is off by more than four percent", () => {
    const tenths = Array.from({ length: 10 }, () => 0);
    for (const number of draw(42, 100_000)) tenths[Math.floor(number * 10)]! += 1;
    for (const count of tenths) expect(Math.abs(count - 10_000)).toBeLessThan(400);
  });

  it("shows no tie between neighbours", () => {
    const numbers = draw(7, 100_000);
    let sum = 0;
    for (let index = 1; index < numbers.length; index += 1) sum += (numbers[index - 1]! - 0.5) * (numbers[index]! - 0.5);
    expect(Math.abs((sum / numbers.length) * 12)).toBeLessThan(0.01);
  });
});
