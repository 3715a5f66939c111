import { describe, expect, it } from "vitest";
import { Ramp } from "./ramp.ts";

/** Calls that a queue without end gets through in each second from `from` on. */
function drained(ramp: Ramp, from: number, seconds: number, onCall?: (now: number) => void): number[] {
  const perSecond = Array.from({ length: seconds }, () => 0);
  let now = from;
  while (now < from + seconds * 1_000) {
    const wait = ramp.tryTake(now);
    if (wait === 0) {
      perSecond[Math.floor((now - from) / 1_000)]! += 1;
      onCall?.(now);
      // Nothing is held back any more: a thousand a second stand for "as fast as it likes".
      now += 1;
    } else now += wait;
  }
  return perSecond;
}

/** A lane that did `perSecond` for five seconds. */
function healthy(perSecond: number): Ramp {
  const ramp = new Ramp();
  for (let call = 0; call < perSecond * 5; call += 1) ramp.succeeded((call * 1_000) / perSecond);
  return ramp;
}

describe("the ramp after an outage", () => {
  it("holds nothing back before there was one", () => {
    const ramp = healthy(100);
    expect([ramp.tryTake(5_000), ramp.tryTake(5_000)]).toEqual([0, 0]);
  });

  it("starts at a quarter of the healthy rate and doubles each second until it is four times that rate", () => {
    const ramp = healthy(100);
    ramp.start(65_000);
    const seconds = drained(ramp, 65_000, 6);
    for (const [second, rate] of [25, 50, 100, 200, 400].entries()) {
      // A burst of a tenth of a second at the start, and the rounding of the second's ends.
      expect(seconds[second]).toBeGreaterThanOrEqual(rate - 1);
      expect(seconds[second]).toBeLessThanOrEqual(rate * 1.1 + 2);
    }
    expect(seconds[5]).toBe(1_000);
  });

  it("does not take its own slowness for the healthy rate", () => {
    const ramp = healthy(100);
    ramp.start(65_000);
    const seconds = drained(ramp, 65_000, 3, (now) => ramp.succeeded(now));
    expect(seconds[2]).toBeGreaterThanOrEqual(99);
  });

  it("does not double over a second with a failure in it", () => {
    const ramp = healthy(100);
    ramp.start(65_000);
    expect(drained(ramp, 65_000, 1)[0]).toBeLessThanOrEqual(30);
    ramp.failed(65_999);
    expect(drained(ramp, 66_000, 1)[0]).toBeLessThanOrEqual(30);
    expect(drained(ramp, 67_000, 1)[0]).toBeGreaterThanOrEqual(49);
  });

  it("lets a lane that was quiet drain at five a second at least", () => {
    const ramp = new Ramp();
    ramp.start(1_000);
    const [first] = drained(ramp, 1_000, 1);
    expect(first).toBeGreaterThanOrEqual(5);
    expect(first).toBeLessThanOrEqual(6);
  });

  it("does not forget the healthy rate in one quiet second before the outage", () => {
    const ramp = healthy(100);
    ramp.succeeded(5_500);
    ramp.succeeded(6_500);
    ramp.start(65_000);
    expect(drained(ramp, 65_000, 1)[0]).toBeGreaterThanOrEqual(12);
  });

  it("ends when the breaker opens again, and begins anew when it closes", () => {
    const ramp = healthy(100);
    ramp.start(65_000);
    drained(ramp, 65_000, 2);
    ramp.stop();
    expect([ramp.tryTake(67_000), ramp.tryTake(67_000)]).toEqual([0, 0]);
    ramp.start(97_000);
    expect(drained(ramp, 97_000, 1)[0]).toBeLessThanOrEqual(30);
  });

  it("is over after an idle time, and in no time", () => {
    const ramp = healthy(100);
    ramp.start(65_000);
    expect(ramp.tryTake(1e12)).toBe(0);
    expect(ramp.tryTake(1e12)).toBe(0);
  });
});
