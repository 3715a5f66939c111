import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { rateExcess } from "../../testing/rate-excess.ts";
import { resolveRateLimits, type RateLimitOptions } from "./options.ts";
import { TokenBucket } from "./token-bucket.ts";

const bucketOf = (options: RateLimitOptions): TokenBucket => new TokenBucket(resolveRateLimits(options)[0]!);

/** Takes as much as there is at once; answers how many that was. */
function drain(bucket: TokenBucket, now: number, cost = 1): number {
  let taken = 0;
  while (bucket.waitMs(cost, now) === 0 && taken < 10_000) {
    bucket.take(cost, now);
    taken += 1;
  }
  return taken;
}

describe("a token bucket", () => {
  it("gives its burst at once and then its rate", () => {
    const bucket = bucketOf({ limit: 2, per: "1s", burst: 40 });
    expect(bucket.available(0)).toBe(40);
    expect(drain(bucket, 0)).toBe(40);
    expect([bucket.available(0), bucket.waitMs(1, 0)]).toEqual([0, 500]);
    expect(drain(bucket, 499)).toBe(0);
    expect(drain(bucket, 500)).toBe(1);
    expect(drain(bucket, 2_500)).toBe(4);
    expect(drain(bucket, 1e9)).toBe(40);
  });

  it("takes a call of several units when it has them all, and never one that it cannot hold", () => {
    const bucket = bucketOf({ limit: 10, per: "1s", burst: 10 });
    bucket.take(8, 0);
    expect(bucket.waitMs(3, 0)).toBe(100);
    expect(bucket.waitMs(2, 0)).toBe(0);
    expect(bucket.waitMs(10, 0)).toBe(800);
    expect(bucket.waitMs(10.5, 0)).toBe(Number.POSITIVE_INFINITY);
  });

  it("is exact over a long time of waiting for each token", () => {
    const bucket = bucketOf({ limit: 3, per: "1s", burst: 1 });
    let now = 1_234_567.891;
    for (let call = 0; call < 3_000; call += 1) {
      now += bucket.waitMs(1, now);
      bucket.take(1, now);
    }
    expect(now).toBeCloseTo(1_234_567.891 + (2_999 * 1_000) / 3, 2);
  });

  it("gets back what was taken for a call that never started", () => {
    const bucket = bucketOf({ limit: 1, per: "1s", burst: 2 });
    drain(bucket, 0);
    bucket.refund(1, 0, 0);
    expect(bucket.available(0)).toBe(1);
  });

  it("gets back no more than it could have held: a full bucket earns nothing", () => {
    const bucket = bucketOf({ limit: 1, per: "1s", burst: 1 });
    bucket.take(1, 0);
    bucket.take(1, 1_000);
    // Without the first call the bucket had been full for that second, and lost it.
    bucket.refund(1, 0, 1_500);
    expect(bucket.waitMs(1, 1_500)).toBe(500);
  });

  it("halves its rate at an unexplained refusal, pauses for one call's time, and grows back over ten windows", () => {
    const bucket = bucketOf({ limit: 10, per: "1s", burst: 1 });
    drain(bucket, 0);
    bucket.slowDown(0);
    expect(bucket.waitMs(1, 0)).toBe(200);
    expect(drain(bucket, 200)).toBe(1);
    expect(bucket.waitMs(1, 200)).toBeGreaterThan(160);
    bucket.take(1, 10_000);
    expect(bucket.waitMs(1, 10_000)).toBe(100);
  });

  it("halves at most once a second, however many calls are refused, and not below a 64th", () => {
    const bucket = bucketOf({ limit: 10, per: "1s", burst: 1 });
    for (let call = 0; call < 50; call += 1) bucket.slowDown(0);
    expect(bucket.waitMs(1, 0)).toBe(200);
    for (let second = 1; second < 50; second += 1) bucket.slowDown(second * 1_000);
    expect(bucket.waitMs(1, 49_000)).toBeLessThanOrEqual(6_400);
    expect(bucket.waitMs(1, 49_000)).toBeGreaterThan(400);
  });

  it("of a daily quota is back at its rate ten minutes after, not ten days", () => {
    const bucket = bucketOf({ limit: 86_400, per: "24h", burst: 1 });
    bucket.slowDown(0);
    expect(bucket.waitMs(1, 0)).toBeLessThanOrEqual(60_000);
    bucket.take(1, 600_000);
    expect(bucket.waitMs(1, 600_000)).toBe(1_000);
  });

  it("keeps what was owed when it slows down: no token is won by a refusal", () => {
    const bucket = bucketOf({ limit: 10, per: "1s", burst: 10 });
    for (let call = 0; call < 5; call += 1) bucket.take(1, 0);
    bucket.slowDown(0);
    expect(drain(bucket, 200)).toBeLessThanOrEqual(6);
  });

  it("never has more than the other side says is left", () => {
    const bucket = bucketOf({ limit: 10, per: "1s", burst: 10 });
    bucket.learnRemaining(3, undefined, 0);
    expect(bucket.available(0)).toBe(3);
    bucket.learnRemaining(7, undefined, 0);
    expect(bucket.available(0)).toBe(3);
    bucket.learnRemaining(0, 2_500, 0);
    expect([bucket.available(0), bucket.waitMs(1, 0), bucket.waitMs(1, 2_500)]).toEqual([0, 2_500, 0]);
  });

  it("gets nothing back of what was taken before the other side counted", () => {
    const bucket = bucketOf({ limit: 10, per: "1s", burst: 10 });
    bucket.take(5, 0);
    bucket.learnRemaining(0, undefined, 1);
    bucket.refund(5, 0, 1);
    expect(bucket.available(1)).toBe(0);
  });

  it("is not stopped for good by a reset that is nonsense, nor by a remainder that is none", () => {
    const bucket = bucketOf({ limit: 10, per: "1s", burst: 10 });
    bucket.learnRemaining(Number.NaN, Number.NaN, 0);
    expect(bucket.available(0)).toBe(10);
    bucket.learnRemaining(-5, 1_768_478_400_000, 0);
    expect(bucket.waitMs(1, 0)).toBe(86_400_000);
    bucket.pause(Number.POSITIVE_INFINITY, 0);
    expect(bucket.waitMs(1, 0)).toBe(86_400_000);
  });
});

