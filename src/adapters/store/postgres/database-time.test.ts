import { describe, expect, it } from "vitest";
import type { Clock } from "../../../ports/clock.ts";
import { DatabaseTime } from "./database-time.ts";

const T0 = Date.UTC(2026, 0, 15, 12);

/** A machine whose wall clock can be set, a database beside it, and a way between them that takes its time. */
function world(skewMs: number): {
  readonly clock: Clock;
  readonly time: DatabaseTime;
  pass(ms: number): void;
  step(ms: number): void;
  readonly asked: () => number;
  slow(ms: number): void;
} {
  let truth = 0;
  let skew = skewMs;
  let asked = 0;
  let wayMs = 1;
  const clock: Clock = {
    now: () => T0 + truth + skew,
    monotonic: () => truth,
    setTimer: () => undefined,
    clearTimer: () => {},
  };
  const time = new DatabaseTime(clock, async () => {
    asked += 1;
    truth += wayMs;
    const answer = T0 + truth;
    truth += wayMs;
    return answer;
  });
  return {
    clock,
    time,
    pass: (ms) => (truth += ms),
    step: (ms) => (skew += ms),
    asked: () => asked,
    slow: (ms) => (wayMs = ms),
  };
}

describe("the database's time", () => {
  it("is the worker's own where the two agree to a quarter of a second, to the millisecond", async () => {
    const { time } = world(200);
    await time.measure();
    expect(time.offsetMs).toBe(0);
    expect(time.toDatabase(T0 + 0.125)).toBe(T0 + 0.125);
  });

  it.each([3_600_000, -3_600_000, 500])("is %i ms away from a clock that is as far ahead", async (skewMs) => {
    const { time, clock } = world(skewMs);
    await time.measure();
    expect(time.offsetMs).toBe(-skewMs);
    expect(time.toDatabase(clock.now())).toBeCloseTo(T0 + clock.monotonic(), 0);
    expect(time.fromDatabase(time.toDatabase(T0 + 0.5))).toBe(T0 + 0.5);
  });

  it("is measured again before anything else once the wall clock has stepped", async () => {
    const { time, clock, step, pass, asked } = world(0);
    await time.measure();
    const before = asked();
    pass(10_000);
    expect(time.settled()).toBeUndefined();
    expect(asked()).toBe(before);
    step(3_600_000);
    await time.settled();
    expect(time.toDatabase(clock.now())).toBeCloseTo(T0 + clock.monotonic(), 0);
    step(-3_600_000);
    await time.settled();
    expect(time.offsetMs).toBe(0);
  });

  it("is measured again in passing each minute, so that clocks that drift apart are noticed", async () => {
    const { time, pass, step, asked } = world(0);
    await time.measure();
    const before = asked();
    for (let minute = 0; minute < 10; minute += 1) {
      pass(60_001);
      step(100);
      expect(time.settled()).toBeUndefined();
      await Promise.resolve();
      await time.measure();
    }
    expect(asked()).toBeGreaterThanOrEqual(before + 10);
    expect(time.offsetMs).toBeLessThan(-700);
  });

  it("is not moved by what a slow way to the database cannot tell", async () => {
    const { time, slow } = world(800);
    slow(600);
    await time.measure();
    expect(time.offsetMs).toBe(0);
  });

  it("is told once to many who ask together, and a failure to all of them", async () => {
    const { time, asked } = world(0);
    await Promise.all([time.measure(), time.measure(), time.measure()]);
    expect(asked()).toBe(1);
    const broken = new DatabaseTime(world(0).clock, () => Promise.reject(new Error("gone")));
    await expect(broken.measure()).rejects.toThrow("gone");
  });
});
