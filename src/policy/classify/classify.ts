import { isHoldfastError } from "../../core/errors.ts";
import type { Effect, Hint, Verdict } from "../../core/verdict.ts";
import { SUCCESS } from "../../core/verdict.ts";
import { parseHint, type HintHeader } from "../hints/parse-hint.ts";
import { readFault } from "./fault.ts";
import type { AttemptFacts, CompiledRule, Rule } from "./rule.ts";

/** How an API's answers are judged: its rules, tried in order, before the built-in table. */
export interface Classifier {
  readonly rules: readonly CompiledRule[];
  /** Headers of this provider that say when to come back. */
  readonly hintHeaders: readonly HintHeader[];
}

export const PLAIN_CLASSIFIER: Classifier = Object.freeze({ rules: Object.freeze([]), hintHeaders: Object.freeze([]) });

/** Whether the body has to be looked at before an answer of this status can be judged. */
export function needsBody(classifier: Classifier, status: number): boolean {
  if (status >= 400) return true;
  return classifier.rules.some((rule) => rule.needsBody(status));
}

/** Judges an answer. `now` is wall-clock ms, for hints that are dates. */
export function classifyAnswer(classifier: Classifier, facts: AttemptFacts & { readonly status: number }, now: number): Verdict {
  const matched = classifier.rules.find((rule) => rule.matches(facts));
  if (matched === undefined && facts.status >= 200 && facts.status < 300) return SUCCESS;
  const hint = facts.headers === undefined ? undefined : parseHint(facts.headers, now, classifier.hintHeaders);
  const verdict = matched === undefined ? judgeStatus(facts.status, hint) : judgeByRule(matched, facts);
  return withFacts(verdict, facts, hint);
}

/**
 * Judges what was thrown: by its HTTP status where an SDK's error has one, by its code or its cause's, by what it is.
 * Looks down `cause` chains ten deep.
 */
export function classifyError(classifier: Classifier, error: unknown, facts: AttemptFacts, now: number): Verdict {
  const fault = readFault(error);
  if (fault.status !== undefined) {
    const answer: AttemptFacts & { readonly status: number } = {
      ...facts,
      status: fault.status,
      headers: fault.headers,
      body: fault.body ?? fault.message,
      code: fault.code,
    };
    const verdict = classifyAnswer(classifier, answer, now);
    // An SDK that throws on a 2xx could not use the answer.
    return verdict === SUCCESS
      ? { kind: "malformed", effect: "done", rule: "sdk-error", because: fault.message, status: fault.status }
      : verdict;
  }
  const own = fault.code === undefined ? facts : { ...facts, code: fault.code };
  const matched = classifier.rules.find((rule) => rule.matches({ ...own, body: fault.message }));
  if (matched !== undefined) return withFacts(judgeByRule(matched, own), own, undefined);
  if (isHoldfastError(error)) return judgeOwnError(error.code, error.message, error.retryAfterMs);
  return {
    kind: fault.kind,
    effect: fault.effect,
    rule: fault.rule,
    because: fault.message,
    ...(fault.code === undefined ? {} : { code: fault.code }),
  };
}

function judgeOwnError(code: string, message: string, retryAfterMs: number | undefined): Verdict {
  switch (code) {
    case "timeout":
      return { kind: "transient", effect: "unknown", rule: "timeout", because: message, code };
    case "circuit-open":
    case "rate-limited":
    case "queue-full":
    case "idempotency-in-flight":
      // A refusal of ours further down: nothing was sent, and the loop that refused has already said when to come back.
      return {
        kind: "throttled",
        effect: "none",
        rule: `own:${code}`,
        because: message,
        code,
        hint: { source: "holdfast", retry: false, ...(retryAfterMs === undefined ? {} : { delayMs: retryAfterMs }) },
      };
    case "outcome-unknown":
    case "deadline":
      return { kind: "permanent", effect: "unknown", rule: `own:${code}`, because: message, code };
    default:
      return { kind: "permanent", effect: "none", rule: `own:${code}`, because: message, code };
  }
}

function judgeByRule({ id, rule }: CompiledRule, facts: AttemptFacts): Verdict {
  const base = { rule: id, because: rule.because };
  const answered = facts.status !== undefined;
  const effect = (implied: Effect): Effect => rule.effect ?? implied;
  switch (rule.then) {
    case "success":
      return { ...base, kind: "success", effect: effect("done") };
    case "duplicate":
    case "concurrent":
      return { ...base, kind: "conflict", conflict: rule.then, effect: effect(rule.then === "duplicate" ? "done" : "none") };
    case "throttled":
      return { ...base, kind: "throttled", effect: effect("none"), quota: rule.quota ?? "burst" };
    case "unauthorized":
      return { ...base, kind: "unauthorized", effect: effect("none") };
    case "transient":
    case "malformed":
      return { ...base, kind: rule.then, effect: effect("unknown") };
    case "permanent":
      return { ...base, kind: "permanent", effect: effect(answered ? "done" : "none") };
  }
}

/** The table of last resort: what a status means when nobody said otherwise. */
function judgeStatus(status: number, hint: Hint | undefined): Verdict {
  const rule = `status:${status}`;
  const because = `the answer was ${status}`;
  if (status === 429) return { kind: "throttled", effect: "none", rule, because, quota: "burst" };
  if (status === 503 && hint?.delayMs !== undefined)
    return { kind: "throttled", effect: "none", rule: "status:503+retry-after", because, quota: "burst" };
  if (status === 401) return { kind: "unauthorized", effect: "none", rule, because };
  if (status === 409) return { kind: "conflict", conflict: "permanent", effect: "done", rule, because };
  if (status === 425) return { kind: "transient", effect: "none", rule, because };
  if (TRANSIENT.has(status)) return { kind: "transient", effect: "unknown", rule, because };
  return { kind: "permanent", effect: status >= 500 ? "unknown" : "done", rule, because };
}

/** 501 and 505 say that the other side will never do it; every other 5xx here says that it cannot do it now. */
const TRANSIENT: ReadonlySet<number> = new Set([408, 500, 502, 503, 504, 520, 521, 522, 523, 524, 529]);

function withFacts(verdict: Verdict, facts: AttemptFacts, hint: Hint | undefined): Verdict {
  return {
    ...verdict,
    ...(hint === undefined ? {} : { hint }),
    ...(facts.status === undefined ? {} : { status: facts.status }),
    ...(facts.code === undefined ? {} : { code: facts.code }),
  };
}

export type { Rule };
