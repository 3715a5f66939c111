import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { rateExcess } from "../../testing/rate-excess.ts";
import { Limiter } from "./limiter.ts";
import { resolveRateLimits, type RateLimitOptions } from "./options.ts";

const limiterOf = (...limits: readonly RateLimitOptions[]): Limiter => new Limiter(limits.length === 0 ? [] : resolveRateLimits(limits));

describe("several buckets at once", () => {
  it("let a call go when all of them do, and take of all or of none", () => {
    const limiter = limiterOf({ limit: 5, per: "1s", burst: 5 }, { limit: 7, per: "24h" });
    for (let call = 0; call < 5; call += 1) expect(limiter.tryTake(1, 0)).toBe(0);
    expect(limiter.tryTake(1, 0)).toBe(200);
    expect([limiter.tryTake(1, 1_000), limiter.tryTake(1, 1_000)]).toEqual([0, 0]);
    expect(limiter.tryTake(1, 1_000)).toBeGreaterThan(3_600_000);
    expect(limiter.available(1_000)).toBe(0);
    limiter.refund(1, 1_000, 1_000);
    expect(limiter.tryTake(1, 1_000)).toBe(0);
  });

  it("never start a call that one of them cannot hold", () => {
    expect(limiterOf({ limit: 100, burst: 100 }, { limit: 5, burst: 5 }).waitMs(6, 0)).toBe(Number.POSITIVE_INFINITY);
  });

  it("all wait for a hint, which later ones lengthen and never shorten", () => {
    const limiter = limiterOf({ limit: 5, per: "1s" });
    limiter.throttled(3_000, 0);
    limiter.throttled(1_000, 0);
    expect([limiter.tryTake(1, 0), limiter.available(0), limiter.pausedUntil]).toEqual([3_000, 0, 3_000]);
    expect(limiter.tryTake(1, 3_000)).toBe(0);
  });

  it("wait a day for a hint at the most", () => {
    const limiter = limiterOf();
    limiter.throttled(1_768_478_400_000, 0);
    expect(limiter.waitMs(1, 0)).toBe(86_400_000);
  });

  it("slow the quickest of them down where a refusal gave no hint, and spare the daily quota", () => {
    const limiter = limiterOf({ limit: 100, per: "24h", burst: 1 }, { limit: 10, per: "1s", burst: 1 });
    limiter.throttled(undefined, 0);
    expect(limiter.waitMs(1, 0)).toBe(200);
    const daily = limiterOf({ limit: 86_400, per: "24h", burst: 1 });
    daily.throttled(undefined, 0);
    expect(daily.waitMs(1, 0)).toBe(2_000);
  });

  it("lower the tightest of them to what the other side says is left", () => {
    const limiter = limiterOf({ limit: 100, per: "1s", burst: 100 }, { limit: 10, per: "1s", burst: 10 });
    limiter.learnRemaining(2, undefined, 0);
    expect(limiter.available(0)).toBe(2);
    expect([limiter.tryTake(1, 0), limiter.tryTake(1, 0), limiter.tryTake(1, 0) > 0]).toEqual([0, 0, true]);
  });

  it("that are none at all hold nobody but for a hint", () => {
    const limiter = limiterOf();
    for (let call = 0; call < 100; call += 1) expect(limiter.tryTake(1e9, 0)).toBe(0);
    limiter.learnRemaining(0, 1_000, 0);
    limiter.throttled(undefined, 0);
    expect(limiter.tryTake(1, 0)).toBe(0);
    limiter.throttled(50, 0);
    expect(limiter.tryTake(1, 0)).toBe(50);
  });

  it.each([[Number.NaN], [-1], [undefined], ["many"]])("refuse a cost of %s, and are none the worse for it", (cost) => {
    const limiter = limiterOf({ limit: 1, burst: 1 });
    expect(() => limiter.tryTake(cost as number, 0)).toThrow(expect.objectContaining({ code: "config", path: "cost" }));
    expect([limiter.tryTake(1, 0), limiter.tryTake(1, 0)]).toEqual([0, 1_000]);
  });

  it("each keep their own bound, for any load", () => {
    const bucket = fc.record({
      limit: fc.constantFrom(1, 4, 9),
      per: fc.constantFrom(200, 1_000, 90_000),
      burst: fc.constantFrom(1, 2, 6),
    });
    const step = fc.record({
      after: fc.double({ min: 0, max: 300, noNaN: true }),
      undo: fc.boolean(),
      throttle: fc.option(fc.nat({ max: 400 }), { nil: undefined, freq: 8 }),
    });
    fc.assert(
      fc.property(fc.array(bucket, { minLength: 1, maxLength: 3 }), fc.array(step, { maxLength: 150 }), (limits, steps) => {
        const limiter = limiterOf(...limits);
        const starts: number[] = [];
        let now = 0;
        for (const { after, undo, throttle } of steps) {
          now += after;
          if (throttle !== undefined) limiter.throttled(throttle === 0 ? undefined : throttle, now);
          if (limiter.tryTake(1, now) > 0) continue;
          if (undo) limiter.refund(1, now, now);
          else starts.push(now);
        }
        for (const bound of limits) expect(rateExcess(starts, bound)).toBeLessThanOrEqual(1e-3);
      }),
      { numRuns: 300 },
    );
  });
});

