import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { BecauseCode, DeadReason, Decision } from "../core/decision.ts";
import { explainBecause } from "../core/decision.ts";
import { SUCCESS, type Verdict } from "../core/verdict.ts";
import { seededRandom } from "../testing/seeded-random.ts";
import { constant, exponential } from "./backoff/backoff.ts";
import { decide, type DecidePolicy, type Situation } from "./decide.ts";

const INFINITY = Number.POSITIVE_INFINITY;
const verdict = (fields: Partial<Verdict>): Verdict => ({ kind: "transient", effect: "none", rule: "r", because: "b", ...fields });

/** A failed first try of four that nothing speaks against trying again. */
const PLAIN: Situation = {
  verdict: verdict({}),
  attempt: 1,
  maxAttempts: 4,
  remainingMs: INFINITY,
  previousDelayMs: 0,
  mode: "inline",
  repeatable: true,
  replayable: true,
  canReconcile: false,
  canRefresh: false,
  refreshed: false,
  canRepair: false,
  keep: false,
  wanted: true,
  exhaustedBelow: false,
  budgets: { task: INFINITY, key: INFINITY, lane: INFINITY },
};
const POLICY: DecidePolicy = { backoff: constant(100), maxHintMs: 60_000 };

const after = (fields: Partial<Situation>, policy: Partial<DecidePolicy> = {}, chance = 0.5): Decision =>
  decide({ ...PLAIN, ...fields }, { ...POLICY, ...policy }, () => chance);
const hinted = (delayMs: number, fields: Partial<Verdict> = {}): Verdict =>
  verdict({ kind: "throttled", quota: "burst", hint: { source: "retry-after", delayMs }, ...fields });

describe("what happens after an attempt", () => {
  it.each<[string, Partial<Situation>, Decision["action"], BecauseCode]>([
    ["that succeeded", { verdict: SUCCESS }, "succeed", "answered"],
    ["that failed for now", {}, "retry", "backoff"],
    ["that was throttled", { verdict: verdict({ kind: "throttled" }) }, "retry", "backoff"],
    ["that was refused for good", { verdict: verdict({ kind: "permanent", effect: "done" }) }, "fail", "permanent"],
    [
      "that was refused for good, though the other side wants it again",
      { verdict: verdict({ kind: "permanent", hint: { source: "x-should-retry", retry: true } }) },
      "retry",
      "forced-by-hint",
    ],
    ["that its caller ended", { verdict: verdict({ kind: "cancelled" }) }, "fail", "cancelled"],
    ["whose token had expired", { verdict: verdict({ kind: "unauthorized" }), canRefresh: true }, "refresh", "token-expired"],
    ["whose token had expired again", { verdict: verdict({ kind: "unauthorized" }), refreshed: true }, "fail", "permanent-after-refresh"],
    ["whose token cannot be had anew", { verdict: verdict({ kind: "unauthorized" }) }, "fail", "permanent"],
    [
      "whose token had expired, but whose body is gone",
      { verdict: verdict({ kind: "unauthorized" }), canRefresh: true, replayable: false },
      "fail",
      "permanent",
    ],
    [
      "whose token had expired, like its time",
      { verdict: verdict({ kind: "unauthorized" }), canRefresh: true, remainingMs: 0 },
      "fail",
      "deadline",
    ],
    ["whose effect stands already", { verdict: verdict({ kind: "conflict", conflict: "duplicate" }) }, "succeed", "duplicate-of-done"],
    ["that met another at work", { verdict: verdict({ kind: "conflict", conflict: "concurrent" }) }, "retry", "backoff"],
    ["that met a plain conflict", { verdict: verdict({ kind: "conflict", conflict: "permanent" }) }, "fail", "permanent"],
    ["whose answer was cut", { verdict: verdict({ kind: "malformed", effect: "unknown" }) }, "retry", "backoff"],
    ["whose answer does not fit", { verdict: verdict({ kind: "malformed", effect: "done" }) }, "fail", "schema-mismatch"],
    [
      "whose answer does not fit, and can be asked for better",
      { verdict: verdict({ kind: "malformed", effect: "done" }), canRepair: true },
      "repair",
      "schema-mismatch",
    ],
    ["for which somebody has to pay", { verdict: verdict({ kind: "throttled", quota: "billing" }) }, "fail", "billing"],
    ["that its caller does not want again", { wanted: false }, "fail", "not-retryable"],
    [
      "that the other side does not want again",
      { verdict: verdict({ hint: { source: "x-should-retry", retry: false } }) },
      "fail",
      "vetoed-by-hint",
    ],
    ["that a loop further down gave up on", { exhaustedBelow: true }, "fail", "exhausted-below"],
    ["whose body was a stream", { replayable: false }, "fail", "body-not-replayable"],
    ["that was the last", { attempt: 4 }, "fail", "attempts-exhausted"],
    ["that may have happened and is safe to repeat", { verdict: verdict({ effect: "unknown" }) }, "retry", "backoff"],
    ["that may have happened", { verdict: verdict({ effect: "unknown" }), repeatable: false }, "fail", "outcome-unknown"],
    [
      "that may have happened, and can be asked about",
      { verdict: verdict({ effect: "unknown" }), repeatable: false, canReconcile: true },
      "reconcile",
      "ask-before-retry",
    ],
    ["that did not happen, of a write that must not be repeated", { repeatable: false }, "retry", "backoff"],
    ["after which there is no time", { remainingMs: 100 }, "fail", "deadline"],
    ["after which there is just time", { remainingMs: 100.001 }, "retry", "backoff"],
    ["whose task has no retry left", { budgets: { task: 0, key: 9, lane: 9 } }, "fail", "task-budget"],
    ["whose user has no retry left", { budgets: { task: 9, key: 0, lane: 9 } }, "fail", "key-budget"],
    ["whose lane has no retry left", { budgets: { task: 9, key: 9, lane: 0.9 } }, "fail", "lane-budget"],
    [
      "after which a breaker further down was open",
      { verdict: verdict({ kind: "throttled", code: "circuit-open", hint: { source: "holdfast", retry: false, delayMs: 9 } }) },
      "fail",
      "breaker-open",
    ],
  ])("%s", (_, fields, action, code) => {
    const decision = after(fields);
    expect([decision.action, decision.because.code]).toEqual([action, code]);
  });

  it("is told in words with the numbers that it was made from", () => {
    const { because } = after({ verdict: verdict({ rule: "status:503", because: "the answer was 503" }), attempt: 2 });
    expect(explainBecause(because)).toBe(
      "it can be retried after a backoff (attempt 2 of 4, rule status:503, delay 100 ms, the answer was 503)",
    );
    expect(after({ budgets: { task: 9, key: 0, lane: 9 }, keyBudget: "user ≤ 20 per 1m" }).because.budget).toBe("user ≤ 20 per 1m");
  });
});

