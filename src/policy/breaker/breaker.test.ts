import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { seededRandom } from "../../testing/seeded-random.ts";
import { Breaker, REFUSED, type BreakerOutcome } from "./breaker.ts";
import { resolveBreakerOptions, type BreakerOptions } from "./options.ts";

const breakerOf = (options: BreakerOptions, random: () => number = () => 0): Breaker => new Breaker(resolveBreakerOptions(options), random);

/** Opens at the second failure; then as asked for. */
const quick = (options: BreakerOptions = {}): Breaker => breakerOf({ minimumCalls: 2, openFor: 1_000, ...options });

function call(breaker: Breaker, outcome: BreakerOutcome, now: number, durationMs = 1): boolean {
  const stamp = breaker.admit(now);
  if (stamp === REFUSED) return false;
  breaker.settle(stamp, outcome, durationMs, now);
  return true;
}

function open(breaker: Breaker, now = 0): void {
  while (call(breaker, "failure", now)) if (breaker.state.mode === "open") return;
}

interface Step {
  readonly at: number;
  readonly call?: BreakerOutcome;
  readonly times?: number;
  readonly start?: string;
  readonly settle?: string;
  readonly as?: BreakerOutcome;
  readonly state?: string;
}

const vectors = JSON.parse(readFileSync(new URL("../../../test/vectors/breaker.json", import.meta.url), "utf8")) as {
  readonly cases: readonly { readonly name: string; readonly options: BreakerOptions; readonly steps: readonly Step[] }[];
};

describe("the published cases of a breaker", () => {
  it.each(vectors.cases.map((one) => [one.name, one] as const))("%s", (_, { options, steps }) => {
    const breaker = breakerOf(options);
    const started = new Map<string, number[]>();
    for (const { at, times = 1, ...step } of steps) {
      for (let time = 0; time < times; time += 1) {
        if (step.call !== undefined) call(breaker, step.call, at);
        if (step.start !== undefined) started.set(step.start, [...(started.get(step.start) ?? []), breaker.admit(at)]);
        if (step.settle !== undefined) breaker.settle(started.get(step.settle)!.shift()!, step.as!, 1, at);
      }
      expect(breaker.mode(at)).toBe(step.state ?? breaker.mode(at));
    }
  });
});

describe("a closed breaker", () => {
  it("opens at the threshold exactly, and not just below it", () => {
    for (const [failures, mode] of [
      [5, "open"],
      [4, "closed"],
    ] as const) {
      const breaker = breakerOf({ minimumCalls: 10 });
      for (let at = 0; at < 10; at += 1) call(breaker, at < 10 - failures ? "success" : "failure", at);
      expect(breaker.mode(10)).toBe(mode);
    }
  });

  it("does not open at a success, though that completes the minimum", () => {
    const breaker = breakerOf({ minimumCalls: 10 });
    for (let at = 0; at < 10; at += 1) call(breaker, at < 9 ? "failure" : "success", at);
    expect(breaker.mode(10)).toBe("closed");
    call(breaker, "failure", 10);
    expect(breaker.mode(10)).toBe("open");
  });

  it("looks at the last outcomes only", () => {
    const breaker = breakerOf({ window: 4, minimumCalls: 4, failureRate: 0.75 });
    for (const outcome of ["failure", "failure", "success", "success", "failure", "failure"] as const) call(breaker, outcome, 0);
    expect(breaker.mode(0)).toBe("closed");
    call(breaker, "failure", 0);
    expect(breaker.mode(0)).toBe("open");
    expect(breaker.cause).toBe("75 % of the last calls failed");
  });

  it("counts slow calls where that is asked for, successes too, and only then", () => {
    const slow = { slowCallRate: 0.5, slowCall: "1s", minimumCalls: 4 } as const;
    for (const [options, mode] of [
      [slow, "open"],
      [{ minimumCalls: 4 }, "closed"],
    ] as const) {
      const breaker = breakerOf(options);
      for (const duration of [1, 999, 1_000, 5_000]) call(breaker, "success", 0, duration);
      expect(breaker.mode(0)).toBe(mode);
    }
  });

  it("tells what its window holds", () => {
    const breaker = breakerOf({});
    call(breaker, "failure", 0);
    call(breaker, "success", 30_000);
    expect(breaker.counts(60_000)).toEqual({ calls: 2, failures: 1, slow: 0 });
    expect(breaker.counts(60_001)).toEqual({ calls: 1, failures: 0, slow: 0 });
    expect(breaker.retryAfterMs(0)).toBe(0);
  });
});

