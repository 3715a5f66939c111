import { describe, expect, it } from "vitest";
import { compileRules, type AttemptFacts, type Rule, type RuleConditions } from "./rule.ts";

const rule = (when: RuleConditions): Rule => ({ when, then: "permanent", because: "said so" });
const holds = (when: RuleConditions, facts: Partial<AttemptFacts>): boolean =>
  compileRules([rule(when)], "rules").some((compiled) => compiled.matches({ attempt: 1, ...facts }));

describe("a condition", () => {
  it.each<[string, RuleConditions, Partial<AttemptFacts>, Partial<AttemptFacts>]>([
    ["a status", { status: 503 }, { status: 503 }, { status: 502 }],
    ["a class of statuses", { status: "5xx" }, { status: 599 }, { status: 499 }],
    ["a range, both ends in it", { status: [500, 502] }, { status: 502 }, { status: 503 }],
    ["a choice of statuses", { status: { anyOf: [404, "5xx"] } }, { status: 500 }, { status: 403 }],
    ["a status, where there was no answer", { status: "4xx" }, { status: 400 }, {}],
    ["a code, whatever its case", { code: "econnreset" }, { code: "ECONNRESET" }, { code: "EPIPE" }],
    ["one of several codes", { code: ["A", "B"] }, { code: "b" }, {}],
    ["a method", { method: "post" }, { method: "POST" }, { method: "GET" }],
    ["an endpoint", { endpoint: "POST /contacts/*" }, { endpoint: "POST /contacts/{id}" }, { endpoint: "POST /deals" }],
    ["an attempt", { attempt: 2 }, { attempt: 2 }, { attempt: 3 }],
    ["attempts from one on", { attempt: { atLeast: 2 } }, { attempt: 3 }, { attempt: 1 }],
    ["a text in the body", { body: "invalid*lead" }, { body: '{"m":"INVALID x lead"}' }, { body: "lead invalid" }],
    ["a field of the body", { body: { path: "error.code", is: "X" } }, { body: '{"error":{"code":"X"}}' }, { body: '{"code":"X"}' }],
    ["one of several values", { body: { path: "code", is: [1, "2"] } }, { body: '{"code":"2"}' }, { body: '{"code":2}' }],
    ["a field that is null", { body: { path: "data", is: null } }, { body: '{"data":null}' }, { body: "{}" }],
    ["a field that is there", { body: { path: "errors.0" } }, { body: '{"errors":[false]}' }, { body: '{"errors":[]}' }],
    ["two at once", { status: 500, body: "no" }, { status: 500, body: "No." }, { status: 500, body: "yes" }],
  ])("on %s holds and does not hold", (_, when, yes, no) => {
    expect(holds(when, yes)).toBe(true);
    expect(holds(when, no)).toBe(false);
  });

  it("on a header looks at its value or that it is there", () => {
    const headers = new Headers({ "X-Reason": "Quota-Daily" });
    expect(holds({ header: { "x-reason": "quota-*" } }, { headers })).toBe(true);
    expect(holds({ header: { "x-reason": true } }, { headers })).toBe(true);
    expect(holds({ header: { "x-reason": "quota" } }, { headers })).toBe(false);
    expect(holds({ header: { "x-other": true } }, { headers })).toBe(false);
    expect(holds({ header: { "x-reason": true } }, {})).toBe(false);
    expect(holds({ header: { "x-reason": true, "x-other": true } }, { headers })).toBe(false);
  });

  it("on a header survives headers that are not Headers", () => {
    expect(holds({ header: { "x-n": "5" } }, { headers: { get: () => 5 as unknown as string } })).toBe(true);
    expect(holds({ header: { "x-n": "*" } }, { headers: { get: () => ["5"] as unknown as string } })).toBe(false);
    expect(
      holds(
        { header: { "x-n": "*" } },
        {
          headers: {
            get(): never {
              throw new Error("no");
            },
          },
        },
      ),
    ).toBe(false);
  });

  it("on a field never reaches what an object inherits", () => {
    expect(holds({ body: { path: "constructor" } }, { body: "{}" })).toBe(false);
    expect(holds({ body: { path: "__proto__.polluted" } }, { body: '{"__proto__":{"polluted":1}}' })).toBe(true);
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });

  it("on a field does not hold for a body that is not JSON, or is cut", () => {
    for (const body of ["<html>", "", '{"error":{"code":"X"', "[".repeat(65_536)]) {
      expect(holds({ body: { path: "error.code" } }, { body })).toBe(false);
    }
  });

  it("on a body needs it read only where the statuses fit", () => {
    const [inRefusals, anywhere, none] = compileRules(
      [rule({ status: "5xx", body: "x" }), rule({ body: "x" }), rule({ status: 500 })],
      "r",
    );
    expect([inRefusals!.needsBody(500), inRefusals!.needsBody(200)]).toEqual([true, false]);
    expect([anywhere!.needsBody(500), anywhere!.needsBody(200)]).toEqual([true, true]);
    expect(none!.needsBody(500)).toBe(false);
  });
});

