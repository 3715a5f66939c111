import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { OutcomeWindow } from "./outcome-window.ts";

describe("the window of outcomes", () => {
  it("keeps the last so many", () => {
    const window = new OutcomeWindow(3, 1_000);
    for (const failed of [true, true, false, false]) window.add(failed, failed, 0);
    expect(window.counts(0)).toEqual({ calls: 3, failures: 1, slow: 1 });
  });

  it("drops what is older than its time, and keeps what is exactly as old", () => {
    const window = new OutcomeWindow(10, 1_000);
    window.add(true, false, 0);
    window.add(true, true, 500);
    expect(window.counts(1_000)).toEqual({ calls: 2, failures: 2, slow: 1 });
    expect(window.counts(1_001)).toEqual({ calls: 1, failures: 1, slow: 1 });
    expect(window.counts(3_600_000)).toEqual({ calls: 0, failures: 0, slow: 0 });
  });

  it("has no rate below the minimum, and the plain share from it on", () => {
    const window = new OutcomeWindow(10, 1_000);
    window.add(true, true, 0);
    window.add(true, false, 0);
    expect([window.failureRate(3), window.slowRate(3)]).toEqual([0, 0]);
    window.add(false, false, 0);
    expect([window.failureRate(3), window.slowRate(3)]).toEqual([2 / 3, 1 / 3]);
  });

  it("is empty after it was cleared", () => {
    const window = new OutcomeWindow(2, 1_000);
    window.add(true, true, 0);
    window.clear();
    expect(window.counts(0)).toEqual({ calls: 0, failures: 0, slow: 0 });
  });

  it("counts as a plain list does, for any outcomes at any times", () => {
    const outcome = fc.record({ failed: fc.boolean(), slow: fc.boolean(), after: fc.nat({ max: 60 }), clear: fc.nat({ max: 30 }) });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 7 }), fc.array(outcome, { maxLength: 60 }), (size, outcomes) => {
        const window = new OutcomeWindow(size, 100);
        let list: { failed: boolean; slow: boolean; at: number }[] = [];
        let now = 0;
        for (const { failed, slow, after, clear } of outcomes) {
          now += after;
          if (clear === 0) {
            window.clear();
            list = [];
          }
          window.add(failed, slow, now);
          list = [...list, { failed, slow, at: now }].slice(-size).filter(({ at }) => at >= now - 100);
          const expected = {
            calls: list.length,
            failures: list.filter((one) => one.failed).length,
            slow: list.filter((one) => one.slow).length,
          };
          expect(window.counts(now)).toEqual(expected);
          expect(window.failureRate(1)).toBe(expected.failures / expected.calls);
        }
      }),
    );
  });
});
