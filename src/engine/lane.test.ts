import { getEventListeners } from "node:events";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { systemClock } from "../adapters/clock/system.ts";
import { SUCCESS, type Verdict } from "../core/verdict.ts";
import { Breaker } from "../policy/breaker/breaker.ts";
import { resolveBreakerOptions, type BreakerOptions } from "../policy/breaker/options.ts";
import { Permits } from "../policy/concurrency/permits.ts";
import { Limiter } from "../policy/rate-limit/limiter.ts";
import { resolveRateLimits, type RateLimitOptions } from "../policy/rate-limit/options.ts";
import { manualClock, type ManualClock } from "../testing/manual-clock.ts";
import { rateExcess } from "../testing/rate-excess.ts";
import { seededRandom } from "../testing/seeded-random.ts";
import type { Admittee } from "./admittee.ts";
import { Lane, type LaneParts } from "./lane.ts";
import { createRuntime, type Runtime } from "./runtime.ts";

const FAILED: Verdict = { kind: "transient", effect: "unknown", rule: "status:503", because: "the answer was 503" };
const THROTTLED: Verdict = { kind: "throttled", effect: "none", rule: "status:429", because: "the answer was 429", quota: "burst" };
const hinted = (delayMs: number): Verdict => ({ ...THROTTLED, hint: { source: "retry-after", delayMs } });

const limiterOf = (...limits: readonly RateLimitOptions[]): Limiter => new Limiter(resolveRateLimits(limits));
const breakerOf = (options: BreakerOptions): Breaker => new Breaker(resolveBreakerOptions(options), () => 0);

interface CallOptions {
  readonly cost?: number;
  readonly deadlineMs?: number;
  readonly maxWaitMs?: number;
  readonly signal?: AbortSignal;
}

/** A lane, and calls that tell where they stand. */
class Bench {
  readonly clock: ManualClock = manualClock();
  readonly runtime: Runtime = createRuntime(this.clock, seededRandom(1));
  readonly lane: Lane;
  /** Numbers of the calls that were admitted, in that order. */
  readonly admitted: number[] = [];
  readonly startedAt: number[] = [];
  readonly refused = new Map<number, unknown>();
  #calls = 0;

  constructor(parts: LaneParts) {
    this.lane = this.another(parts);
  }

  /** One more lane at the same clock. */
  another(parts: LaneParts): Lane {
    return new Lane({ api: "crm", endpoint: "POST /contacts", partition: "" }, parts, this.runtime);
  }

  get now(): number {
    return this.clock.monotonic();
  }

  arrive({ cost = 1, deadlineMs, maxWaitMs, signal }: CallOptions = {}, lane: Lane = this.lane): Admittee {
    const number = this.#calls;
    this.#calls += 1;
    const call: Admittee = {
      cost,
      deadlineAt: deadlineMs === undefined ? Number.POSITIVE_INFINITY : this.now + deadlineMs,
      maxWaitMs: maxWaitMs ?? Number.POSITIVE_INFINITY,
      callerSignal: signal,
      generation: 0,
    };
    const go = (): void => {
      this.admitted.push(number);
      this.startedAt.push(this.now);
    };
    const waiting = lane.admit(call, this.now);
    if (waiting === undefined) go();
    else waiting.then(go, (error: unknown) => this.refused.set(number, error));
    return call;
  }

  settle(call: Admittee, verdict: Verdict = SUCCESS, lane: Lane = this.lane): void {
    lane.settle(call, verdict, 1, this.now);
  }
}

