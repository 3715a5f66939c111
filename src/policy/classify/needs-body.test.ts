import { describe, expect, test } from "vitest";
import { needsBody, PLAIN_CLASSIFIER } from "./classify.ts";
import { compileRules, type RuleConditions } from "./rule.ts";

function classifierOf(...conditions: readonly RuleConditions[]): Parameters<typeof needsBody>[0] {
  const rules = conditions.map((when) => ({ when, then: "permanent" as const, because: "told" }));
  return { rules: compileRules(rules, "classify"), hintHeaders: [] };
}

describe("whether the body has to be read before an answer can be judged", () => {
  test("every refusal is read, for its excerpt", () => {
    expect([400, 429, 503].map((status) => needsBody(PLAIN_CLASSIFIER, status))).toEqual([true, true, true]);
  });

  test("a good answer is not, so that it can stream", () => {
    expect(needsBody(PLAIN_CLASSIFIER, 200)).toBe(false);
    expect(needsBody(classifierOf({ header: { "x-shed": "true" } }), 200)).toBe(false);
  });

  test("a rule on the bodies of refusals does not change that", () => {
    const classifier = classifierOf(
      { status: 429, body: "insufficient_quota" },
      { status: "4xx", body: { path: "error.code" } },
      { status: [500, 599], body: "overloaded" },
      { status: { anyOf: [400, "5xx"] }, body: "no" },
    );
    expect([200, 201, 299, 302].map((status) => needsBody(classifier, status))).toEqual([false, false, false, false]);
  });

  test("a rule on the bodies of good answers does, for those it speaks of", () => {
    expect(needsBody(classifierOf({ status: 200, body: "THROTTLED" }), 200)).toBe(true);
    expect(needsBody(classifierOf({ status: 200, body: "THROTTLED" }), 201)).toBe(false);
    expect(needsBody(classifierOf({ body: "THROTTLED" }), 204)).toBe(true);
  });
});