describe("a token bucket under any load", () => {
  type Event =
    | { readonly do: "call"; readonly cost: number; readonly refundAfter: number | undefined }
    | { readonly do: "wait"; readonly ms: number }
    | { readonly do: "pause"; readonly ms: number }
    | { readonly do: "slow-down" }
    | { readonly do: "learn"; readonly remaining: number; readonly resetMs: number | undefined };

  const event: fc.Arbitrary<Event> = fc.oneof(
    {
      weight: 12,
      arbitrary: fc.record({
        do: fc.constant("call" as const),
        cost: fc.constantFrom(1, 1, 1, 2, 0.5),
        refundAfter: fc.option(fc.nat({ max: 4_000 }), { nil: undefined, freq: 2 }),
      }),
    },
    { weight: 6, arbitrary: fc.record({ do: fc.constant("wait" as const), ms: fc.double({ min: 0, max: 400, noNaN: true }) }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant("wait" as const), ms: fc.constantFrom(1_000, 3_000, 9_000) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("pause" as const), ms: fc.nat({ max: 500 }) }) },
    { weight: 1, arbitrary: fc.constant<Event>({ do: "slow-down" }) },
    {
      weight: 1,
      arbitrary: fc.record({
        do: fc.constant("learn" as const),
        remaining: fc.nat({ max: 6 }),
        resetMs: fc.option(fc.nat({ max: 300 }), { nil: undefined }),
      }),
    },
  );
  const limits = fc.record({
    limit: fc.constantFrom(1, 3, 7, 20),
    per: fc.constantFrom(250, 1_000, 3_000),
    burst: fc.constantFrom(2, 3, 10),
  });

  /** The instants at which units of cost start, each unit as so many starts of a half. */
  function starts(options: { limit: number; per: number; burst: number }, events: readonly Event[], begin: number): number[] {
    const bucket = bucketOf(options);
    let pending: { at: number; cost: number; refundAt: number }[] = [];
    const started: number[] = [];
    let now = begin;
    const refund = (): void => {
      for (const call of pending) if (call.refundAt <= now) bucket.refund(call.cost, call.at, now);
      pending = pending.filter((call) => call.refundAt > now);
    };
    for (const one of events) {
      if (one.do === "wait") now += one.ms;
      else if (one.do === "pause") bucket.pause(one.ms, now);
      else if (one.do === "slow-down") bucket.slowDown(now);
      else if (one.do === "learn") bucket.learnRemaining(one.remaining, one.resetMs, now);
      else if (bucket.waitMs(one.cost, now) === 0) {
        bucket.take(one.cost, now);
        if (one.refundAfter === undefined) started.push(...Array.from({ length: one.cost * 2 }, () => now));
        else pending.push({ at: now, cost: one.cost, refundAt: now + one.refundAfter });
      }
      refund();
    }
    return started;
  }

  it("starts no more than burst + rate · t in any interval, whatever is refunded, paused, slowed and learnt", () => {
    fc.assert(
      fc.property(limits, fc.array(event, { maxLength: 150 }), fc.constantFrom(0, 1e9 + 0.123), (options, events, begin) => {
        const halves = { limit: options.limit * 2, per: options.per, burst: options.burst * 2 };
        expect(rateExcess(starts(options, events, begin), halves)).toBeLessThanOrEqual(1e-3);
      }),
      { numRuns: 400 },
    );
  });

  it("keeps that bound when a refund comes after the bucket was full and drained again", () => {
    const wait = fc.double({ min: 0, max: 5_000, noNaN: true });
    fc.assert(
      fc.property(limits, fc.integer({ min: 1, max: 2 }), wait, wait, wait, (options, cost, full, drained, after) => {
        const bucket = bucketOf(options);
        const started: number[] = [];
        const start = (now: number): void => void started.push(...Array.from({ length: drain(bucket, now) }, () => now));
        bucket.take(cost, 0);
        start(0);
        start(full);
        bucket.refund(cost, 0, full + drained);
        start(full + drained);
        start(full + drained + after);
        expect(rateExcess(started, options)).toBeLessThanOrEqual(1e-3);
      }),
    );
  });

  it("gives all that the bound allows to those who ask often enough", () => {
    const options = { limit: 7, per: 1_000, burst: 3 };
    const often = Array.from({ length: 4_000 }, (_, index): Event =>
      index % 2 === 0 ? { do: "call", cost: 1, refundAfter: undefined } : { do: "wait", ms: 5 },
    );
    const halves = { limit: 14, per: 1_000, burst: 6 };
    expect(rateExcess(starts(options, often, 0), halves)).toBeGreaterThan(-1);
    expect(starts(options, often, 0).length).toBeGreaterThanOrEqual(2 * 70);
  });
});
