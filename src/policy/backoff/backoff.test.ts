import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MAX_DELAY_MS } from "../../core/duration.ts";
import { ConfigError } from "../../core/errors.ts";
import { seededRandom } from "../../testing/seeded-random.ts";
import { constant, exponential, linear, resolveBackoff, schedule, type Backoff, type BackoffLike, type Jitter } from "./backoff.ts";

const waits = (backoff: Backoff, retries: readonly number[]): number[] => retries.map((retry) => backoff(retry, 0, () => 0.5));
/** Spans down to a 64th of a millisecond. */
const ms = (most: number): fc.Arbitrary<number> => fc.nat({ max: most * 64 }).map((ticks) => ticks / 64);

describe("exponential backoff", () => {
  it("doubles from the base to the cap when there is no jitter", () => {
    const backoff = exponential({ base: "1s", cap: "30s", jitter: "none" });
    expect(waits(backoff, [0, 1, 2, 3, 4, 5, 9])).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
  });

  it("starts at 200 ms, doubles to 30 s and takes full jitter by default", () => {
    const backoff = exponential();
    expect(waits(backoff, [0, 1, 2, 20])).toEqual([100, 200, 400, 15_000]);
  });

  it("makes the first retry short and without jitter where one is asked for, and then begins at the base", () => {
    const backoff = exponential({ first: "100ms", base: "1s", cap: "8s", jitter: "none" });
    expect(waits(backoff, [0, 1, 2, 3, 4, 5])).toEqual([100, 1_000, 2_000, 4_000, 8_000, 8_000]);
  });

  it("applies the cap before the jitter, so that late waits still spread over the whole of it", () => {
    const random = seededRandom(1);
    const late = Array.from({ length: 1_000 }, () => exponential({ base: 100, cap: 1_000 })(30, 0, random));
    expect(late.filter((wait) => wait < 500).length).toBeGreaterThan(400);
    expect(late.filter((wait) => wait >= 500).length).toBeGreaterThan(400);
  });

  it("gives 0 for a base of 0, however many retries there were", () => {
    for (const jitter of ["full", "equal", "additive", "none", "decorrelated"] as const) {
      expect(exponential({ base: 0, cap: "1s", factor: 10, jitter })(999, 0, () => 0.9)).toBe(0);
    }
  });

  it("never waits longer than a timer can hold", () => {
    expect(exponential({ base: "30d", cap: "60d", jitter: "none" })(3, 0, () => 0)).toBe(MAX_DELAY_MS);
    expect(exponential({ first: "30d" })(0, 0, () => 0)).toBe(MAX_DELAY_MS);
  });

  const bounds: Readonly<Record<Jitter, (step: number, base: number, cap: number, previous: number) => [number, number]>> = {
    full: (step) => [0, step],
    equal: (step) => [step / 2, step],
    decorrelated: (_, base, cap, previous) => [base, Math.min(cap, 3 * Math.max(previous, base))],
    additive: (step, base, cap) => [step, Math.min(cap, step + base)],
    none: (step) => [step, step],
  };

  it.each(Object.keys(bounds) as Jitter[])("stays within the formula of %s jitter, for any options and any chance", (jitter) => {
    const options = fc.record({
      base: ms(60_000),
      more: ms(1e7),
      factor: fc.double({ min: 1, max: 100, noNaN: true }),
    });
    const moment = fc.record({
      retry: fc.nat({ max: 1_000 }),
      previous: ms(1e7),
      chance: fc.double({ min: 0, max: 0.999_999, noNaN: true }),
    });
    fc.assert(
      fc.property(options, moment, ({ base, more, factor }, { retry, previous, chance }) => {
        const cap = base + more;
        const step = base === 0 ? 0 : Math.min(cap, base * factor ** retry);
        const wait = exponential({ base, cap, factor, jitter })(retry, previous, () => chance);
        const [least, most] = bounds[jitter](step, base, cap, previous);
        expect(wait).toBeGreaterThanOrEqual(least - 1e-6);
        expect(wait).toBeLessThanOrEqual(most + 1e-6);
      }),
    );
  });

  it("reaches both ends of each formula, so that the bounds above are not idle", () => {
    for (const jitter of Object.keys(bounds) as Jitter[]) {
      const backoff = exponential({ base: 100, cap: 10_000, jitter });
      const [least, most] = bounds[jitter](400, 100, 10_000, 300);
      expect(backoff(2, 300, () => 0)).toBeCloseTo(least);
      expect(backoff(2, 300, () => 1)).toBeCloseTo(most);
    }
  });

  it("grows a decorrelated wait from the one before and not from the count of retries", () => {
    const backoff = exponential({ base: 100, cap: 10_000, jitter: "decorrelated" });
    expect(backoff(1, 1_000, () => 1)).toBe(3_000);
    expect(backoff(50, 1_000, () => 1)).toBe(3_000);
    expect(backoff(50, 9_000, () => 1)).toBe(10_000);
  });

  it("takes the width of additive jitter as an option", () => {
    expect(exponential({ base: 100, jitter: "additive", additive: 7 })(0, 0, () => 1)).toBe(107);
  });
});