describe("an open breaker", () => {
  it("refuses until its time has come, and says when that is", () => {
    const breaker = quick();
    open(breaker, 500);
    expect(breaker.admit(1_499)).toBe(REFUSED);
    expect(breaker.retryAfterMs(1_499)).toBe(1);
    expect(breaker.retryAfterMs(2_000)).toBe(0);
    expect(breaker.admit(1_500)).not.toBe(REFUSED);
    expect(breaker.mode(1_500)).toBe("half-open");
  });

  it("stays open twice as long at each re-opening in a row, up to its maximum, and starts anew once it was closed", () => {
    const breaker = quick({ maxOpenFor: 5_000 });
    open(breaker);
    let now = 0;
    const waits: number[] = [];
    for (let opening = 0; opening < 5; opening += 1) {
      waits.push(breaker.retryAfterMs(now));
      now += breaker.retryAfterMs(now);
      call(breaker, "failure", now);
    }
    expect(waits).toEqual([1_000, 2_000, 4_000, 5_000, 5_000]);
    now += breaker.retryAfterMs(now);
    call(breaker, "success", now);
    expect(breaker.mode(now)).toBe("closed");
    open(breaker, now);
    expect(breaker.retryAfterMs(now)).toBe(1_000);
  });

  it("spreads the probes of many processes over a tenth of its time", () => {
    const random = seededRandom(7);
    const waits = Array.from({ length: 200 }, () => {
      const breaker = breakerOf({ minimumCalls: 2, openFor: 1_000 }, random);
      open(breaker);
      return breaker.retryAfterMs(0);
    });
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(1_000);
    expect(Math.max(...waits)).toBeLessThanOrEqual(1_100);
    expect(Math.max(...waits) - Math.min(...waits)).toBeGreaterThan(80);
  });

  it("is lengthened by a hint, never shortened, and never by more than a day", () => {
    const breaker = quick();
    open(breaker);
    breaker.lengthen(500, 0);
    expect(breaker.retryAfterMs(0)).toBe(1_000);
    breaker.lengthen(5_000, 0);
    expect(breaker.retryAfterMs(0)).toBe(5_000);
    breaker.lengthen(1_768_478_400_000, 0);
    expect(breaker.retryAfterMs(0)).toBe(86_400_000);
  });

  it("is the only one that a hint lengthens", () => {
    const breaker = quick();
    breaker.lengthen(5_000, 0);
    expect(breaker.admit(0)).not.toBe(REFUSED);
    open(breaker);
    breaker.admit(1_000);
    breaker.lengthen(5_000, 1_000);
    expect(breaker.mode(1_000)).toBe("half-open");
  });
});

