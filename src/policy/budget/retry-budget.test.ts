import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { resolveRetryBudget, RetryBudget, type RetryBudgetOptions } from "./retry-budget.ts";

const budgetOf = (options?: RetryBudgetOptions): RetryBudget => new RetryBudget(resolveRetryBudget(options));

/** Retries as long as it may; answers how often. */
function spend(budget: RetryBudget, now: number): number {
  let spent = 0;
  while (budget.available(now) > 0) {
    budget.withdraw(now);
    spent += 1;
  }
  return spent;
}

describe("a lane's retry budget", () => {
  it("starts with its reserve: one a second for as long as credit lives", () => {
    expect(spend(budgetOf(), 0)).toBe(10);
    expect(spend(budgetOf({ minPerSecond: 2, ttl: "5s" }), 1e9)).toBe(10);
    expect(spend(budgetOf({ minPerSecond: 0 }), 0)).toBe(0);
  });

  it("earns a tenth of a retry with each success", () => {
    const budget = budgetOf({ minPerSecond: 0 });
    for (let call = 0; call < 9; call += 1) budget.deposit(0);
    expect(budget.available(0)).toBe(0);
    budget.deposit(0);
    expect(spend(budget, 0)).toBe(1);
    for (let call = 0; call < 990; call += 1) budget.deposit(0);
    expect(spend(budget, 0)).toBe(99);
  });

  it("dries up in an outage: nothing succeeds, so nothing is earned, and only the floor is left", () => {
    const budget = budgetOf();
    for (let call = 0; call < 1_000; call += 1) budget.deposit(0);
    expect(spend(budget, 0)).toBe(110);
    const later: number[] = [];
    for (let second = 1; second <= 60; second += 1) later.push(spend(budget, second * 1_000));
    expect(later.reduce((sum, one) => sum + one)).toBeLessThanOrEqual(6 * 10);
  });

  it("forgets successes that are older than its time", () => {
    const budget = budgetOf({ minPerSecond: 0 });
    for (let call = 0; call < 100; call += 1) budget.deposit(0);
    expect(budget.available(9_999)).toBe(10);
    expect(budget.available(11_000)).toBe(0);
  });

  it("does not count in fractions that grow wrong with the months", () => {
    const budget = budgetOf({ ratio: 0.1, minPerSecond: 0 });
    for (let slot = 0; slot < 2_000; slot += 1) {
      for (let call = 0; call < 10; call += 1) budget.deposit(slot * 1_000);
      expect(spend(budget, slot * 1_000)).toBe(1);
    }
  });

  it("allows no more than reserve + ratio · successes in any window of its time", () => {
    const step = fc.record({
      after: fc.oneof(fc.nat({ max: 30 }), fc.nat({ max: 3_000 })),
      successes: fc.nat({ max: 8 }),
      wants: fc.nat({ max: 6 }),
    });
    fc.assert(
      fc.property(
        fc.constantFrom(0.1, 0.25, 1),
        fc.constantFrom(0, 1, 3),
        fc.array(step, { maxLength: 120 }),
        fc.nat({ max: 1e9 }),
        (ratio, minPerSecond, steps, begin) => {
          const ttl = 2_000;
          const budget = budgetOf({ ratio, minPerSecond, ttl });
          const successes: number[] = [];
          const retries: number[] = [];
          let now = begin;
          for (const { after, successes: good, wants } of steps) {
            now += after;
            for (let call = 0; call < good; call += 1) {
              budget.deposit(now);
              successes.push(now);
            }
            for (let retry = 0; retry < wants && budget.available(now) > 0; retry += 1) {
              budget.withdraw(now);
              retries.push(now);
            }
          }
          for (const end of retries) {
            const within = retries.filter((at) => at > end - ttl && at <= end).length;
            const earned = successes.filter((at) => at > end - ttl * 1.1 && at <= end).length;
            expect(within).toBeLessThanOrEqual(minPerSecond * 2 + ratio * earned + 1e-9);
          }
        },
      ),
      { numRuns: 200 },
    );
  });
});

describe("options of a retry budget", () => {
  it.each<[string, unknown, string]>([
    ["null", null, "at"],
    ["a number", 0.1, "at"],
    ["an option that nobody knows", { rate: 1 }, "at.rate"],
    ["a negative ratio", { ratio: -0.1 }, "at.ratio"],
    ["a ratio in words", { ratio: "0.1" }, "at.ratio"],
    ["a ratio without end", { ratio: Number.POSITIVE_INFINITY }, "at.ratio"],
    ["a negative floor", { minPerSecond: -1 }, "at.minPerSecond"],
    ["a floor in words", { minPerSecond: "1" }, "at.minPerSecond"],
    ["less than a second", { ttl: 999 }, "at.ttl"],
    ["a wrong time", { ttl: "10" }, "at.ttl"],
  ])("are refused with %s, by path", (_, options, path) => {
    expect(() => resolveRetryBudget(options as RetryBudgetOptions, "at")).toThrow(expect.objectContaining({ code: "config", path }));
  });

  it("are a tenth of the successes and one a second, over ten seconds", () => {
    expect(resolveRetryBudget()).toEqual({ ratio: 0.1, minPerSecond: 1, ttlMs: 10_000 });
  });
});