describe("the other backoffs", () => {
  it("waits the same time before every retry", () => {
    expect(waits(constant("5s"), [0, 1, 99])).toEqual([5_000, 5_000, 5_000]);
    expect(constant("60d")(0, 0, () => 0)).toBe(MAX_DELAY_MS);
  });

  it("grows in steps up to a cap", () => {
    expect(waits(linear({ base: "1s", step: "500ms", cap: "2s" }), [0, 1, 2, 3])).toEqual([1_000, 1_500, 2_000, 2_000]);
    expect(waits(linear({ base: "1s" }), [0, 1, 2])).toEqual([1_000, 2_000, 3_000]);
  });

  it("does not cut a base that is longer than the default cap", () => {
    expect(waits(linear({ base: "90s" }), [0, 5])).toEqual([90_000, 90_000]);
  });

  it("takes a schedule as one wait for each attempt, of which the first is made at once and the last repeats", () => {
    expect(waits(schedule([0, "30s", "90s", "180s"]), [0, 1, 2, 3, 40])).toEqual([30_000, 90_000, 180_000, 180_000, 180_000]);
    expect(waits(schedule([0]), [0, 3])).toEqual([0, 0]);
  });

  it("refuses a schedule that does not begin with the first attempt, so that no list is read as another", () => {
    expect(() => schedule(["30s", "90s"])).toThrow("begin with 0");
    expect(() => schedule([])).toThrow("empty");
  });

  it("takes a list as one wait for each retry", () => {
    expect(waits(resolveBackoff([0, "30s", "90s"], "b"), [0, 1, 2, 40])).toEqual([0, 30_000, 90_000, 90_000]);
  });

  it("is made from data, from a list and from a function alike", () => {
    const random = (): number => 0.25;
    expect(resolveBackoff({ base: 100, jitter: "full" }, "b")(1, 0, random)).toBe(50);
    expect(resolveBackoff(["1s", "2s"], "b")(1, 0, random)).toBe(2_000);
    expect(resolveBackoff((retry, previous, chance) => retry + previous + chance(), "b")(2, 10, random)).toBe(12.25);
    expect(resolveBackoff(() => Number.POSITIVE_INFINITY, "b")(0, 0, random)).toBe(MAX_DELAY_MS);
  });

  it.each([[Number.NaN], [-1], [undefined], ["100"]])("refuses %s from a function, naming the option", (answer) => {
    const backoff = resolveBackoff((() => answer) as unknown as Backoff, "retry.backoff");
    expect(() => backoff(3, 0, () => 0)).toThrow(/retry\.backoff answered .* for retry 3/);
  });
});

describe("wrong options of a backoff", () => {
  const cases: readonly (readonly [string, unknown, string])[] = [
    ["a word", "fast", "at"],
    ["a number", 5, "at"],
    ["null", null, "at"],
    ["an option that nobody knows", { bse: "1s" }, "at.bse"],
    ["a base without a unit", { base: "1" }, "at.base"],
    ["a negative base", { base: -1 }, "at.base"],
    ["a base that is no number", { base: Number.NaN }, "at.base"],
    ["an endless cap", { cap: Number.POSITIVE_INFINITY }, "at.cap"],
    ["a cap below the base", { base: "2s", cap: "1s" }, "at.cap"],
    ["a factor below 1", { factor: 0.5 }, "at.factor"],
    ["a factor in words", { factor: "2" }, "at.factor"],
    ["an unknown jitter", { jitter: "some" }, "at.jitter"],
    ["a width of a jitter that has none", { additive: "1s" }, "at.additive"],
    ["a wrong first wait", { first: "soon" }, "at.first"],
    ["an empty list", [], "at"],
    ["a list with a wrong wait", ["1s", "x"], "at[1]"],
  ];

  it.each(cases)("names the path of %s", (_, options, path) => {
    expect(() => resolveBackoff(options as BackoffLike, "at")).toThrow(expect.objectContaining({ name: "ConfigError", path }));
  });

  it("finds nothing wrong with all options in their place", () => {
    const all: BackoffLike = { base: "1s", factor: 3, cap: "1m", jitter: "additive", additive: "2s", first: 0 };
    expect(() => resolveBackoff(all, "at")).not.toThrow();
  });

  it.each([
    ["constant", () => constant("1" as "1s"), "delay"],
    ["linear without a base", () => linear({} as { base: 1 }), "base"],
    ["linear with a cap below its base", () => linear({ base: "2s", cap: "1s" }), "cap"],
    ["linear with an unknown option", () => linear({ base: 1, max: 2 } as { base: 1 }), "linear.max"],
  ])("names the path in %s", (_, make, path) => {
    expect(make).toThrow(ConfigError);
    expect(make).toThrow(expect.objectContaining({ path }));
  });
});