describe("a lane", () => {
  it("lets a call go at once when nothing holds it, without a promise", () => {
    const bench = new Bench({ permits: new Permits(1), limiters: [limiterOf({ limit: 1 })], breaker: breakerOf({}) });
    const call = bench.arrive();
    expect([bench.admitted, bench.lane.inFlight, bench.lane.waiting]).toEqual([[0], 1, 0]);
    bench.settle(call);
    expect(bench.lane.inFlight).toBe(0);
  });

  it("is named by what it is the lane of", () => {
    const runtime = createRuntime(manualClock(), () => 0);
    expect(new Lane({ api: "crm", endpoint: "GET /", partition: "" }, {}, runtime).name).toBe("crm GET /");
    expect(new Lane({ api: "crm", endpoint: "GET /", partition: "acme" }, {}, runtime).name).toBe("crm GET / (acme)");
  });

  it("takes nothing for a call that one of its policies holds back", async () => {
    const permits = new Permits(5);
    const roomy = limiterOf({ limit: 10, burst: 10 });
    const breaker = breakerOf({ minimumCalls: 1, window: 1, openFor: "1s" });
    const bench = new Bench({ permits, limiters: [roomy, limiterOf({ limit: 1, burst: 1 })], breaker });
    bench.settle(bench.arrive());
    bench.arrive();
    expect([bench.lane.waiting, permits.free, roomy.available(0)]).toEqual([1, 5, 9]);
    await bench.clock.advance(999);
    expect([bench.admitted.length, permits.free, roomy.available(999)]).toEqual([1, 5, 10]);
    await bench.clock.advance(1);
    expect([bench.admitted.length, permits.free]).toEqual([2, 4]);
  });

  it("does not lose a probe's permit to a call that has no rate token", async () => {
    const bench = new Bench({
      limiters: [limiterOf({ limit: 1, per: "10s", burst: 1 })],
      breaker: breakerOf({ minimumCalls: 1, window: 1, openFor: "1s" }),
    });
    bench.settle(bench.arrive(), FAILED);
    await bench.clock.advance("2s");
    bench.arrive();
    expect([bench.lane.mode, bench.lane.waiting]).toEqual(["half-open", 1]);
    await bench.clock.advance("8s");
    expect(bench.admitted).toEqual([0, 1]);
  });

  it("refuses a cost that is no number, and is none the worse for it", async () => {
    const permits = new Permits(1);
    const bench = new Bench({ permits, limiters: [limiterOf({ limit: 1, burst: 1 })] });
    bench.arrive({ cost: Number.NaN });
    await bench.clock.advance(0);
    expect(bench.refused.get(0)).toMatchObject({ code: "config", path: "cost" });
    expect([permits.free, bench.lane.inFlight]).toEqual([1, 0]);
  });

  it("refuses a call that could never start", async () => {
    const bench = new Bench({ limiters: [limiterOf({ limit: 5, burst: 5 })] });
    bench.arrive({ cost: 6 });
    await bench.clock.advance(0);
    expect(bench.refused.get(0)).toMatchObject({ code: "rate-limited", message: expect.stringContaining("can never start") });
  });
});

