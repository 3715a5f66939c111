import { describe, expect, test } from "vitest";
import { BUCKETS, METRICS } from "./catalogue.ts";
import { Registry } from "./registry.ts";

const linesOf = (registry: Registry): string[] => registry.render([]).trimEnd().split("\n");

describe("the registry", () => {
  test("says nothing of what was not counted", () => {
    expect(new Registry().render([])).toBe("\n");
  });

  test("counts by labels, and escapes them", () => {
    const registry = new Registry();
    registry.add("holdfast_listener_failures_total", 1, 'a"b\\c\nd');
    registry.add("holdfast_listener_failures_total", 2, 'a"b\\c\nd');
    registry.add("holdfast_store_failures_total", 1);
    expect(linesOf(registry)).toEqual([
      "# HELP holdfast_store_failures_total Times that the store did not answer.",
      "# TYPE holdfast_store_failures_total counter",
      "holdfast_store_failures_total 1",
      "# HELP holdfast_listener_failures_total Times that a listener to an event threw.",
      "# TYPE holdfast_listener_failures_total counter",
      'holdfast_listener_failures_total{event="a\\"b\\\\c\\nd"} 3',
    ]);
  });

  test("adds up the buckets of a histogram, a bound belonging to its bucket", () => {
    const registry = new Registry();
    for (const seconds of [0.0005, 0.001, 0.002, 100_000]) registry.observe("holdfast_admission_wait_seconds", seconds, "crm", "GET /");
    const lines = linesOf(registry).slice(2);
    const count = (le: string): string | undefined =>
      lines
        .find((line) => line.includes(`le="${le}"`))
        ?.split(" ")
        .at(-1);
    expect([count("0.001"), count("0.005"), count("86400"), count("+Inf")]).toEqual(["2", "3", "3", "4"]);
    expect(lines).toHaveLength(BUCKETS.length + 3);
    expect(lines.at(-2)).toMatch(/^holdfast_admission_wait_seconds_sum\{api="crm",endpoint="GET \/"\} 100000\.0035/);
    expect(lines.at(-1)).toBe('holdfast_admission_wait_seconds_count{api="crm",endpoint="GET /"} 4');
  });

  test("keeps no more label sets than it should, and says so", () => {
    const registry = new Registry();
    for (let nth = 0; nth < 2_010; nth += 1) registry.add("holdfast_idempotency_replays_total", 1, `api-${nth}`);
    const lines = linesOf(registry);
    expect(lines).toContain('holdfast_idempotency_replays_total{api="other"} 10');
    expect(lines).toContain('holdfast_metrics_overflow_total{metric="holdfast_idempotency_replays_total"} 10');
    expect(lines).toHaveLength(2_001 + 1 + 4);
  });

  test("reads gauges when it is asked", () => {
    expect(new Registry().render([["holdfast_sync_held_seconds", ["leads"], 1.5]])).toContain(
      '\nholdfast_sync_held_seconds{sync="leads"} 1.5\n',
    );
  });

  test.each(Object.entries(METRICS))("%s is named as Prometheus asks", (name, { type, labels, help }) => {
    expect(name).toMatch(/^holdfast_[a-z_]+$/);
    expect(name.endsWith("_total")).toBe(type === "counter");
    expect(type !== "histogram" || name.endsWith("_seconds")).toBe(true);
    expect(labels).not.toContain("le");
    expect(help).toMatch(/^[A-Z].*\.$/);
  });
});
