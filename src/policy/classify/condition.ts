import { ConfigError } from "../../core/errors.ts";
import { valueAt } from "../../core/json-path.ts";
import { refuseUnknown } from "../../core/options.ts";
import { shown } from "../../core/shown.ts";
import { isHeaderName } from "../hints/hint-headers.ts";
import { globMatcher } from "./glob.ts";
import type { AttemptFacts, JsonCondition, RuleConditions, StatusClass } from "./rule.ts";

/** Whether one condition of a rule holds. */
export type Condition = (facts: AttemptFacts) => boolean;

const CONDITIONS: readonly (keyof RuleConditions)[] = ["status", "body", "header", "code", "method", "endpoint", "attempt"];

/** The conditions of a rule, checked; the cheap ones first, the body last. */
export function conditionsOf(when: RuleConditions, path: string): readonly Condition[] {
  refuseUnknown(when, CONDITIONS, path);
  const { status, method, code, attempt, endpoint, header, body } = when;
  const conditions: Condition[] = [];
  if (status !== undefined) conditions.push(statusCondition(status, `${path}.status`));
  if (method !== undefined) conditions.push(wordCondition(method, (facts) => facts.method, `${path}.method`));
  if (code !== undefined) conditions.push(wordCondition(code, (facts) => facts.code, `${path}.code`));
  if (attempt !== undefined) conditions.push(attemptCondition(attempt, `${path}.attempt`));
  if (endpoint !== undefined) conditions.push(endpointCondition(endpoint, `${path}.endpoint`));
  if (header !== undefined) conditions.push(...headerConditions(header, `${path}.header`));
  if (body !== undefined) conditions.push(bodyCondition(body, `${path}.body`));
  if (conditions.length === 0) {
    throw new ConfigError({ path, message: `${path} has no condition, so it would match everything; give at least one` });
  }
  return conditions;
}

export function statusCondition(condition: NonNullable<RuleConditions["status"]>, path: string): Condition {
  const holds = statusTest(condition, path);
  return ({ status }) => status !== undefined && holds(status);
}

function statusTest(condition: NonNullable<RuleConditions["status"]>, path: string): (status: number) => boolean {
  if (Array.isArray(condition)) {
    const [from, to] = condition as readonly unknown[];
    if (condition.length !== 2 || !isStatus(from) || !isStatus(to) || from > to) {
      throw new ConfigError({ path, message: `${path} is ${shown(condition)}; a range is [from, to]; for a choice give { anyOf: […] }` });
    }
    return (status) => status >= from && status <= to;
  }
  if (typeof condition === "object" && condition !== null) {
    refuseUnknown(condition, ["anyOf"], path);
    const { anyOf } = condition as { readonly anyOf: readonly (number | StatusClass)[] };
    const tests = list(anyOf, `${path}.anyOf`).map((one, index) => oneStatus(one, `${path}.anyOf[${index}]`));
    return (status) => tests.some((holds) => holds(status));
  }
  return oneStatus(condition, path);
}

function oneStatus(one: unknown, path: string): (status: number) => boolean {
  if (isStatus(one)) return (status) => status === one;
  const hundred = typeof one === "string" ? /^([1-5])xx$/.exec(one)?.[1] : undefined;
  if (hundred === undefined) {
    throw new ConfigError({ path, message: `${path} is ${shown(one)}; give a status such as 503 or a class such as "5xx"` });
  }
  return (status) => Math.floor(status / 100) === Number(hundred);
}

function isStatus(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 100 && (value as number) <= 999;
}

function wordCondition(condition: string | readonly string[], read: (facts: AttemptFacts) => string | undefined, path: string): Condition {
  const words = typeof condition === "string" ? [condition] : list(condition, path);
  const values = new Set(words.map((value) => text(value, path).toLowerCase()));
  return (facts) => {
    const value = read(facts);
    return value !== undefined && values.has(value.toLowerCase());
  };
}

