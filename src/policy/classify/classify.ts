import { DeadlineError, type ErrorCode, type HoldfastError } from "../../core/errors.ts";
import type { Effect, Hint, Verdict } from "../../core/verdict.ts";
import { SUCCESS } from "../../core/verdict.ts";
import { parseHint, type HintHeader } from "../hints/parse-hint.ts";
import { readFault, type Fault } from "./fault.ts";
import type { AttemptFacts, CompiledRule } from "./rule.ts";

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

/** Whether an answer is a success by its status alone: no rule of the API looks at answers. Most are, and nothing has to be put together for them. */
export function isPlainSuccess(classifier: Classifier, status: number): boolean {
  return classifier.rules.length === 0 && ((status >= 200 && status < 300) || status === 304);
}

/** How much of a body rules look at: bounded, whatever the door hands in. */
const BODY_LOOKED_AT = 65_536;

/** Judges an answer. `now` is wall-clock ms, for hints that are dates. */
export function classifyAnswer(classifier: Classifier, answer: AttemptFacts & { readonly status: number }, now: number): Verdict {
  const facts = bounded(answer);
  const matched = classifier.rules.find((rule) => rule.matches(facts));
  // 304 answers a caller who asked with If-None-Match: it is what was wanted.
  if (matched === undefined && ((facts.status >= 200 && facts.status < 300) || facts.status === 304)) return SUCCESS;
  const hint = facts.headers === undefined ? undefined : parseHint(facts.headers, now, classifier.hintHeaders);
  const verdict = matched === undefined ? judgeStatus(facts.status, hint) : judgeByRule(matched, "done");
  return withFacts(verdict, facts, hint);
}

/**
 * Judges what was thrown: by its HTTP status where an SDK's error has one, by its code or its cause's, by what it is.
 * Looks down `cause` chains ten deep. It never throws, whatever was thrown.
 */
export function classifyError(classifier: Classifier, error: unknown, facts: AttemptFacts, now: number): Verdict {
  return classifyFault(classifier, readFault(error), facts, now);
}

/** Judges what {@link readFault} made of what was thrown. */
export function classifyFault(classifier: Classifier, fault: Fault, facts: AttemptFacts, now: number): Verdict {
  if (fault.status !== undefined) {
    const { status, headers, code } = fault;
    const verdict = classifyAnswer(classifier, { ...facts, status, headers, body: fault.body ?? fault.message, code }, now);
    // An SDK that throws on a 2xx could not use the answer.
    return verdict === SUCCESS ? { kind: "malformed", effect: "done", rule: "sdk-error", because: fault.message, status } : verdict;
  }
  if (classifier.rules.length > 0) {
    const own = bounded({ ...facts, body: fault.message, ...(fault.code === undefined ? {} : { code: fault.code }) });
    const matched = classifier.rules.find((rule) => rule.matches(own));
    if (matched !== undefined) return withFacts(judgeByRule(matched, fault.effect), own, undefined);
  }
  if (fault.own !== undefined) return judgeOwnError(fault.own);
  const { kind, effect, rule, message, code } = fault;
  return { kind, effect, rule, because: message, ...(code === undefined ? {} : { code }) };
}

function bounded<Facts extends AttemptFacts>(facts: Facts): Facts {
  return facts.body !== undefined && facts.body.length > BODY_LOOKED_AT ? { ...facts, body: facts.body.slice(0, BODY_LOOKED_AT) } : facts;
}

/** Refusals of ours: nothing was sent, and who refused has said when to come back. */
const REFUSALS: ReadonlySet<ErrorCode> = new Set(["circuit-open", "rate-limited", "queue-full", "idempotency-in-flight", "deadline"]);

/** An error that our own engine threw further down, perhaps wrapped since. */
function judgeOwnError(error: HoldfastError): Verdict {
  const { code, message, retryAfterMs } = error;
  const base = { rule: `own:${code}`, because: message, code };
  // Cut off in mid-attempt, the deadline is a timeout like any other; without an attempt it is a refusal.
  if (code === "timeout" || (error instanceof DeadlineError && error.cut)) return { ...base, kind: "transient", effect: "unknown" };
  if (REFUSALS.has(code)) {
    const hint: Hint = { source: "holdfast", retry: false, ...(retryAfterMs === undefined ? {} : { delayMs: retryAfterMs }) };
    return { ...base, kind: "throttled", effect: "none", hint };
  }
  if (code === "credential") {
    const hint = retryAfterMs === undefined ? {} : { hint: { source: "holdfast", delayMs: retryAfterMs } as const };
    return { ...base, kind: "transient", effect: "none", ...hint };
  }
  // All others tell of a mistake of the caller's, or of trouble before anything was sent: no attempt changes that.
  return { ...base, kind: "permanent", effect: code === "outcome-unknown" ? "unknown" : "none" };
}

/** `refused`: what a plain refusal by this rule implies: `done` for an answer, what the fault itself says for an error. */
function judgeByRule({ id, rule }: CompiledRule, refused: Effect): Verdict {
  const base = { rule: id, because: rule.because };
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
      // An answer that may be retried settles nothing about the effect; an error that never left says that there is none.
      return { ...base, kind: rule.then, effect: effect(refused === "none" ? "none" : "unknown") };
    case "permanent":
      return { ...base, kind: "permanent", effect: effect(refused) };
  }
}

/** The table of last resort: what a status means when nobody said otherwise. */
function judgeStatus(status: number, hint: Hint | undefined): Verdict {
  const rule = `status:${status}`;
  const because = `the answer was ${status}`;
  if (status === 429) return { kind: "throttled", effect: "none", rule, because, quota: "burst" };
  // Only Retry-After says "not now"; other headers tell of quotas, and come with answers to requests that were worked on.
  if (status === 503 && (hint?.source === "retry-after" || hint?.source === "retry-after-ms")) {
    return { kind: "throttled", effect: "none", rule: "status:503+retry-after", because, quota: "burst" };
  }
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
