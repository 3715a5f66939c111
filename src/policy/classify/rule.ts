import { ConfigError } from "../../core/errors.ts";
import type { ConflictMeaning, Effect, Quota, VerdictKind } from "../../core/verdict.ts";
import { globMatcher } from "./glob.ts";

/** What a rule may say: a verdict, or one of the two meanings of a conflict that are not a refusal. */
export type RuleVerdict = Exclude<VerdictKind, "cancelled" | "conflict"> | Exclude<ConflictMeaning, "permanent">;

/** One field of a JSON body, by dotted path: `{ path: "error.code", is: "INVALID_FIELD" }`. Without `is`: that the field exists. */
export interface JsonCondition {
  readonly path: string;
  readonly is?: string | number | boolean | null | readonly (string | number)[];
}

/** All given conditions must hold. */
export interface RuleConditions {
  /** A status, a class such as `"5xx"`, a range `[500, 599]` (inclusive), or several of the first two. */
  readonly status?: number | StatusClass | readonly [from: number, to: number] | { readonly anyOf: readonly (number | StatusClass)[] };
  /** Text that the body holds (case does not count); `*` stands for any text. Or a field of a JSON body. Looked for in the first 64 KiB. */
  readonly body?: string | JsonCondition;
  /** Headers by name; the value may hold `*`. `true`: that it is there. */
  readonly header?: Readonly<Record<string, string | true>>;
  /** Codes of the network or of the other side, such as `ECONNRESET`. */
  readonly code?: string | readonly string[];
  readonly method?: string | readonly string[];
  /** Method and path template, such as `POST /contacts/{id}`; may hold `*`. */
  readonly endpoint?: string;
  /** Attempt number, the first is 1. */
  readonly attempt?: number | { readonly atLeast: number };
}

export type StatusClass = "1xx" | "2xx" | "3xx" | "4xx" | "5xx";

/** One rule of classification, as data: the first whose conditions all hold speaks. */
export interface Rule {
  /** Shown wherever the verdict is. @default its place, such as `apis.crm.classify[0]` */
  readonly id?: string;
  readonly when: RuleConditions;
  readonly then: RuleVerdict;
  /** For `throttled`: which quota is meant. @default "burst" */
  readonly quota?: Quota;
  /** Overrides what the verdict implies about the effect. */
  readonly effect?: Effect;
  /** Why, in a clause; travels with the verdict. */
  readonly because: string;
}

/** What rules may look at. */
export interface AttemptFacts {
  readonly status?: number | undefined;
  readonly headers?: { get(name: string): string | null } | undefined;
  /** The first 64 KiB of the body as text. */
  readonly body?: string | undefined;
  readonly code?: string | undefined;
  readonly method?: string | undefined;
  readonly endpoint?: string | undefined;
  readonly attempt: number;
}

export interface CompiledRule {
  readonly id: string;
  readonly rule: Rule;
  /** Whether the body of an answer with this status must be read to know. */
  needsBody(status: number): boolean;
  matches(facts: AttemptFacts): boolean;
}

type Predicate = (facts: AttemptFacts) => boolean;

const VERDICTS: readonly RuleVerdict[] = [
  "success",
  "throttled",
  "transient",
  "unauthorized",
  "malformed",
  "permanent",
  "duplicate",
  "concurrent",
];
const CONDITIONS: readonly (keyof RuleConditions)[] = ["status", "body", "header", "code", "method", "endpoint", "attempt"];

/** Checks rules once and makes them fast to ask. Throws a {@link ConfigError} that names the place of what is wrong. */
export function compileRules(rules: readonly Rule[], path: string): readonly CompiledRule[] {
  return rules.map((rule, index) => compileRule(rule, `${path}[${index}]`));
}