describe("what answers tell", () => {
  it("a call that used more than was reserved owes the rest, and one that used less gets it back", () => {
    const limiter = limiterOf({ limit: 100, per: "100s", burst: 100 });
    limiter.tryTake(10, 0);
    limiter.settle(10, 70, 0, 0);
    expect(limiter.available(0)).toBe(30);
    limiter.settle(0, 50, 0, 0);
    expect([limiter.available(0), limiter.waitMs(1, 0)]).toEqual([0, 21_000]);
    const generous = limiterOf({ limit: 100, per: "100s", burst: 100 });
    generous.tryTake(90, 0);
    generous.settle(90, 20, 0, 0);
    expect(generous.available(0)).toBe(80);
  });

  it("buckets of calls count 1, whatever a call costs", () => {
    const limiter = limiterOf({ limit: 3, per: "1m", burst: 3, counts: "calls" }, { limit: 1_000, per: "1m", burst: 1_000 });
    expect([limiter.tryTake(400, 0), limiter.tryTake(400, 0)]).toEqual([0, 0]);
    limiter.settle(400, 10, 0, 0);
    expect([limiter.tryTake(10, 0), limiter.tryTake(10, 0)]).toEqual([0, 20_000]);
  });

  it("how much is left only ever lowers a bucket", () => {
    const limiter = limiterOf({ limit: 10, per: "1s", burst: 10 });
    limiter.learnRemaining(50, undefined, 0);
    expect(limiter.available(0)).toBe(10);
    limiter.learnRemaining(3, 60_000, 0);
    expect(limiter.available(0)).toBe(3);
    limiter.learnRemaining(8, undefined, 0);
    expect(limiter.available(0)).toBe(3);
    limiter.learnRemaining(0, 2_000, 0);
    expect(limiter.waitMs(1, 0)).toBe(2_000);
  });
});

describe("options of a rate limit", () => {
  it.each<[string, unknown, string]>([
    ["no buckets", [], "at"],
    ["null", null, "at"],
    ["a text", "10/s", "at"],
    ["a number", 10, "at"],
    ["an option that nobody knows", { limit: 1, rate: 2 }, "at.rate"],
    ["no limit", { per: "1s" }, "at.limit"],
    ["a limit of 0", { limit: 0 }, "at.limit"],
    ["a limit in words", { limit: "2" }, "at.limit"],
    ["no end to the limit", { limit: Number.POSITIVE_INFINITY }, "at.limit"],
    ["no time", { limit: 1, per: 0 }, "at.per"],
    ["a wrong time", { limit: 1, per: "1 s" }, "at.per"],
    ["a burst in which no call fits", { limit: 1, burst: 0.5 }, "at.burst"],
    ["no end to the burst", { limit: 1, burst: Number.POSITIVE_INFINITY }, "at.burst"],
    ["an unknown scope", { limit: 1, scope: "user" }, "at.scope"],
    ["an unknown count", { limit: 1, counts: "tokens" }, "at.counts"],
    ["a fault in the second", [{ limit: 1 }, { limit: -1 }], "at[1].limit"],
  ])("are refused with %s, by path", (_, options, path) => {
    expect(() => resolveRateLimits(options as RateLimitOptions, "at")).toThrow(expect.objectContaining({ code: "config", path }));
  });

  it.each<[RateLimitOptions, number]>([
    [{ limit: 5 }, 5],
    [{ limit: 0.5 }, 1],
    [{ limit: 100, per: "10s" }, 10],
    [{ limit: 100, per: "1m" }, 1],
    [{ limit: 1_000, per: "24h" }, 1_000],
    [{ limit: 2, burst: 40 }, 40],
  ])("%j have a burst of %d", (options, burst) => {
    expect(resolveRateLimits(options)[0]).toMatchObject({ burst, scope: "api" });
  });
});
