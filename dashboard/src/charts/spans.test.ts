import { expect, it } from "vitest";
import { openMs, spansOf } from "./spans.ts";

const change = (at: number, from: string, to: string) => ({ at, from, to, because: `why ${to}`, retryAfterMs: 0, process: "p" });

it("a breaker is in one state at every instant of the window", () => {
  const spans = spansOf(
    { from: 0, to: 100, changes: [change(20, "closed", "open"), change(50, "open", "half-open"), change(60, "half-open", "closed")] },
    "closed",
  );
  expect(spans).toEqual([
    { state: "closed", from: 0, to: 20 },
    { state: "open", from: 20, to: 50, because: "why open" },
    { state: "half-open", from: 50, to: 60, because: "why half-open" },
    { state: "closed", from: 60, to: 100, because: "why closed" },
  ]);
  expect(openMs(spans)).toBe(40);
});

it("without a change it is what it is now, and one that is not known is closed", () => {
  expect(spansOf({ from: 0, to: 10, changes: [] }, "open")).toEqual([{ state: "open", from: 0, to: 10 }]);
  expect(spansOf({ from: 0, to: 10, changes: [] }, "unknown")).toEqual([{ state: "closed", from: 0, to: 10 }]);
});

it("changes of one instant leave no span of nothing", () => {
  const spans = spansOf({ from: 0, to: 10, changes: [change(5, "closed", "open"), change(5, "open", "closed")] }, "closed");
  expect(spans.map(({ from, to }) => [from, to])).toEqual([
    [0, 5],
    [5, 10],
  ]);
});
