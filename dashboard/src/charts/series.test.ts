import { describe, expect, it } from "vitest";
import { callsIn, shareOf, stacked, stepsOf, throughputOf, type Point } from "./series.ts";

function point(at: number, calls: number, failed = 0): Point {
  const none = { succeeded: 0, refused: 0, replayed: 0, attempts: 0, retries: 0, deadLetters: 0 };
  return { at, calls, failed, ...none, verdicts: {}, p50: null, p95: null, standing: null };
}

const api = (name: string, ...calls: readonly number[]) => ({
  api: name,
  points: calls.map((one, index) => point(index * 10_000, one, one / 2)),
});

describe("the traffic of many APIs", () => {
  it("is in calls a second, the busiest first, without those that were not called", () => {
    expect(throughputOf([api("a", 10, 0), api("b", 20, 40), api("c", 0, 0)], 10_000)).toEqual([
      { name: "b", values: [2, 4] },
      { name: "a", values: [1, 0] },
    ]);
  });

  it("of more APIs than colours, adds the rest up", () => {
    const lines = throughputOf(
      "abcdefg".split("").map((name, index) => api(name, 10 * (index + 1))),
      10_000,
    );
    expect(lines.map(({ name }) => name)).toEqual(["g", "f", "e", "d", "others"]);
    expect(lines.at(-1)?.values).toEqual([6]);
  });

  it("has its shares over all APIs, and none where nothing was called", () => {
    const items = [api("a", 10, 0), api("b", 30, 0)];
    expect(shareOf(items, ({ failed }) => failed, callsIn, stepsOf(items, 10_000).times)).toEqual([0.5, null]);
  });
});

it("a retry is a share of the calls that were begun, where none of them has ended yet", () => {
  expect(callsIn({ ...point(0, 0), attempts: 12, retries: 2 })).toBe(10);
  expect(callsIn({ ...point(0, 15), attempts: 12, retries: 2 })).toBe(15);
});

it("stacked lines stand on each other", () => {
  expect(
    stacked([
      { name: "a", values: [1, null] },
      { name: "b", values: [2, 3] },
    ]),
  ).toEqual([
    { name: "a", values: [1, 0] },
    { name: "b", values: [3, 3] },
  ]);
});
