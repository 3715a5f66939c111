import { describe, expect, it } from "vitest";
import { scaleOf, stretchesOf, type Attempt } from "./waterfall.ts";

function attemptAt(startedAt: number, durationMs: number, kind: Attempt["verdict"]["kind"] = "transient"): Attempt {
  return {
    attempt: 1,
    startedAt,
    durationMs,
    verdict: { kind, effect: "unknown", rule: "status:503", because: "503" },
    because: { code: "backoff", delayMs: 1_000 },
  };
}

describe("the waterfall of an operation", () => {
  it("has its waits between its attempts, each with the reason of the attempt before it", () => {
    const stretches = stretchesOf({ acceptedAt: 0, attempts: [attemptAt(100, 50), attemptAt(1_150, 40, "success")], now: 9_000 });
    expect(stretches.map(({ what, from, to }) => [what, from, to])).toEqual([
      ["wait", 0, 100],
      ["attempt", 100, 150],
      ["wait", 150, 1_150],
      ["attempt", 1_150, 1_190],
    ]);
    expect(stretches[2]).toMatchObject({ why: "it can be retried after a backoff (delay 1000 ms)" });
  });

  it("ends with what it waits for now", () => {
    const [, wait] = stretchesOf({
      attempts: [attemptAt(100, 50)],
      waiting: { until: 5_000, why: "the circuit breaker is open" },
      now: 1_000,
    });
    expect(wait).toEqual({ what: "wait", from: 150, to: 5_000, why: "the circuit breaker is open", open: true });
  });

  it("leaves out waits that nobody made", () => {
    expect(stretchesOf({ acceptedAt: 99, attempts: [attemptAt(100, 50)], now: 0 }).map(({ what }) => what)).toEqual(["attempt"]);
  });

  it("is drawn to scale, and an operation of one instant too", () => {
    const { at } = scaleOf(stretchesOf({ acceptedAt: 0, attempts: [attemptAt(500, 500)], now: 0 }));
    expect([at(0), at(500), at(1_000)]).toEqual([0, 0.5, 1]);
    const single = scaleOf(stretchesOf({ attempts: [attemptAt(500, 0)], now: 0 }));
    expect([single.at(500), single.to]).toEqual([0, 501]);
  });
});
