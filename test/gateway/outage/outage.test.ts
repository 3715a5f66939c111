/** A short form of `npm run drill`. */
import { beforeAll, describe, expect, test } from "vitest";
import { drill, type DrillReport } from "./drill.ts";

let report: DrillReport;

beforeAll(async () => {
  report = await drill({ outageMs: 6_000, calmMs: 2_000, writesPerSecond: 40, openFor: "500ms", maxOpenFor: "1000ms" });
}, 180_000);

describe("an API that is away for a while, under load", () => {
  test("costs nothing that was accepted: all of it arrives, once", () => {
    expect(report.accepted).toBeGreaterThan(300);
    const { refused, missing, doubled, deadLetters } = report;
    expect({ refused, missing, doubled, deadLetters }).toEqual({ refused: 0, missing: 0, doubled: 0, deadLetters: 0 });
  });

  test("is left alone meanwhile, and gets no more than it can take once it is back", () => {
    // A write a second would be 40 times as many: the breaker lets a probe through now and then.
    expect(report.requestsWhileAway).toBeLessThan(100);
    expect(report.overLimit).toBe(0);
    expect(report.mostPerSecond).toBeLessThanOrEqual(report.limitPerSecond + 30);
  });

  test("is not noticed by who asks another API", () => {
    expect(report.other.failed).toBe(0);
    expect(report.other.p99.away).toBeLessThan(Math.max(250, 2 * report.other.p99.calm));
  });
});