function compileRule(rule: Rule, path: string): CompiledRule {
  if (typeof rule !== "object" || rule === null || typeof rule.when !== "object" || rule.when === null) {
    throw new ConfigError({ path, message: `${path} is not a rule; give { when: {…}, then: "…", because: "…" }` });
  }
  if (!VERDICTS.includes(rule.then)) {
    throw new ConfigError({
      path: `${path}.then`,
      message: `${path}.then is ${JSON.stringify(rule.then)}; give one of ${VERDICTS.join(", ")}`,
    });
  }
  if (typeof rule.because !== "string" || rule.because === "") {
    throw new ConfigError({
      path: `${path}.because`,
      message: `${path}.because is missing; say in a clause why, it is shown with every verdict of this rule`,
    });
  }
  if (rule.quota !== undefined && rule.then !== "throttled") {
    throw new ConfigError({ path: `${path}.quota`, message: `${path}.quota has an effect only with then: "throttled"` });
  }
  const given = Object.keys(rule.when);
  const unknown = given.find((name) => !(CONDITIONS as readonly string[]).includes(name));
  if (unknown !== undefined) {
    throw new ConfigError({
      path: `${path}.when.${unknown}`,
      message: `${path}.when.${unknown} is not a condition; known are ${CONDITIONS.join(", ")}`,
    });
  }
  if (given.length === 0)
    throw new ConfigError({
      path: `${path}.when`,
      message: `${path}.when has no condition, so it would match everything; give at least one`,
    });

  const predicates: Predicate[] = [];
  const { status, body, header, code, method, endpoint, attempt } = rule.when;
  const atStatus = status === undefined ? undefined : statusPredicate(status, `${path}.when.status`);
  if (atStatus !== undefined) predicates.push(atStatus);
  if (method !== undefined) predicates.push(oneOf(method, (facts) => facts.method, `${path}.when.method`));
  if (code !== undefined) predicates.push(oneOf(code, (facts) => facts.code, `${path}.when.code`));
  if (attempt !== undefined)
    predicates.push(typeof attempt === "number" ? (facts) => facts.attempt === attempt : (facts) => facts.attempt >= attempt.atLeast);
  if (endpoint !== undefined) {
    const matches = globMatcher(text(endpoint, `${path}.when.endpoint`), "whole");
    predicates.push((facts) => facts.endpoint !== undefined && matches(facts.endpoint));
  }
  for (const [name, pattern] of Object.entries(header ?? {}))
    predicates.push(headerPredicate(name, pattern, `${path}.when.header.${name}`));
  if (body !== undefined) predicates.push(bodyPredicate(body, `${path}.when.body`));

  return {
    id: rule.id ?? path,
    rule,
    // A rule for refusals must not make every good answer wait for its body: that would hold back streams.
    needsBody: (one) => body !== undefined && atStatus?.({ status: one, attempt: 1 }) !== false,
    matches: (facts) => predicates.every((holds) => holds(facts)),
  };
}

function statusPredicate(condition: NonNullable<RuleConditions["status"]>, path: string): Predicate {
  const test = (one: number | StatusClass): ((status: number) => boolean) => {
    if (typeof one === "number" && Number.isInteger(one) && one >= 100 && one <= 999) return (status) => status === one;
    const hundred = typeof one === "string" ? /^([1-5])xx$/.exec(one)?.[1] : undefined;
    if (hundred === undefined)
      throw new ConfigError({ path, message: `${path} is ${JSON.stringify(one)}; give a status such as 503 or a class such as "5xx"` });
    return (status) => Math.floor(status / 100) === Number(hundred);
  };
  if (Array.isArray(condition)) {
    const [from, to] = condition as readonly [number, number];
    if (condition.length !== 2 || !(from <= to))
      throw new ConfigError({
        path,
        message: `${path} is ${JSON.stringify(condition)}; a range is [from, to]; for a choice give { anyOf: […] }`,
      });
    return ({ status }) => status !== undefined && status >= from && status <= to;
  }
  const tests =
    typeof condition === "object" ? (condition as { anyOf: readonly (number | StatusClass)[] }).anyOf.map(test) : [test(condition)];
  return ({ status }) => status !== undefined && tests.some((holds) => holds(status));
}

function oneOf(condition: string | readonly string[], read: (facts: AttemptFacts) => string | undefined, path: string): Predicate {
  const values = new Set((typeof condition === "string" ? [condition] : condition).map((value) => text(value, path).toLowerCase()));
  return (facts) => {
    const value = read(facts);
    return value !== undefined && values.has(value.toLowerCase());
  };
}

function headerPredicate(name: string, pattern: string | true, path: string): Predicate {
  if (pattern === true) return ({ headers }) => (headers?.get(name) ?? null) !== null;
  const matches = globMatcher(text(pattern, path), "whole");
  return ({ headers }) => {
    const value = headers?.get(name) ?? null;
    return value !== null && matches(value);
  };
}

function bodyPredicate(condition: string | JsonCondition, path: string): Predicate {
  if (typeof condition === "string") {
    const matches = globMatcher(condition, "part");
    return ({ body }) => body !== undefined && matches(body);
  }
  const steps = text(condition.path, `${path}.path`).split(".");
  const { is } = condition;
  return ({ body }) => {
    const value = body === undefined ? undefined : jsonField(body, steps);
    if (value === undefined) return false;
    if (is === undefined) return true;
    return Array.isArray(is) ? (is as readonly unknown[]).includes(value) : value === is;
  };
}

/** The field at a dotted path of a JSON text; undefined where the text is not JSON or has no such field of its own. */
export function jsonField(body: string, steps: readonly string[]): unknown {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    return undefined;
  }
  for (const step of steps) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, step)) return undefined;
    value = (value as Record<string, unknown>)[step];
  }
  return value;
}

function text(value: unknown, path: string): string {
  if (typeof value === "string" && value !== "") return value;
  const hint =
    value instanceof RegExp ? "regular expressions are refused, because one can block the process; use * for any text" : "give a text";
  throw new ConfigError({ path, message: `${path} is ${String(value)}; ${hint}` });
}
