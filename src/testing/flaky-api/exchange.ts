import { hash } from "node:crypto";
import type { Random } from "../../ports/random.ts";
import type { Answer } from "./answer.ts";
import type { Endpoint } from "./endpoint.ts";
import { asName } from "./expression.ts";
import type { Scope } from "./expression.ts";
import type { Fault } from "./fault.ts";
import type { Key } from "./key.ts";
import type { LedgerBook } from "./ledger-book.ts";
import type { LedgerEntry } from "./ledger-entry.ts";
import type { LimitGate } from "./limit.ts";
import { planEnding } from "./plan.ts";
import type { Plan, PlanEnding } from "./plan.ts";
import type { Received } from "./received.ts";
import type { Router } from "./router.ts";
import type { Rule } from "./rule.ts";
import { drawDelay } from "./script-time.ts";
import type { Workshop, WorkResult } from "./workshop.ts";

/** What an exchange needs from its server. */
export interface ExchangeParts {
  readonly route: Router;
  readonly limits: LimitGate;
  /** The rule that a request meets now. */
  readonly meet: (scope: Scope, at: number) => Rule | undefined;
  readonly workshop: Workshop;
  readonly book: LedgerBook;
  readonly random: Random;
  readonly startedAt: number;
}

/**
 * Settles one request: limits, then rules, then the endpoint's own work. Everything happens at once and in one place —
 * the effect, the ledger's entry — and what is left is a {@link Plan} for the wire, which may take its time or fail.
 */
export function settle(request: Received, parts: ExchangeParts): Plan {
  const { endpoint, params } = parts.route(request.method, request.path);
  const scope = scopeOf(request, endpoint, params);
  const head = { at: request.at, endpoint: endpoint.label, ...named("subject", scope.subject), ...named("key", scope.key) };
  const elapsedMs = request.at - parts.startedAt;

  const { refused, headers } = parts.limits.admit(scope, endpoint.label, { elapsedMs, now: request.at });
  if (refused !== undefined) {
    const answer = withHeaders(refused.answer, headers);
    parts.book.write({ ...head, ending: "answered", status: answer.status, limit: refused.limit });
    return { delayMs: 0, ending: { type: "answer", answer } };
  }

  const rule = parts.meet(scope, request.at);
  const fault = rule?.fault ?? HEALTHY;
  const result = fault.performs ? parts.workshop.perform(endpoint, scope, elapsedMs) : undefined;
  const answer = withHeaders(chooseAnswer(fault, result, scope), headers);
  const ending = planEnding(answer, fault.ending);
  parts.book.write({ ...head, ...told(ending), ...named("rule", rule?.name), ...result?.entry });

  const delay = fault.delay ?? endpoint.delay;
  const delayMs = delay === undefined ? 0 : drawDelay(delay, parts.random);
  const release = result?.hold?.();
  return { delayMs, ending, ...(release === undefined ? {} : { release }) };
}

const HEALTHY: Fault = { performs: true, ending: { type: "whole" } };
const NO_ANSWER: Answer = { status: 0, headers: [], body: "" };

function scopeOf(request: Received, endpoint: Endpoint, params: Scope["params"]): Scope {
  const key = asName(request.header(endpoint.keyHeader));
  const scope: Scope = { request, params, key };
  const subject =
    asName(endpoint.subject?.(scope)) ?? (endpoint.work.type === "effect" ? usualSubject(endpoint.work.key, scope) : undefined);
  return subject === undefined ? scope : { ...scope, subject };
}

/** Whom an effect is about when the script does not say: the more it knows of identity, the better. */
function usualSubject(key: Key, scope: Scope): string {
  const natural = key.type === "natural" ? asName(key.read(scope)) : undefined;
  return natural ?? scope.key ?? `body:${hash("sha256", scope.request.path + scope.request.text).slice(0, 16)}`;
}

/** A rule's own answer stands in for success only: what the endpoint refuses, it refuses in its own words. */
function chooseAnswer(fault: Fault, result: WorkResult | undefined, scope: Scope): Answer {
  if (fault.answer === undefined || result?.accepted === false) return result?.answer ?? NO_ANSWER;
  const answer = fault.answer(result?.effectId === undefined ? scope : { ...scope, ledger: { id: result.effectId } });
  return fault.retryAfter === undefined ? answer : withHeaders(answer, fault.retryAfter(scope.request.at));
}

function withHeaders(answer: Answer, headers: readonly string[]): Answer {
  return headers.length === 0 ? answer : { ...answer, headers: [...answer.headers, ...headers] };
}

function told(ending: PlanEnding): Pick<LedgerEntry, "ending" | "status"> {
  switch (ending.type) {
    case "reset":
      return { ending: "reset" };
    case "hang":
      return { ending: "hung" };
    case "cut":
      return { ending: "cut", status: ending.answer.status };
    case "answer":
    case "dribble":
      return { ending: "answered", status: ending.answer.status };
  }
}

function named<Name extends string>(name: Name, value: string | undefined): Partial<Record<Name, string>> {
  return value === undefined ? {} : ({ [name]: value } as Partial<Record<Name, string>>);
}
