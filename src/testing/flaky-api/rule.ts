import type { Random } from "../../ports/random.ts";
import { isFor, readPatterns } from "./endpoint-filter.ts";
import type { EndpointPattern } from "./endpoint-pattern.ts";
import { compileExpression } from "./expression.ts";
import type { Expression, Readable, Scope } from "./expression.ts";
import { readFault } from "./fault.ts";
import type { Fault } from "./fault.ts";
import { readNth } from "./nth.ts";
import type { Nth } from "./nth.ts";
import { join, optional, readList, readNumber, readObject, readOneOf, readRecord, readText, readTexts, refuse } from "../reading.ts";
import type { ReadTime } from "./script-time.ts";
import { readMatch } from "./value-match.ts";
import type { ValueMatch } from "./value-match.ts";

/** A rule as it is asked; what it counts belongs to a {@link RuleBook}. */
export interface Rule {
  readonly name: string;
  readonly methods: readonly string[];
  readonly patterns: readonly EndpointPattern[];
  readonly fromMs: number;
  readonly toMs: number;
  readonly where: readonly { readonly read: Expression; readonly match: ValueMatch }[];
  readonly nth?: Nth;
  readonly per: "all" | "subject" | "key";
  readonly probability: number;
  readonly fault: Fault;
}

/** What rules are checked against when they are read. */
export interface RuleGround {
  /** Everything that the API answers; empty where it answers every path. */
  readonly endpoints: readonly EndpointPattern[];
  readonly readable: Readable;
  readonly time: ReadTime;
}

export function readRules(value: unknown, path: string, ground: RuleGround): readonly Rule[] {
  return readList(value, path).map((rule, index) => readRule(rule, `${path}[${index}]`, ground));
}

function readRule(value: unknown, path: string, ground: RuleGround): Rule {
  const fields = readObject(value, path, ["name", "when", "then"]);
  const at = join(path, "when");
  const when = optional(fields["when"], at, (when) =>
    readObject(when, at, ["method", "endpoint", "between", "where", "nth", "per", "probability"]),
  );
  const field = <Value>(name: string, read: (value: unknown, path: string) => Value): Value | undefined =>
    optional(when?.[name], join(at, name), read);

  const [fromMs, toMs] = field("between", (window, place) => readWindow(window, place, ground.time)) ?? [0, Infinity];
  const nth = field("nth", readNth);
  const per = field("per", (per, place) => readOneOf(per, place, ["all", "subject", "key"] as const));
  if (per !== undefined && nth === undefined) refuse(join(at, "per"), per, "it has no effect without nth");
  return {
    name: optional(fields["name"], join(path, "name"), readText) ?? path,
    methods: field("method", readTexts) ?? [],
    patterns: field("endpoint", (texts, place) => readPatterns(texts, place, ground.endpoints)) ?? [],
    fromMs,
    toMs,
    where: field("where", (where, place) => readWhere(where, place, ground.readable)) ?? [],
    ...(nth === undefined ? {} : { nth }),
    per: per ?? "all",
    probability: field("probability", (chance, place) => readNumber(chance, place, { min: 0, max: 1 })) ?? 1,
    fault: readFault(fields["then"], join(path, "then"), ground.readable, ground.time),
  };
}

function readWindow(value: unknown, path: string, time: ReadTime): readonly [number, number] {
  const ends = readList(value, path);
  if (ends.length !== 1 && ends.length !== 2) refuse(path, value, 'it must be ["from"] or ["from", "to"]');
  const fromMs = time(ends[0], `${path}[0]`);
  const toMs = ends.length === 1 ? Infinity : time(ends[1], `${path}[1]`);
  if (toMs <= fromMs) refuse(path, value, "the window ends before it starts");
  return [fromMs, toMs];
}

function readWhere(value: unknown, path: string, readable: Readable): Rule["where"] {
  return Object.entries(readRecord(value, path)).map(([expression, match]) => ({
    read: compileExpression(expression, join(path, expression), readable),
    match: readMatch(match, join(path, expression)),
  }));
}

/** The rules in force, and what they have counted. */
export interface RuleBook {
  /** The rule that this request meets, if any; counts it for every rule that counts. */
  find(scope: Scope, elapsedMs: number): Rule | undefined;
}

/**
 * Puts rules in force. Every rule with `nth` counts each request that meets its other conditions, whether or not an
 * earlier rule takes it: so "the first" and "the second" of two rules mean the first and second request. A chance is
 * drawn only for a request that comes that far.
 */
export function ruleBook(rules: readonly Rule[], random: Random): RuleBook {
  const counts = rules.map(() => new Map<string, number>());

  const isTurn = (rule: Rule, index: number, scope: Scope): boolean => {
    if (rule.nth === undefined) return true;
    const by = rule.per === "all" ? "" : scope[rule.per];
    if (by === undefined) return false;
    const counted = counts[index] as Map<string, number>;
    const number = (counted.get(by) ?? 0) + 1;
    counted.set(by, number);
    return rule.nth(number);
  };

  return {
    find(scope, elapsedMs) {
      let found: Rule | undefined;
      for (const [index, rule] of rules.entries()) {
        if (found !== undefined && rule.nth === undefined) continue;
        if (!meets(rule, scope, elapsedMs) || !isTurn(rule, index, scope)) continue;
        if (found === undefined && (rule.probability === 1 || random() < rule.probability)) found = rule;
      }
      return found;
    },
  };
}

function meets(rule: Rule, scope: Scope, elapsedMs: number): boolean {
  const { method, path } = scope.request;
  if (elapsedMs < rule.fromMs || elapsedMs >= rule.toMs) return false;
  if (rule.methods.length > 0 && !rule.methods.includes(method)) return false;
  return isFor(rule.patterns, method, path) && rule.where.every(({ read, match }) => match(read(scope)));
}