describe("a hint", () => {
  it("is a minimum, with up to a tenth on top so that the herd does not come back together", () => {
    expect([0, 0.5, 1].map((chance) => after({ verdict: hinted(1_000) }, {}, chance))).toMatchObject([
      { action: "retry", delayMs: 1_000, because: { code: "hint", hintMs: 1_000 } },
      { delayMs: 1_050 },
      { delayMs: 1_100 },
    ]);
  });

  it("that is shorter than the backoff changes nothing", () => {
    expect(after({ verdict: hinted(99) })).toMatchObject({ action: "retry", delayMs: 100, because: { code: "backoff" } });
    expect(after({ verdict: hinted(0) })).toMatchObject({ delayMs: 100 });
  });

  it("over the maximum is not slept: an inline call fails now and tells when, a stored one rests till then", () => {
    const over = { verdict: hinted(60_001) };
    expect(after(over)).toMatchObject({ action: "fail", because: { code: "hint-over-maximum", retryAfterMs: 60_001 } });
    expect(after({ ...over, mode: "durable" })).toMatchObject({
      action: "park",
      delayMs: 60_001 * 1.05,
      because: { code: "hint-over-maximum" },
    });
    expect(after({ verdict: hinted(60_000) })).toMatchObject({ action: "retry" });
  });

  it("until a quota's reset parks a stored operation, however short, and an inline call waits if that is short enough", () => {
    const daily = { verdict: hinted(5_000, { quota: "period" }) };
    expect(after({ ...daily, mode: "durable" })).toMatchObject({ action: "park", because: { code: "quota-period" } });
    expect(after(daily)).toMatchObject({ action: "retry" });
    expect(after({ verdict: hinted(60_001, { quota: "period" }) })).toMatchObject({ action: "fail", because: { code: "quota-period" } });
  });

  it("of a quota whose reset nobody tells is taken to be an hour away", () => {
    const daily = { verdict: verdict({ kind: "throttled", quota: "period" }) };
    expect(after(daily)).toMatchObject({ action: "fail", because: { code: "quota-period", retryAfterMs: 3_600_000 } });
    expect(after({ ...daily, mode: "durable" })).toMatchObject({ action: "park", delayMs: 3_600_000 * 1.05 });
    expect(after({ verdict: verdict({ kind: "throttled", quota: "burst" }) })).toMatchObject({ action: "retry" });
  });

  it("that ends after the deadline ends the call now, a stored one too: it could only expire", () => {
    const late = { verdict: hinted(70_000), remainingMs: 65_000, keep: true };
    expect(after({ ...late, mode: "durable" })).toMatchObject({ action: "dead-letter", reason: "expired", because: { code: "deadline" } });
    expect(after(late)).toMatchObject({ action: "dead-letter", reason: "exhausted", because: { code: "hint-over-maximum" } });
  });
});