describe("calls that wait", () => {
  it("go first come, first served, as permits come back", async () => {
    const bench = new Bench({ permits: new Permits(2) });
    const calls = [0, 1, 2, 3, 4].map(() => bench.arrive());
    expect(bench.admitted).toEqual([0, 1]);
    for (const settled of [1, 0, 2]) {
      bench.settle(calls[settled]!);
      await bench.clock.advance(1);
    }
    expect(bench.admitted).toEqual([0, 1, 2, 3, 4]);
  });

  it("go one by one as tokens come back, and a small one does not overtake a large one", async () => {
    const bench = new Bench({ limiters: [limiterOf({ limit: 10, per: "1s", burst: 10 })] });
    for (const cost of [10, 5, 1]) bench.arrive({ cost });
    await bench.clock.advance("1s");
    expect([bench.admitted, bench.startedAt]).toEqual([
      [0, 1, 2],
      [0, 500, 600],
    ]);
  });

  it("are refused when too many wait already, and told when to come again", async () => {
    const bench = new Bench({ permits: new Permits(1), maxQueue: 2 });
    const [first] = [0, 1, 2, 3].map(() => bench.arrive());
    await bench.clock.advance(0);
    expect(bench.refused.get(3)).toMatchObject({ code: "queue-full", retryAfterMs: 1_000 });
    bench.settle(first!);
    bench.arrive();
    await bench.clock.advance(0);
    expect([bench.refused.size, bench.lane.waiting]).toEqual([1, 2]);
  });

  it("leave at their deadline and take nothing with them", async () => {
    const permits = new Permits(1);
    const bench = new Bench({ permits });
    const holder = bench.arrive();
    bench.arrive({ deadlineMs: 500 });
    bench.arrive({ deadlineMs: 5_000 });
    await bench.clock.advance(500);
    expect(bench.refused.get(1)).toMatchObject({ code: "deadline", cut: false, message: expect.stringContaining("waited for a permit") });
    bench.settle(holder);
    await bench.clock.advance(0);
    expect([bench.admitted, bench.lane.waiting, permits.free, bench.clock.pending]).toEqual([[0, 2], 0, 0, 0]);
  });

  it("with a deadline of months are not refused at once for want of a timer that holds so long", async () => {
    const bench = new Bench({ permits: new Permits(1) });
    const holder = bench.arrive();
    bench.arrive({ deadlineMs: 60 * 86_400_000 });
    await bench.clock.advance("50d");
    expect([bench.refused.size, bench.lane.waiting]).toEqual([0, 1]);
    bench.settle(holder);
    await bench.clock.advance(0);
    expect(bench.admitted).toEqual([0, 1]);
  });

  it("are told at once when their token comes after the deadline, or later than they wait", async () => {
    const bench = new Bench({ limiters: [limiterOf({ limit: 1, per: "10s", burst: 1 })] });
    bench.arrive();
    bench.arrive({ deadlineMs: 10_000 });
    bench.arrive({ maxWaitMs: 9_999 });
    bench.arrive({ maxWaitMs: 10_000 });
    await bench.clock.advance(0);
    expect(bench.refused.get(1)).toMatchObject({
      code: "rate-limited",
      retryAfterMs: 10_000,
      message: expect.stringContaining("deadline"),
    });
    expect(bench.refused.get(2)).toMatchObject({ code: "rate-limited", retryAfterMs: 10_000, message: expect.stringContaining("maxWait") });
    expect(bench.lane.waiting).toBe(1);
  });

  it("wait for tokens no longer than they put up with, those far back in the queue too", async () => {
    const bench = new Bench({ limiters: [limiterOf({ limit: 1, per: "1s", burst: 1 })] });
    for (let call = 0; call < 4; call += 1) bench.arrive();
    bench.arrive({ maxWaitMs: 1_500 });
    await bench.clock.advance(1_499);
    expect(bench.lane.waiting).toBe(3);
    await bench.clock.advance(1);
    expect(bench.refused.get(4)).toMatchObject({ code: "rate-limited", message: expect.stringContaining("maxWait") });
    expect(bench.lane.waiting).toBe(2);
  });

  it("are told when they come to the head that they would wait too long, without doing so", async () => {
    const bench = new Bench({ limiters: [limiterOf({ limit: 1, per: "1s", burst: 1 })] });
    for (let call = 0; call < 10; call += 1) bench.arrive({ maxWaitMs: 3_500 });
    await bench.clock.advance("3s");
    expect([bench.admitted, bench.refused.size, bench.clock.pending]).toEqual([[0, 1, 2, 3], 6, 0]);
  });

  it("wait for a permit as long as their deadline allows, whatever they put up with for a token", async () => {
    const bench = new Bench({ permits: new Permits(1), limiters: [limiterOf({ limit: 1, per: "1s", burst: 1 })] });
    const holder = bench.arrive();
    bench.arrive({ maxWaitMs: 100 });
    await bench.clock.advance("1m");
    expect(bench.lane.waiting).toBe(1);
    bench.settle(holder);
    await bench.clock.advance(0);
    expect(bench.admitted).toEqual([0, 1]);
  });

  it("leave at once when their caller does, with its reason, and take nothing", async () => {
    const permits = new Permits(1);
    const limiter = limiterOf({ limit: 1, burst: 5 });
    const bench = new Bench({ permits, limiters: [limiter] });
    const controller = new AbortController();
    const holder = bench.arrive();
    bench.arrive({ signal: controller.signal });
    bench.arrive();
    controller.abort("gone");
    await bench.clock.advance(0);
    expect(bench.refused.get(1)).toBe("gone");
    bench.settle(holder);
    await bench.clock.advance(0);
    expect([bench.admitted, permits.free, limiter.available(bench.now)]).toEqual([[0, 2], 0, 3]);
  });

  it("do not begin to wait when their caller has gone", async () => {
    const bench = new Bench({ permits: new Permits(1) });
    bench.arrive();
    bench.arrive({ signal: AbortSignal.abort("gone") });
    await bench.clock.advance(0);
    expect([bench.refused.get(1), bench.lane.waiting]).toEqual(["gone", 0]);
  });

  it("of one caller leave all together, and none is let go in the place of another", async () => {
    const bench = new Bench({ limiters: [limiterOf({ limit: 1_000, per: "1s", burst: 1 })] });
    const controller = new AbortController();
    bench.arrive();
    for (let call = 0; call < 10_000; call += 1) bench.arrive({ signal: controller.signal });
    const began = systemClock.monotonic();
    controller.abort("shutdown");
    expect(systemClock.monotonic() - began).toBeLessThan(2_000);
    await bench.clock.advance("1m");
    expect([bench.admitted, bench.refused.size, bench.lane.waiting, bench.clock.pending]).toEqual([[0], 10_000, 0, 0]);
    expect(getEventListeners(controller.signal, "abort")).toHaveLength(0);
  });

  it("of one caller leave all together, though the first was all that held the second", async () => {
    const limiter = limiterOf({ limit: 1, per: "1s", burst: 10 });
    const bench = new Bench({ limiters: [limiter] });
    const { signal, abort } = ((controller) => ({ signal: controller.signal, abort: () => controller.abort("gone") }))(
      new AbortController(),
    );
    bench.arrive({ cost: 8 });
    bench.arrive({ cost: 5, signal });
    bench.arrive({ cost: 1, signal });
    abort();
    await bench.clock.advance(0);
    expect([bench.admitted, [...bench.refused.keys()], limiter.available(0)]).toEqual([[0], [1, 2], 2]);
  });

  it("leave no timer behind that would keep the process alive", async () => {
    const bench = new Bench({ limiters: [limiterOf({ limit: 1, per: "1m", burst: 1 })] });
    const controller = new AbortController();
    bench.arrive();
    bench.arrive({ signal: controller.signal, deadlineMs: 90_000 });
    expect(bench.clock.pending).toBe(2);
    controller.abort();
    expect(bench.clock.pending).toBe(0);
  });

  it("are let go by an admission that is given back, with its permit and its token", async () => {
    const bench = new Bench({ permits: new Permits(1), limiters: [limiterOf({ limit: 1, per: "1m", burst: 1 })] });
    const unused = bench.arrive();
    bench.arrive();
    bench.lane.giveBack(unused, bench.now);
    await bench.clock.advance(0);
    expect([bench.admitted, bench.lane.inFlight]).toEqual([[0, 1], 1]);
  });
});