function attemptCondition(condition: NonNullable<RuleConditions["attempt"]>, path: string): Condition {
  if (isAttempt(condition)) return ({ attempt }) => attempt === condition;
  if (typeof condition === "object" && condition !== null && isAttempt(condition.atLeast)) {
    refuseUnknown(condition, ["atLeast"], path);
    const { atLeast } = condition;
    return ({ attempt }) => attempt >= atLeast;
  }
  throw new ConfigError({ path, message: `${path} is ${shown(condition)}; give an attempt (the first is 1) or { atLeast: … }` });
}

function isAttempt(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 1;
}

function endpointCondition(condition: string, path: string): Condition {
  const matches = globMatcher(text(condition, path), "whole");
  return ({ endpoint }) => endpoint !== undefined && matches(endpoint);
}

function headerConditions(condition: NonNullable<RuleConditions["header"]>, path: string): readonly Condition[] {
  if (typeof condition !== "object" || condition === null || Array.isArray(condition) || Object.keys(condition).length === 0) {
    throw new ConfigError({ path, message: `${path} is ${shown(condition)}; give headers by name: { name: value }` });
  }
  return Object.entries(condition).map(([name, pattern]) => headerCondition(name, pattern, `${path}.${name}`));
}

function headerCondition(name: string, pattern: string | true, path: string): Condition {
  if (!isHeaderName(name)) throw new ConfigError({ path, message: `${path}: ${shown(name)} is not the name of a header` });
  if (pattern === true) return ({ headers }) => headerOf(headers, name) !== undefined;
  const matches = globMatcher(text(pattern, path), "whole");
  return ({ headers }) => {
    const value = headerOf(headers, name);
    return value !== undefined && matches(value);
  };
}

/** Headers may be those of an SDK's error, whose `get` may answer anything. */
function headerOf(headers: AttemptFacts["headers"], name: string): string | undefined {
  try {
    const value: unknown = headers?.get(name);
    return typeof value === "string" ? value : typeof value === "number" ? String(value) : undefined;
  } catch {
    return undefined;
  }
}

function bodyCondition(condition: string | JsonCondition, path: string): Condition {
  if (typeof condition === "object" && condition !== null && !(condition instanceof RegExp)) return jsonCondition(condition, path);
  const matches = globMatcher(text(condition, path), "part");
  return ({ body }) => body !== undefined && matches(body);
}

function jsonCondition(condition: JsonCondition, path: string): Condition {
  refuseUnknown(condition, ["path", "is"], path);
  const steps = text(condition.path, `${path}.path`).split(".");
  const { is } = condition;
  if (is === undefined) return (facts) => jsonField(facts, steps) !== undefined;
  const values: readonly unknown[] = Array.isArray(is) ? list(is as readonly unknown[], `${path}.is`) : [is];
  if (values.some((value) => typeof value === "object" && value !== null)) {
    throw new ConfigError({
      path: `${path}.is`,
      message: `${path}.is is ${shown(is)}; give a text, a number, true, false or null, or a list of those`,
    });
  }
  return (facts) => values.includes(jsonField(facts, steps));
}

/** Parsed once for all rules that look at the same answer. */
const parsed = new WeakMap<AttemptFacts, unknown>();

/** The field at a dotted path of a JSON body; undefined where the body is not JSON or has no such field of its own. */
function jsonField(facts: AttemptFacts, steps: readonly string[]): unknown {
  if (facts.body === undefined) return undefined;
  if (!parsed.has(facts)) parsed.set(facts, parse(facts.body));
  return valueAt(parsed.get(facts), steps);
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body) as unknown;
  } catch {
    return undefined;
  }
}

function list<Item>(value: readonly Item[], path: string): readonly Item[] {
  if (Array.isArray(value) && value.length > 0) return value as readonly Item[];
  throw new ConfigError({ path, message: `${path} is ${shown(value)}, so it would never match; give at least one` });
}

function text(value: unknown, path: string): string {
  if (typeof value === "string" && value !== "") return value;
  const advice =
    value instanceof RegExp ? "regular expressions are refused, because one can block the process; use * for any text" : "give a text";
  throw new ConfigError({ path, message: `${path} is ${value instanceof RegExp ? String(value) : shown(value)}; ${advice}` });
}