describe("a half-open breaker", () => {
  const halfOpen = (options: BreakerOptions = {}): { breaker: Breaker; probe: number } => {
    const breaker = quick(options);
    open(breaker);
    return { breaker, probe: breaker.admit(1_000) };
  };

  it("lets one probe through, refuses the rest and tells when its permit is free at the latest", () => {
    const { breaker } = halfOpen({ probeLease: "10s" });
    expect(breaker.admit(1_500)).toBe(REFUSED);
    expect(breaker.retryAfterMs(1_500)).toBe(9_500);
    expect(breaker.cause).toBe("a probe is under way");
  });

  it("closes after as many successes as it lets probes through, with an empty window", () => {
    const { breaker, probe } = halfOpen({ halfOpenCalls: 3 });
    breaker.settle(probe, "success", 1, 1_001);
    expect(breaker.mode(1_001)).toBe("half-open");
    call(breaker, "success", 1_002);
    expect(breaker.mode(1_002)).toBe("half-open");
    call(breaker, "success", 1_003);
    expect(breaker.mode(1_003)).toBe("closed");
    expect(breaker.counts(1_003)).toEqual({ calls: 0, failures: 0, slow: 0 });
  });

  it("counts successes among its permits, and does not say that a refused call may come at once", () => {
    const { breaker, probe } = halfOpen({ halfOpenCalls: 2, probeLease: "10s" });
    const second = breaker.admit(1_000);
    breaker.settle(probe, "success", 1, 1_001);
    expect(breaker.admit(1_002)).toBe(REFUSED);
    expect(breaker.retryAfterMs(1_002)).toBe(9_998);
    breaker.settle(second, "ignored", 1, 1_003);
    expect(breaker.retryAfterMs(1_003)).toBe(0);
    expect(breaker.admit(1_003)).not.toBe(REFUSED);
  });

  it("opens again at one failure, and the other probe's success changes nothing then", () => {
    const { breaker, probe } = halfOpen({ halfOpenCalls: 2 });
    const second = breaker.admit(1_000);
    breaker.settle(probe, "failure", 1, 1_001);
    breaker.settle(second, "success", 1, 1_002);
    expect(breaker.mode(1_002)).toBe("open");
    expect(breaker.cause).toBe("the probe failed");
  });

  it("gives the permit of a probe that hangs to another, once", () => {
    const { breaker, probe } = halfOpen({ probeLease: "10s" });
    expect(breaker.admit(10_999)).toBe(REFUSED);
    const second = breaker.admit(11_000);
    expect(second).not.toBe(REFUSED);
    // The first comes back after all, cancelled: that frees no permit but its own, which it has lost.
    breaker.settle(probe, "ignored", 1, 11_001);
    expect(breaker.admit(11_002)).toBe(REFUSED);
    breaker.settle(second, "success", 1, 11_003);
    expect(breaker.mode(11_003)).toBe("closed");
  });

  it("believes a probe that comes back late", () => {
    const { breaker, probe } = halfOpen({ probeLease: "10s" });
    breaker.settle(probe, "success", 1, 60_000);
    expect(breaker.mode(60_000)).toBe("closed");
  });
});

describe("a breaker that an operator holds", () => {
  it("open refuses everything until it is given back, and outcomes change nothing", () => {
    const breaker = quick();
    const stamp = breaker.admit(0);
    breaker.hold("open", undefined);
    breaker.settle(stamp, "success", 1, 1);
    expect([breaker.admit(1e9), breaker.mode(1e9), breaker.retryAfterMs(1e9)]).toEqual([REFUSED, "open", 1_000]);
    expect(breaker.cause).toBe("held by an operator");
    breaker.auto();
    expect(call(breaker, "success", 1e9)).toBe(true);
  });

  it("closed lets everything through, whatever fails", () => {
    const breaker = quick();
    breaker.hold("closed", undefined);
    for (let at = 0; at < 50; at += 1) expect(call(breaker, "failure", at)).toBe(true);
    expect([breaker.mode(50), breaker.retryAfterMs(50), breaker.counts(50).calls]).toEqual(["closed", 0, 0]);
    breaker.auto();
    call(breaker, "failure", 51);
    expect(breaker.mode(51)).toBe("closed");
    call(breaker, "failure", 51);
    expect(breaker.mode(51)).toBe("open");
  });

  it("for a time judges for itself when that is over", () => {
    const breaker = quick();
    breaker.hold("open", 5_000);
    expect([breaker.admit(4_999), breaker.retryAfterMs(4_000), breaker.mode(4_999)]).toEqual([REFUSED, 1_000, "open"]);
    expect(breaker.mode(5_000)).toBe("closed");
    expect(breaker.admit(5_000)).not.toBe(REFUSED);
    expect(breaker.state.mode).toBe("closed");
  });

  it("is not given back by auto() when nobody holds it", () => {
    const breaker = quick();
    open(breaker);
    breaker.auto();
    expect(breaker.mode(0)).toBe("open");
  });
});