describe("an end without success", () => {
  it.each<[Partial<Situation>, DeadReason]>([
    [{ attempt: 4 }, "exhausted"],
    [{ verdict: verdict({ kind: "permanent", effect: "done" }) }, "permanent"],
    [{ wanted: false }, "permanent"],
    [{ remainingMs: 1 }, "expired"],
    [{ budgets: { task: 0, key: 1, lane: 1 } }, "budget"],
    [{ verdict: verdict({ effect: "unknown" }), repeatable: false }, "outcome-unknown"],
    [{ verdict: verdict({ kind: "cancelled", effect: "unknown" }), repeatable: false }, "outcome-unknown"],
  ])("%j is kept for its reason where it is to be kept, and else fails", (fields, reason) => {
    expect(after({ ...fields, keep: true })).toMatchObject({ action: "dead-letter", reason });
    expect(after({ ...fields, keep: false })).toMatchObject({ action: "fail" });
  });

  it("is in doubt when the effect may stand, whatever else forbids another attempt", () => {
    const doubt = { repeatable: false, keep: true } as const;
    const unknown = verdict({ effect: "unknown" });
    for (const fields of [
      { verdict: unknown, wanted: false },
      { verdict: unknown, exhaustedBelow: true },
      { verdict: unknown, attempt: 4 },
      { verdict: { ...unknown, kind: "permanent" as const } },
      { verdict: { ...unknown, hint: { source: "x-should-retry", retry: false } } },
    ]) {
      expect(after({ ...doubt, ...fields })).toMatchObject({ action: "dead-letter", reason: "outcome-unknown" });
    }
    expect(after({ ...doubt, verdict: unknown, wanted: false, canReconcile: true })).toMatchObject({ action: "reconcile" });
  });

  it("for want of the lane's budget is a rest for a stored operation", () => {
    expect(after({ mode: "durable", keep: true, budgets: { task: 9, key: 9, lane: 0 } })).toMatchObject({ action: "park" });
    expect(after({ mode: "durable", keep: true, budgets: { task: 0, key: 9, lane: 0 } })).toMatchObject({ action: "dead-letter" });
  });
});