describe("a 429", () => {
  it("holds everybody until its hint is over, those who wait already too", async () => {
    const bench = new Bench({ limiters: [limiterOf({ limit: 10, per: "1s", burst: 1 })] });
    const first = bench.arrive();
    bench.arrive();
    bench.arrive({ maxWaitMs: 2_000 });
    bench.settle(first, hinted(5_000));
    bench.arrive();
    await bench.clock.advance(4_999);
    expect(bench.admitted).toEqual([0]);
    expect(bench.refused.get(2)).toMatchObject({ code: "rate-limited" });
    await bench.clock.advance("1s");
    expect([bench.admitted, bench.startedAt]).toEqual([
      [0, 1, 3],
      [0, 5_000, 5_100],
    ]);
  });

  it("is told to whoever listens, and is no failure of the other side's health", () => {
    const breaker = breakerOf({ minimumCalls: 1, window: 1 });
    const bench = new Bench({ breaker, limiters: [limiterOf({ limit: 1 })] });
    const heard: unknown[] = [];
    bench.runtime.events.on("limiter:paused", ({ pauseMs }) => heard.push(pauseMs));
    bench.settle(bench.arrive(), hinted(5_000));
    expect([heard, bench.lane.mode, breaker.counts(0).calls]).toEqual([[5_000], "closed", 0]);
  });

  it("without a hint halves the rate", async () => {
    const bench = new Bench({ limiters: [limiterOf({ limit: 10, per: "1s", burst: 1 })] });
    bench.settle(bench.arrive(), THROTTLED);
    bench.arrive();
    await bench.clock.advance("1s");
    expect(bench.startedAt).toEqual([0, 200]);
  });

  it("of our own making further down stops nobody", () => {
    const bench = new Bench({ limiters: [limiterOf({ limit: 10, burst: 10 })] });
    bench.settle(bench.arrive(), { ...THROTTLED, hint: { source: "holdfast", retry: false, delayMs: 60_000 } });
    bench.arrive();
    expect(bench.admitted).toEqual([0, 1]);
  });

  it("in one lane holds the other lanes that share its limiter, and together they keep its bound", async () => {
    const limiter = limiterOf({ limit: 5, per: "1s", burst: 2 });
    const bench = new Bench({ limiters: [limiter] });
    const other = bench.another({ limiters: [limiter] });
    const first = bench.arrive();
    for (let call = 0; call < 10; call += 1) {
      bench.arrive({}, other);
      bench.arrive();
    }
    bench.settle(first, hinted(3_000));
    await bench.clock.advance(2_999);
    expect(bench.startedAt).toEqual([0, 0]);
    await bench.clock.advance("1m");
    expect(bench.admitted).toHaveLength(21);
    expect(rateExcess(bench.startedAt, { limit: 5, per: "1s", burst: 2 })).toBeLessThanOrEqual(1e-3);
  });
});

