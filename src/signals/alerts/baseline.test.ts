import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Baseline, HOUR_MS } from "./baseline.ts";
import { RollingCounts } from "./rolling.ts";
import { Spread } from "../spread.ts";

const START = 1_768_478_400_000;

describe("a spread", () => {
  it("knows quantiles to within 5 %", () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 1, max: 3_600_000, noNaN: true }), { minLength: 1, maxLength: 300 }),
        fc.double({ min: 0.01, max: 1, noNaN: true }),
        (durations, share) => {
          const spread = new Spread();
          for (const duration of durations) spread.add(duration);
          const exact = durations.toSorted((a, b) => a - b)[Math.ceil(durations.length * share) - 1] as number;
          const found = spread.quantile(share) as number;
          expect(found).toBeGreaterThanOrEqual(exact * 0.95);
          expect(found).toBeLessThanOrEqual(exact * 1.05);
        },
      ),
    );
  });

  it("comes back from JSON as it was, and of nothing says nothing", () => {
    const spread = new Spread();
    expect(spread.quantile(0.95)).toBeUndefined();
    for (const duration of [1, 50, 50, 9e9]) spread.add(duration);
    const back = new Spread(JSON.parse(JSON.stringify(spread)) as ReturnType<Spread["toJSON"]>);
    expect([back.total, back.quantile(0.5), back.quantile(1)]).toEqual([4, spread.quantile(0.5), spread.quantile(1)]);
  });
});

describe("rolling counts", () => {
  it("forget what is older than their slots, after a pause of any length too", () => {
    const counts = new RollingCounts<"a">(1_000, 5);
    for (let second = 0; second < 10; second += 1) counts.add("a", START + second * 1_000);
    expect([counts.sum("a", START + 9_000), counts.sum("a", START + 9_000, 2), counts.sum("a", START + 11_000)]).toEqual([5, 2, 3]);
    expect(counts.sum("a", START + HOUR_MS)).toBe(0);
    counts.add("a", START + HOUR_MS);
    expect(counts.sum("a", START + HOUR_MS)).toBe(1);
  });
});

describe("a baseline", () => {
  it("says nothing of its first hour, and forgets what is older than a day", () => {
    const baseline = new Baseline(START);
    for (let minute = 0; minute < 30; minute += 1) baseline.succeeded(100, START + minute * 60_000);
    expect([baseline.p95(START + HOUR_MS - 1, 20), baseline.perMinute(START + HOUR_MS / 2)]).toEqual([undefined, undefined]);
    expect(baseline.p95(START + HOUR_MS, 20)).toBeCloseTo(100, -1);
    expect(baseline.perMinute(START + HOUR_MS)).toBe(0.5);
    expect(baseline.p95(START + HOUR_MS, 31)).toBeUndefined();
    for (let hour = 1; hour < 30; hour += 1)
      for (let call = 0; call < 60; call += 1) baseline.succeeded(1_000, START + hour * HOUR_MS + call);
    const later = START + 30 * HOUR_MS - 1;
    expect(baseline.p95(later, 20)).toBeGreaterThanOrEqual(950);
    expect(baseline.perMinute(later)).toBeCloseTo(1, 1);
    expect(baseline.toJSON().hours.length).toBeLessThanOrEqual(25);
  });

  it("goes on where an earlier process left it", () => {
    const first = new Baseline(START);
    for (let call = 0; call < 50; call += 1) first.succeeded(10, START + call);
    const second = new Baseline(START + 2 * HOUR_MS, JSON.parse(JSON.stringify(first)) as ReturnType<Baseline["toJSON"]>);
    expect(second.p95(START + 2 * HOUR_MS, 20)).toBeCloseTo(10, 0);
  });
});
