import { ConfigError } from "../../core/errors.ts";
import { refuseUnknown } from "../../core/options.ts";
import { shown } from "../../core/shown.ts";
import type { ConflictMeaning, Effect, Quota, VerdictKind } from "../../core/verdict.ts";
import { conditionsOf, statusCondition } from "./condition.ts";

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
const QUOTAS: readonly Quota[] = ["burst", "period", "billing"];
const EFFECTS: readonly Effect[] = ["none", "unknown", "done"];
const FIELDS: readonly (keyof Rule)[] = ["id", "when", "then", "quota", "effect", "because"];

/** Checks rules once and makes them fast to ask. Throws a {@link ConfigError} that names the place of what is wrong. */
export function compileRules(rules: readonly Rule[], path: string): readonly CompiledRule[] {
  if (!(Array.isArray as (value: unknown) => boolean)(rules)) {
    throw new ConfigError({ path, message: `${path} is ${shown(rules)}; give a list of rules` });
  }
  return rules.map((rule, index) => compileRule(rule, `${path}[${index}]`));
}

function compileRule(rule: Rule, path: string): CompiledRule {
  if (typeof rule !== "object" || rule === null || typeof rule.when !== "object" || rule.when === null) {
    throw new ConfigError({ path, message: `${path} is not a rule; give { when: {…}, then: "…", because: "…" }` });
  }
  refuseUnknown(rule, FIELDS, path);
  if (rule.id !== undefined && (typeof rule.id !== "string" || rule.id === "")) {
    throw new ConfigError({ path: `${path}.id`, message: `${path}.id is ${shown(rule.id)}; give a name, or leave it out` });
  }
  oneOfWords(rule.then, VERDICTS, `${path}.then`);
  if (typeof rule.because !== "string" || rule.because === "") {
    throw new ConfigError({
      path: `${path}.because`,
      message: `${path}.because is missing; say in a clause why, it is shown with every verdict of this rule`,
    });
  }
  if (rule.quota !== undefined) {
    oneOfWords(rule.quota, QUOTAS, `${path}.quota`);
    if (rule.then !== "throttled") {
      throw new ConfigError({ path: `${path}.quota`, message: `${path}.quota has an effect only with then: "throttled"` });
    }
  }
  if (rule.effect !== undefined) oneOfWords(rule.effect, EFFECTS, `${path}.effect`);

  const predicates = conditionsOf(rule.when, `${path}.when`);
  const atStatus = rule.when.status === undefined ? undefined : statusCondition(rule.when.status, `${path}.when.status`);
  return {
    id: rule.id ?? path,
    rule,
    // A rule for refusals must not make every good answer wait for its body: that would hold back streams.
    needsBody: (status) => rule.when.body !== undefined && atStatus?.({ status, attempt: 1 }) !== false,
    matches: (facts) => predicates.every((holds) => holds(facts)),
  };
}

function oneOfWords(value: string, words: readonly string[], path: string): void {
  if (!words.includes(value)) throw new ConfigError({ path, message: `${path} is ${shown(value)}; give one of ${words.join(", ")}` });
}