describe("an open breaker", () => {
  const options: BreakerOptions = { minimumCalls: 2, window: 4, openFor: "5s" };
  const opened = (parts: LaneParts = {}): Bench => {
    const bench = new Bench({ breaker: breakerOf(options), ...parts });
    for (const call of [bench.arrive(), bench.arrive()]) bench.settle(call, FAILED);
    return bench;
  };

  it("refuses at once and says when to come again", async () => {
    const bench = opened();
    bench.arrive();
    await bench.clock.advance(0);
    expect(bench.refused.get(2)).toMatchObject({ code: "circuit-open", retryAfterMs: 5_000, lane: "crm POST /contacts" });
    expect(bench.lane.mode).toBe("open");
  });

  it("refuses those too who waited for something else when it opened", async () => {
    const bench = new Bench({ breaker: breakerOf(options), permits: new Permits(2) });
    const running = [bench.arrive(), bench.arrive()];
    bench.arrive();
    for (const call of running) bench.settle(call, FAILED);
    await bench.clock.advance(0);
    // One was let go by the first permit that came back; the other finds the breaker open.
    bench.arrive();
    await bench.clock.advance(0);
    expect([bench.admitted, bench.refused.get(3)]).toMatchObject([[0, 1, 2], { code: "circuit-open" }]);
  });

  it("keeps who may wait for it: one goes as a probe, the rest follow its success on the ramp", async () => {
    const bench = opened({ whenOpen: "wait" });
    const waiting = Array.from({ length: 12 }, () => bench.arrive());
    await bench.clock.advance(4_999);
    expect(bench.admitted).toEqual([0, 1]);
    await bench.clock.advance(1);
    expect(bench.admitted).toEqual([0, 1, 2]);
    bench.settle(waiting[0]!);
    await bench.clock.advance(1_000);
    // A lane that had no healthy rate to speak of: five a second.
    expect(bench.admitted.length).toBeGreaterThanOrEqual(8);
    expect(bench.admitted.length).toBeLessThanOrEqual(9);
    await bench.clock.advance(2_000);
    expect(bench.admitted).toHaveLength(14);
  });

  it("is followed by a ramp that does not steepen while calls fail", async () => {
    for (const [verdict, second] of [
      [SUCCESS, 50],
      [FAILED, 25],
    ] as const) {
      const bench = new Bench({ breaker: breakerOf({ minimumCalls: 20, window: 20, openFor: "5s" }), whenOpen: "wait" });
      for (let call = 0; call < 300; call += 1) {
        bench.settle(bench.arrive());
        await bench.clock.advance(10);
      }
      while (bench.lane.mode === "closed") bench.settle(bench.arrive(), FAILED);
      await bench.clock.advance("5s");
      bench.settle(bench.arrive());
      const before = bench.admitted.length;
      const piledUp = Array.from({ length: 200 }, () => bench.arrive());
      await bench.clock.advance(999);
      bench.settle(piledUp[0]!, verdict);
      const first = bench.admitted.length - before;
      await bench.clock.advance(1_000);
      expect(first).toBeGreaterThanOrEqual(25);
      expect(first).toBeLessThanOrEqual(30);
      expect(bench.admitted.length - before - first).toBeGreaterThanOrEqual(second - 1);
      expect(bench.admitted.length - before - first).toBeLessThanOrEqual(second + 2);
    }
  });

  it("keeps them no longer than they put up with", async () => {
    const bench = opened({ whenOpen: "wait" });
    bench.arrive({ maxWaitMs: 4_000 });
    bench.arrive({ deadlineMs: 5_000 });
    bench.arrive({ maxWaitMs: 6_000, deadlineMs: 5_001 });
    await bench.clock.advance(0);
    expect([...bench.refused.keys()]).toEqual([2, 3]);
    expect(bench.refused.get(2)).toMatchObject({ code: "circuit-open" });
  });

  it("lets nothing go while its probe is under way, and refuses again when that fails", async () => {
    const bench = opened();
    await bench.clock.advance("5s");
    const probe = bench.arrive();
    bench.arrive();
    await bench.clock.advance(0);
    expect(bench.refused.get(3)).toMatchObject({ code: "circuit-open" });
    bench.settle(probe, FAILED);
    bench.arrive();
    await bench.clock.advance(0);
    expect(bench.refused.get(4)).toMatchObject({ code: "circuit-open", retryAfterMs: 10_000 });
  });

  it("is lengthened by the hint of a failure, and not by our own", async () => {
    const bench = new Bench({ breaker: breakerOf(options) });
    const calls = [bench.arrive(), bench.arrive()];
    bench.settle(calls[0]!, FAILED);
    bench.settle(calls[1]!, { ...FAILED, hint: { source: "retry-after", delayMs: 60_000 } });
    expect(bench.lane.breaker?.retryAfterMs(0)).toBe(60_000);
  });

  it("tells every change of its mode, once", async () => {
    const bench = new Bench({ breaker: breakerOf(options) });
    const heard: string[] = [];
    bench.runtime.events.on("breaker:changed", ({ from, to }) => heard.push(`${from}>${to}`));
    for (const call of [bench.arrive(), bench.arrive()]) bench.settle(call, FAILED);
    bench.arrive();
    await bench.clock.advance("5s");
    bench.settle(bench.arrive());
    bench.lane.holdBreaker("open", undefined);
    bench.lane.holdBreaker(undefined, undefined);
    expect(heard).toEqual(["closed>open", "open>half-open", "half-open>closed", "closed>open", "open>closed"]);
  });

  it("may be closed by an operator, which lets go who waits, and opened, which refuses them", async () => {
    const bench = opened({ whenOpen: "wait" });
    bench.arrive();
    bench.lane.holdBreaker("closed", undefined);
    await bench.clock.advance(0);
    expect(bench.admitted).toEqual([0, 1, 2]);
    bench.lane.holdBreaker("open", bench.now + 1_000);
    bench.arrive({ maxWaitMs: 500 });
    bench.arrive();
    await bench.clock.advance(1_000);
    expect([bench.admitted, [...bench.refused.keys()]]).toEqual([[0, 1, 2, 4], [3]]);
  });

  it("may be closed by whoever is told that it opened: those who wait are then let go", async () => {
    const permits = new Permits(2);
    const bench = new Bench({ breaker: breakerOf(options), permits, whenOpen: "wait" });
    bench.runtime.events.on("breaker:changed", ({ to }) => {
      if (to === "open" || to === "half-open") bench.lane.holdBreaker("closed", undefined);
    });
    const running = [bench.arrive(), bench.arrive()];
    bench.arrive();
    bench.arrive();
    for (const call of running) bench.settle(call, FAILED);
    await bench.clock.advance("1s");
    expect([bench.admitted, bench.lane.inFlight, permits.free]).toEqual([[0, 1, 2, 3], 2, 0]);
  });
});

