import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { advance, newAlert, QUIET_MS, type AlertChange, type AlertReading, type AlertState } from "./alert.ts";
import { resolveAlertRules, type AlertRule, type AlertRuleOptions } from "./rules.ts";

const RULE: AlertRule = {
  name: "error-rate",
  warning: { over: 0.02, forMs: 300_000 },
  critical: { over: 0.1, forMs: 60_000 },
  minimum: 20,
};
const reading = (value: number): AlertReading => ({ rule: "error-rate", subject: "crm GET /", value, words: String(value) });

/** Readings every 15 seconds, and what was told of them, with the second of each. */
function told(
  values: readonly (number | undefined)[],
  rule: AlertRule = RULE,
): readonly (readonly [second: number, change: AlertChange, tier: string])[] {
  let state: AlertState = newAlert(reading(0));
  return values.flatMap((value, index) => {
    const next = advance(state, rule, value === undefined ? undefined : reading(value), index * 15_000);
    const tier = next.state.tier ?? state.tier ?? "none";
    state = next.state;
    return next.change === undefined ? [] : [[index * 15, next.change, tier] as const];
  });
}
const times = (count: number, value: number | undefined): readonly (number | undefined)[] => Array.from({ length: count }, () => value);

describe("an alert", () => {
  it("fires once, after its time, and is over a minute after its value is", () => {
    expect(told([...times(30, 0.05), ...times(10, 0)])).toEqual([
      [300, "fired", "warning"],
      [30 * 15 + 60, "resolved", "warning"],
    ]);
  });

  it("does not fire for what is over before its time", () => {
    expect(told([...times(20, 0.05), 0, ...times(20, 0.05), undefined, ...times(20, 0.05)])).toEqual([]);
  });

  it("escalates, and eases when only the lower tier is left", () => {
    expect(told([...times(21, 0.05), ...times(8, 0.5), ...times(10, 0.05), ...times(6, 0)])).toEqual([
      [300, "fired", "warning"],
      [21 * 15 + 60, "escalated", "critical"],
      [29 * 15 + 60, "eased", "warning"],
      [39 * 15 + 60, "resolved", "warning"],
    ]);
  });

  it("goes on through a dip, and through a value that is not known for a moment", () => {
    expect(told([...times(21, 0.05), 0, 0, ...times(3, 0.05), undefined, undefined, ...times(20, 0.05)])).toEqual([
      [300, "fired", "warning"],
    ]);
  });

  it("has only the tiers that it has", () => {
    const only: AlertRule = { ...RULE, warning: undefined };
    expect(told([...times(30, 0.05), ...times(5, 0.2)], only)).toEqual([[30 * 15 + 60, "fired", "critical"]]);
  });

  it("never tells twice in a row of the same, nor of an end without a beginning", () => {
    fc.assert(
      fc.property(fc.array(fc.option(fc.double({ min: 0, max: 0.3, noNaN: true }), { nil: undefined }), { maxLength: 200 }), (values) => {
        let level = 0;
        for (const [, change, tier] of told(values)) {
          const next = change === "resolved" ? 0 : tier === "critical" ? 2 : 1;
          expect(next).not.toBe(level);
          expect(change).toBe(next === 0 ? "resolved" : level === 0 ? "fired" : next > level ? "escalated" : "eased");
          level = next;
        }
      }),
    );
  });

  it("needs more than a moment of quiet", () => expect(QUIET_MS).toBeGreaterThan(15_000));
});

describe("rules", () => {
  it("are the defaults, and what is said over them", () => {
    const rules = resolveAlertRules({ "error-rate": { warning: { over: 0.05 }, critical: false }, latency: false }, "alerts.rules");
    expect(rules.get("error-rate")).toEqual({
      name: "error-rate",
      warning: { over: 0.05, forMs: 300_000 },
      critical: undefined,
      minimum: 20,
    });
    expect(rules.has("latency")).toBe(false);
    expect(rules.get("dead-letters")?.critical).toEqual({ over: 50, forMs: 0 });
  });

  it.each<[string, Record<string, AlertRuleOptions>, string]>([
    ["an unknown rule", { errors: {} }, "alerts.rules.errors"],
    ["an unknown tier", { latency: { info: {} } as AlertRuleOptions }, "alerts.rules.latency.info"],
    ["a threshold that is none", { latency: { warning: { over: -1 } } }, "alerts.rules.latency.warning.over"],
    ["a tier without a threshold", { "dead-letters": { warning: {} } }, "alerts.rules.dead-letters.warning.over"],
    ["a wrong time", { latency: { warning: { for: "5 minutes" as "5m" } } }, "alerts.rules.latency.warning.for"],
    ["a minimum that has no effect", { "breaker-open": { minimum: 5 } }, "alerts.rules.breaker-open.minimum"],
    ["a minimum of 0", { latency: { minimum: 0 } }, "alerts.rules.latency.minimum"],
  ])("are refused with %s, by path", (_, rules, path) => {
    expect(() => resolveAlertRules(rules, "alerts.rules")).toThrow(expect.objectContaining({ code: "config", path }));
  });
});