describe("a decision about anything", () => {
  const ms = fc.oneof(fc.constant(0), fc.double({ min: 0, max: 200_000, noNaN: true }), fc.double({ noNaN: true }).map(Math.abs));
  const budget = fc.oneof(fc.constant(INFINITY), fc.integer({ min: -3, max: 3 }));
  const optional = <Value>(value: fc.Arbitrary<Value>): fc.Arbitrary<Value | undefined> => fc.option(value, { nil: undefined });
  const anyVerdict: fc.Arbitrary<Verdict> = fc
    .record({
      kind: fc.constantFrom<Verdict["kind"]>(
        "success",
        "throttled",
        "transient",
        "unauthorized",
        "conflict",
        "malformed",
        "permanent",
        "cancelled",
      ),
      effect: fc.constantFrom<Verdict["effect"]>("none", "unknown", "done"),
      quota: optional(fc.constantFrom<NonNullable<Verdict["quota"]>>("burst", "period", "billing")),
      conflict: optional(fc.constantFrom<NonNullable<Verdict["conflict"]>>("duplicate", "concurrent", "permanent")),
      status: optional(fc.integer({ min: 100, max: 599 })),
      delayMs: optional(ms),
      retry: optional(fc.boolean()),
      source: fc.constantFrom("retry-after", "holdfast"),
    })
    .map(({ delayMs, retry, source, ...rest }) => {
      const hint = { source, ...(delayMs === undefined ? {} : { delayMs }), ...(retry === undefined ? {} : { retry }) };
      const given = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined));
      return { ...verdict(given), ...(delayMs === undefined && retry === undefined ? {} : { hint }) };
    });
  const anything: fc.Arbitrary<Situation> = fc.record({
    verdict: anyVerdict,
    attempt: fc.integer({ min: 1, max: 6 }),
    maxAttempts: fc.integer({ min: 1, max: 5 }),
    remainingMs: fc.oneof(fc.constant(INFINITY), fc.double({ min: -1_000, max: 200_000, noNaN: true })),
    previousDelayMs: ms,
    mode: fc.constantFrom("inline" as const, "durable" as const),
    repeatable: fc.boolean(),
    replayable: fc.boolean(),
    canReconcile: fc.boolean(),
    canRefresh: fc.boolean(),
    refreshed: fc.boolean(),
    canRepair: fc.boolean(),
    keep: fc.boolean(),
    wanted: fc.boolean(),
    exhaustedBelow: fc.boolean(),
    budgets: fc.record({ task: budget, key: budget, lane: budget }),
  });
  const policy: fc.Arbitrary<DecidePolicy> = fc.record({
    backoff: fc
      .constantFrom("full", "equal", "decorrelated", "additive", "none")
      .map((jitter) => exponential({ jitter: jitter as "full" })),
    maxHintMs: fc.constantFrom(0, 60_000, INFINITY),
  });

  it("is made, has its reason, and never sends what must not be sent", () => {
    fc.assert(
      fc.property(anything, policy, fc.integer(), (situation, rules, seed) => {
        const decision = decide(situation, rules, seededRandom(seed));
        const { verdict: given, budgets } = situation;
        expect(explainBecause(decision.because)).not.toBe("");
        expect(decision.because).toMatchObject({ rule: "r", attempt: situation.attempt });

        const sends = decision.action === "retry" || decision.action === "refresh";
        const forbidden = {
          "after the last attempt": decision.action === "retry" && situation.attempt >= situation.maxAttempts,
          "in doubt": sends && given.effect === "unknown" && !situation.repeatable && given.kind !== "unauthorized",
          "after the deadline": sends && situation.remainingMs <= 0,
          "sleeping into the deadline": decision.action === "retry" && decision.delayMs >= situation.remainingMs,
          "without a budget": decision.action === "retry" && Math.min(budgets.task, budgets.key, budgets.lane) < 1,
          "against the caller's will": decision.action === "retry" && !situation.wanted,
          "against the other side's will": decision.action === "retry" && given.hint?.retry === false,
          "a body that is gone": sends && !situation.replayable,
          "what a loop below gave up on": decision.action === "retry" && situation.exhaustedBelow,
          "before the hint": decision.action === "retry" && decision.delayMs < (given.hint?.delayMs ?? 0),
          "after a hint that no inline call sleeps":
            decision.action === "retry" && situation.mode === "inline" && (given.hint?.delayMs ?? 0) > rules.maxHintMs,
          "a second refresh": decision.action === "refresh" && !situation.canRefresh,
          "a rest of an inline call": decision.action === "park" && situation.mode === "inline",
          "a dead letter that nobody wants": decision.action === "dead-letter" && !situation.keep,
          "a loss that should be kept": decision.action === "fail" && situation.keep && given.kind !== "cancelled",
          "a success of a failure": decision.action === "succeed" && given.kind !== "success" && given.conflict !== "duplicate",
          "a wait that is none": "delayMs" in decision && !(decision.delayMs >= 0),
        };
        expect(Object.entries(forbidden).filter(([, done]) => done)).toEqual([]);
      }),
      { numRuns: 1_500 },
    );
  });

  it("is made of everything that it can be made of", () => {
    const met = new Set<string>();
    fc.assert(
      fc.property(anything, policy, fc.integer(), (situation, rules, seed) => {
        met.add(decide(situation, rules, seededRandom(seed)).action);
      }),
      // Always the same situations: this asks what they are made of, not about them.
      { numRuns: 2_000, seed: 1 },
    );
    expect([...met].sort()).toEqual(["dead-letter", "fail", "park", "reconcile", "refresh", "repair", "retry", "succeed"]);
  });
});