describe("a lane whose listener calls back into it", () => {
  it("lets nobody go twice", async () => {
    const permits = new Permits(5);
    const bench = new Bench({ breaker: breakerOf({ minimumCalls: 1, window: 1, openFor: "5s" }), permits, whenOpen: "wait" });
    bench.runtime.events.on("breaker:changed", ({ to }) => {
      if (to === "half-open") bench.lane.holdBreaker("closed", undefined);
    });
    bench.settle(bench.arrive(), FAILED);
    bench.arrive();
    await bench.clock.advance("5s");
    expect([bench.admitted, bench.lane.inFlight, permits.free]).toEqual([[0, 1], 1, 4]);
  });
});

describe("what a lane learns from an answer", () => {
  it("lowers its limiters to what is left, until the reset", async () => {
    const bench = new Bench({ limiters: [limiterOf({ limit: 10, per: "1s", burst: 10 })] });
    bench.lane.learnRemaining(1, undefined, 0);
    bench.arrive();
    bench.arrive();
    expect(bench.admitted).toEqual([0]);
    await bench.clock.advance(100);
    expect(bench.admitted).toEqual([0, 1]);
  });
});

describe("a lane under any load", () => {
  type Step =
    | { readonly do: "arrive"; readonly call: Pick<CallOptions, "deadlineMs" | "maxWaitMs">; readonly caller: number }
    | { readonly do: "settle"; readonly which: number; readonly as: Verdict }
    | { readonly do: "give-back"; readonly which: number }
    | { readonly do: "abort"; readonly caller: number }
    | { readonly do: "wait"; readonly ms: number };

  const optional = <Value>(value: fc.Arbitrary<Value>): fc.Arbitrary<Value | undefined> => fc.option(value, { nil: undefined });
  const step: fc.Arbitrary<Step> = fc.oneof(
    {
      weight: 8,
      arbitrary: fc.record({
        do: fc.constant("arrive" as const),
        call: fc
          .record({ deadlineMs: optional(fc.integer({ min: 1, max: 3_000 })), maxWaitMs: optional(fc.integer({ min: 1, max: 3_000 })) })
          .map((call) => call as Pick<CallOptions, "deadlineMs" | "maxWaitMs">),
        caller: fc.nat({ max: 5 }),
      }),
    },
    {
      weight: 7,
      arbitrary: fc.record({
        do: fc.constant("settle" as const),
        which: fc.nat(),
        as: fc.constantFrom(SUCCESS, SUCCESS, FAILED, THROTTLED, hinted(700)),
      }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("give-back" as const), which: fc.nat() }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("abort" as const), caller: fc.nat({ max: 5 }) }) },
    { weight: 4, arbitrary: fc.record({ do: fc.constant("wait" as const), ms: fc.constantFrom(0, 10, 150, 900) }) },
  );
  const limit = { limit: 4, per: 1_000, burst: 2 } as const;

  it("keeps its order, its permits and its rate, and loses none of them", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 45 }),
        fc.record({ permits: fc.boolean(), limiter: fc.boolean(), breaker: fc.boolean(), waits: fc.boolean() }),
        async (steps, has) => {
          const permits = new Permits(2);
          const bench = new Bench({
            ...(has.permits ? { permits } : {}),
            ...(has.limiter ? { limiters: [limiterOf(limit)] } : {}),
            ...(has.breaker ? { breaker: breakerOf({ minimumCalls: 2, window: 3, openFor: 400, probeLease: 600 }) } : {}),
            whenOpen: has.waits ? "wait" : "refuse",
            maxQueue: 6,
          });
          const callers = Array.from({ length: 6 }, () => new AbortController());
          const calls: Admittee[] = [];
          const settled = new Set<number>();
          const given = new Set<number>();
          const underWay = (): number[] => bench.admitted.filter((call) => !settled.has(call));
          for (const one of steps) {
            if (one.do === "arrive") calls.push(bench.arrive({ ...one.call, signal: callers[one.caller]!.signal }));
            else if (one.do === "abort") callers[one.caller]!.abort("gone");
            else if (one.do === "wait") await bench.clock.advance(one.ms);
            else {
              const running = underWay();
              const call = running[one.which % Math.max(1, running.length)];
              if (call === undefined) continue;
              settled.add(call);
              if (one.do === "settle") bench.settle(calls[call]!, one.as);
              else {
                given.add(call);
                bench.lane.giveBack(calls[call]!, bench.now);
              }
            }
            // Everybody who was let go in this step has heard of it.
            await bench.clock.advance(0);
            expect(bench.lane.inFlight).toBe(underWay().length);
            expect(has.permits ? permits.free : 2).toBe(has.permits ? 2 - underWay().length : 2);
            expect(bench.lane.waiting).toBe(calls.length - bench.admitted.length - bench.refused.size);
            expect(bench.lane.waiting).toBeLessThanOrEqual(6);
          }
          expect(bench.admitted).toEqual([...bench.admitted].sort((a, b) => a - b));
          const starts = bench.startedAt.filter((_, index) => !given.has(bench.admitted[index]!));
          expect(has.limiter ? rateExcess(starts, limit) : 0).toBeLessThanOrEqual(1e-3);

          // When all is settled and all have left, nothing is taken and nothing is pending.
          for (const caller of callers) caller.abort("end");
          for (const call of underWay()) bench.settle(calls[call]!);
          await bench.clock.advance(0);
          expect([bench.lane.inFlight, bench.lane.waiting, permits.free, bench.clock.pending]).toEqual([0, 0, 2, 0]);
        },
      ),
      { numRuns: 120 },
    );
  });
});