describe("a breaker under any interleaving", () => {
  type Event =
    | { readonly do: "admit" }
    | { readonly do: "settle"; readonly which: number; readonly as: BreakerOutcome }
    | { readonly do: "wait"; readonly ms: number }
    | { readonly do: "hold"; readonly as: "open" | "closed"; readonly ms: number | undefined }
    | { readonly do: "auto" }
    | { readonly do: "lengthen"; readonly ms: number };

  const event: fc.Arbitrary<Event> = fc.oneof(
    { weight: 6, arbitrary: fc.constant<Event>({ do: "admit" }) },
    {
      weight: 8,
      arbitrary: fc.record({
        do: fc.constant("settle" as const),
        which: fc.nat(),
        as: fc.constantFrom<BreakerOutcome>("success", "failure", "failure", "ignored"),
      }),
    },
    { weight: 3, arbitrary: fc.record({ do: fc.constant("wait" as const), ms: fc.nat({ max: 1_500 }) }) },
    {
      weight: 1,
      arbitrary: fc.record({
        do: fc.constant("hold" as const),
        as: fc.constantFrom("open" as const, "closed" as const),
        ms: fc.option(fc.nat({ max: 2_000 }), { nil: undefined }),
      }),
    },
    { weight: 1, arbitrary: fc.constantFrom<Event>({ do: "auto" }, { do: "lengthen", ms: 700 }) },
  );
  const options = fc.record({
    window: fc.integer({ min: 3, max: 8 }),
    minimumCalls: fc.integer({ min: 1, max: 3 }),
    failureRate: fc.constantFrom(0.25, 0.5, 1),
    halfOpenCalls: fc.integer({ min: 1, max: 3 }),
    openFor: fc.constantFrom(500, 1_000),
    probeLease: fc.constantFrom(300, 3_000),
    windowTime: fc.constantFrom(1_000, 60_000),
  });

  /** Plays the events to a breaker and to a plain account of them; answers where the two disagree. */
  function disagreements(given: BreakerOptions, events: readonly Event[], seed: number): string[] {
    const resolved = resolveBreakerOptions(given);
    const breaker = new Breaker(resolved, seededRandom(seed));
    const found: string[] = [];
    const claim = (holds: boolean, text: string): void => {
      if (!holds) found.push(text);
    };
    /** Calls in flight, with the number of state changes before them. */
    const flying: { stamp: number; epoch: number; until: number }[] = [];
    /** Outcomes that count, since the last change of state. */
    let counted: { failed: boolean; at: number }[] = [];
    let epoch = 0;
    let now = 0;

    for (const one of events) {
      const before = breaker.state;
      let stamp = REFUSED;
      if (one.do === "wait") now += one.ms;
      else if (one.do === "hold") breaker.hold(one.as, one.ms === undefined ? undefined : now + one.ms);
      else if (one.do === "auto") breaker.auto();
      else if (one.do === "lengthen") breaker.lengthen(one.ms, now);
      else if (one.do === "admit") {
        const told = breaker.retryAfterMs(now);
        stamp = breaker.admit(now);
        claim((stamp === REFUSED) === told > 0, "what it says of the next call is what it does with it");
      } else if (flying.length > 0) {
        const [settled] = flying.splice(one.which % flying.length, 1) as [(typeof flying)[number]];
        const counts = breaker.counts(now).calls;
        breaker.settle(settled.stamp, one.as, 1, now);
        const untouched = breaker.state === before && breaker.counts(now).calls === counts;
        if (settled.epoch !== epoch) claim(untouched, "an outcome of an older generation changes nothing");
        else if (before.mode === "closed" && one.as !== "ignored") {
          counted = [...counted, { failed: one.as === "failure", at: now }].slice(-resolved.window);
          counted = counted.filter(({ at }) => at >= now - resolved.windowMs);
          const rate = counted.filter(({ failed }) => failed).length / counted.length;
          const due = one.as === "failure" && counted.length >= resolved.minimumCalls && rate >= resolved.failureRate;
          claim(breaker.state.mode === (due ? "open" : "closed"), "it opens when the rate is there, and only then");
        }
      }
      if (breaker.state.mode !== before.mode || (one.do === "hold" && breaker.state !== before)) {
        epoch += 1;
        counted = [];
      }
      if (stamp !== REFUSED) flying.push({ stamp, epoch, until: now + resolved.probeLeaseMs });
      const probing = flying.filter((probe) => probe.epoch === epoch && probe.until > now).length;
      claim(breaker.state.mode !== "half-open" || probing <= resolved.halfOpenCalls, "no more probes than permits");
    }
    return found;
  }

  it("opens only when the rate is there, keeps to its permits, and never heeds an old generation", () => {
    fc.assert(
      fc.property(options, fc.array(event, { maxLength: 120 }), fc.integer(), (given, events, seed) => {
        expect(disagreements(given, events, seed)).toEqual([]);
      }),
      { numRuns: 400 },
    );
  });
});

