import type { JsonCondition, Rule, RuleConditions } from "../../policy/classify/rule.ts";
import { shape, use, type Schema, type Shape } from "./shape.ts";
import { either, listOf, oneOf, text, whole } from "./values.ts";

const status = whole(100, 999);
const statusOrClass = either(status, { type: "string", pattern: "^[1-5]xx$", examples: ["4xx", "5xx"] });
const scalar = { type: ["string", "number", "boolean", "null"] };
const wordOrWords = either(text, listOf(text, { least: 1 }));

export const jsonCondition: Shape = shape<JsonCondition>({
  name: "JsonCondition",
  about: "One field of a JSON body.",
  options: {
    path: { about: "Where it stands, by dotted path.", schema: text },
    is: {
      about: "What it is, or one of several.",
      fallback: "that the field exists",
      schema: either(scalar, listOf(scalar, { least: 1 })),
    },
  },
  required: ["path"],
});

function only(name: string, schema: Schema): Schema {
  return { type: "object", properties: { [name]: schema }, required: [name], additionalProperties: false };
}

export const conditions: Shape = shape<RuleConditions>({
  name: "RuleConditions",
  about: "What must hold for a rule to speak: all of it, and at least one.",
  options: {
    status: {
      about: "A status, a class such as `5xx`, a range `[500, 599]` (inclusive), or `anyOf` several.",
      schema: either(
        statusOrClass,
        { type: "array", items: status, minItems: 2, maxItems: 2 },
        only("anyOf", listOf(statusOrClass, { least: 1 })),
      ),
    },
    body: {
      about:
        "Text that the body holds (case does not count; `*` stands for any text), or a field of a JSON body. Looked for in the first 64 KiB.",
      schema: either(text, use(jsonCondition)),
    },
    header: {
      about: "Headers by name; the value may hold `*`, and `true` says that it is there.",
      schema: {
        type: "object",
        minProperties: 1,
        propertyNames: { pattern: "^[A-Za-z0-9!#$%&'*+.^_`|~-]+$", examples: ["X-Error"] },
        additionalProperties: either(text, { const: true }),
      },
    },
    code: { about: "Codes of the network or of the other side, such as `ECONNRESET`.", schema: wordOrWords },
    method: { about: "Methods.", schema: wordOrWords },
    endpoint: { about: "Method and path template, such as `POST /contacts/{id}`; may hold `*`.", schema: text },
    attempt: { about: "The attempt's number, the first is 1; or `atLeast`.", schema: either(whole(1), only("atLeast", whole(1))) },
  },
  more: { minProperties: 1 },
});

export const rule: Shape = shape<Rule>({
  name: "Rule",
  about: "Says what an answer or a fault means; the first whose conditions all hold speaks.",
  options: {
    id: { about: "Shown wherever the verdict is.", fallback: "its place, such as `apis.crm.classify[0]`", schema: text },
    when: { about: "The conditions.", schema: use(conditions) },
    then: {
      about: "The verdict.",
      schema: oneOf("success", "throttled", "transient", "unauthorized", "malformed", "permanent", "duplicate", "concurrent"),
    },
    quota: { about: "For `throttled`: which quota is meant.", fallback: "burst", schema: oneOf("burst", "period", "billing") },
    effect: { about: "Overrides what the verdict implies about the effect.", schema: oneOf("none", "unknown", "done") },
    because: { about: "Why, in a clause; travels with the verdict.", schema: text },
  },
  required: ["when", "then", "because"],
  // What a quota is of.
  more: { if: { required: ["quota"] }, then: { properties: { then: { const: "throttled" } } } },
});