describe("a rule", () => {
  it("is named by its id, or by its place", () => {
    const compiled = compileRules([rule({ status: 500 }), { ...rule({ status: 500 }), id: "mine" }], "apis.crm.classify");
    expect(compiled.map(({ id }) => id)).toEqual(["apis.crm.classify[0]", "mine"]);
  });

  const when = { status: 500 };
  const good = { when, then: "permanent", because: "b" };
  it.each<[string, unknown, string]>([
    ["no list", {}, "at"],
    ["no rule", [5], "at[0]"],
    ["no conditions", [{ then: "permanent", because: "b" }], "at[0]"],
    ["a mistyped field", [{ ...good, becuase: "c" }], "at[0].becuase"],
    ["an empty id", [{ ...good, id: "" }], "at[0].id"],
    ["an unknown verdict", [{ ...good, then: "retry" }], "at[0].then"],
    ["a verdict that is not a rule's to give", [{ ...good, then: "cancelled" }], "at[0].then"],
    ["no reason", [{ when, then: "permanent" }], "at[0].because"],
    ["a quota where none is meant", [{ ...good, quota: "period" }], "at[0].quota"],
    ["an unknown quota", [{ ...good, then: "throttled", quota: "daily" }], "at[0].quota"],
    ["an unknown effect", [{ ...good, effect: "maybe" }], "at[0].effect"],
    ["an empty set of conditions", [{ ...good, when: {} }], "at[0].when"],
    ["conditions that say nothing", [{ ...good, when: { status: undefined, header: {} } }], "at[0].when.header"],
    ["an unknown condition", [{ ...good, when: { statuses: 5 } }], "at[0].when.statuses"],
    ["a status that is none", [{ ...good, when: { status: 42 } }], "at[0].when.status"],
    ["a class that is none", [{ ...good, when: { status: "6xx" } }], "at[0].when.status"],
    ["a range of three", [{ ...good, when: { status: [500, 502, 504] } }], "at[0].when.status"],
    ["a range that is empty", [{ ...good, when: { status: [599, 500] } }], "at[0].when.status"],
    ["a range of words", [{ ...good, when: { status: ["5xx", "6xx"] } }], "at[0].when.status"],
    ["a choice of nothing", [{ ...good, when: { status: { anyOf: [] } } }], "at[0].when.status.anyOf"],
    ["a choice with a fault", [{ ...good, when: { status: { anyOf: [500, "x"] } } }], "at[0].when.status.anyOf[1]"],
    ["a mistyped choice", [{ ...good, when: { status: { oneOf: [500] } } }], "at[0].when.status.oneOf"],
    ["null for a status", [{ ...good, when: { status: null } }], "at[0].when.status"],
    ["no codes", [{ ...good, when: { code: [] } }], "at[0].when.code"],
    ["an empty method", [{ ...good, when: { method: "" } }], "at[0].when.method"],
    ["attempt 0", [{ ...good, when: { attempt: 0 } }], "at[0].when.attempt"],
    ["attempts in words", [{ ...good, when: { attempt: { atLeast: "2" } } }], "at[0].when.attempt"],
    ["a regular expression for an endpoint", [{ ...good, when: { endpoint: /x/ } }], "at[0].when.endpoint"],
    ["a regular expression for a body", [{ ...good, when: { body: /x/ } }], "at[0].when.body"],
    ["an empty text for a body", [{ ...good, when: { body: "" } }], "at[0].when.body"],
    ["no path in a body", [{ ...good, when: { body: { is: 1 } } }], "at[0].when.body.path"],
    ["a mistyped part of a body", [{ ...good, when: { body: { path: "a", eq: 1 } } }], "at[0].when.body.eq"],
    ["an object to compare with", [{ ...good, when: { body: { path: "a", is: {} } } }], "at[0].when.body.is"],
    ["no values to compare with", [{ ...good, when: { body: { path: "a", is: [] } } }], "at[0].when.body.is"],
    ["a header that no answer can have", [{ ...good, when: { header: { "x y": true } } }], "at[0].when.header.x y"],
    ["a regular expression for a header", [{ ...good, when: { header: { x: /x/ } } }], "at[0].when.header.x"],
    ["headers in a text", [{ ...good, when: { header: "x" } }], "at[0].when.header"],
  ])("is refused with %s, by path", (_, rules, path) => {
    expect(() => compileRules(rules as readonly Rule[], "at")).toThrow(expect.objectContaining({ code: "config", path }));
  });

  it("that asks for a regular expression is told why there are none", () => {
    expect(() => compileRules([rule({ body: /(a+)+$/ as unknown as string })], "at")).toThrow(/regular expressions are refused/);
  });
});