describe("wrong options of a breaker", () => {
  it.each<[string, unknown, string]>([
    ["null", null, "at"],
    ["a word", "on", "at"],
    ["an option that nobody knows", { failureRatio: 0.5 }, "at.failureRatio"],
    ["a rate of 0", { failureRate: 0 }, "at.failureRate"],
    ["a rate in per cent", { failureRate: 50 }, "at.failureRate"],
    ["a rate in words", { failureRate: "0.5" }, "at.failureRate"],
    ["an empty window", { window: 0 }, "at.window"],
    ["half a window", { window: 2.5 }, "at.window"],
    ["a window that is too large", { window: 10_001 }, "at.window"],
    ["no time", { windowTime: 0 }, "at.windowTime"],
    ["no minimum", { minimumCalls: 0 }, "at.minimumCalls"],
    ["a minimum that the window cannot hold", { window: 5, minimumCalls: 6 }, "at.minimumCalls"],
    ["no time to be open", { openFor: "0s" }, "at.openFor"],
    ["a maximum below it", { openFor: "10s", maxOpenFor: "5s" }, "at.maxOpenFor"],
    ["no probes", { halfOpenCalls: 0 }, "at.halfOpenCalls"],
    ["four probes", { halfOpenCalls: 4 }, "at.halfOpenCalls"],
    ["a lease of nothing", { probeLease: 0 }, "at.probeLease"],
    ["slow calls without a rate", { slowCall: "1s" }, "at.slowCallRate"],
    ["a rate of slow calls without a time", { slowCallRate: 0.5 }, "at.slowCall"],
    ["a wrong rate of slow calls", { slowCallRate: 2, slowCall: "1s" }, "at.slowCallRate"],
    ["a time from which every call is slow", { slowCallRate: 0.5, slowCall: 0 }, "at.slowCall"],
  ])("are refused with %s, by path", (_, given, path) => {
    expect(() => resolveBreakerOptions(given as BreakerOptions, "at")).toThrow(expect.objectContaining({ code: "config", path }));
  });

  it("are completed with the defaults that the reference promises", () => {
    expect(resolveBreakerOptions()).toEqual({
      failureRate: 0.5,
      window: 20,
      windowMs: 60_000,
      minimumCalls: 10,
      openMs: 30_000,
      maxOpenMs: 300_000,
      halfOpenCalls: 1,
      probeLeaseMs: 60_000,
      slowCallRate: undefined,
      slowCallMs: Number.POSITIVE_INFINITY,
    });
    expect(resolveBreakerOptions({ window: 4 }).minimumCalls).toBe(4);
    expect(resolveBreakerOptions({ openFor: "10m" }).maxOpenMs).toBe(600_000);
    expect(Object.isFrozen(resolveBreakerOptions())).toBe(true);
  });
});
