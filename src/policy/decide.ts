import type { Because, BecauseCode, Decision, DeadReason } from "../core/decision.ts";
import type { Verdict } from "../core/verdict.ts";
import type { Backoff } from "./backoff/backoff.ts";

/** What an attempt left behind: everything that the decision may look at. Durations in ms. */
export interface Situation {
  readonly verdict: Verdict;
  /** The attempt that has just ended; the first is 1. */
  readonly attempt: number;
  readonly maxAttempts: number;
  /** Time left until the deadline; Infinity without one. */
  readonly remainingMs: number;
  /** The last backoff, for decorrelated jitter. */
  readonly previousDelayMs: number;
  /** `inline`: somebody waits for the answer. `durable`: the operation is stored and may rest. */
  readonly mode: "inline" | "durable";
  /** The same request again does no harm: it only reads, its method is idempotent, or its key is honoured. */
  readonly repeatable: boolean;
  /** The request can be sent again at all (its body was not a consumed stream). */
  readonly replayable: boolean;
  /** The other side can be asked whether the effect happened. */
  readonly canReconcile: boolean;
  /** A credential can be refreshed, and has not been for this call. */
  readonly canRefresh: boolean;
  readonly refreshed: boolean;
  /** There is a way to change the request so that the answer may fit (an LLM's repair). */
  readonly canRepair: boolean;
  /** An end without success is kept as a dead letter. */
  readonly keep: boolean;
  /** The caller's own `retryIf`, where there is one. */
  readonly wanted: boolean;
  /** A retry loop further down has already used its attempts on this error. */
  readonly exhaustedBelow: boolean;
  /** Retries that each budget still allows; Infinity where there is none. */
  readonly budgets: { readonly task: number; readonly key: number; readonly lane: number };
  /** Whose the key budget is and what it allows, for the reason. */
  readonly keyBudget?: string | undefined;
}

export interface DecidePolicy {
  readonly backoff: Backoff;
  /** Hints over this are not slept by an inline call. */
  readonly maxHintMs: number;
}

/**
 * The one decision function: what happens after an attempt, and why. Inline calls, the durable worker, the gateway and the
 * simulator all ask it. Pure: it takes no permit and spends no budget; who acts on `retry` does.
 *
 * The order is the meaning: what settles the call comes first, then what forbids another attempt whatever the budgets say,
 * then whether another attempt is safe, then how long it has to wait, then whether there is time and budget for it.
 */
export function decide(situation: Situation, policy: DecidePolicy, random: () => number): Decision {
  const { verdict } = situation;
  switch (verdict.kind) {
    case "success":
      return { action: "succeed", because: reason("answered", situation) };
    case "cancelled":
      // The caller has gone, a timeout of its own perhaps; what was on its way may have happened all the same.
      if (verdict.effect === "unknown" && !situation.repeatable) return end("outcome-unknown", "cancelled", situation);
      return { action: "fail", because: reason("cancelled", situation) };
    case "permanent":
      if (verdict.hint?.retry === true) return again(situation, policy, random);
      return end("permanent", situation.refreshed && verdict.status === 401 ? "permanent-after-refresh" : "permanent", situation);
    case "unauthorized":
      if (!situation.canRefresh || !situation.replayable) {
        return end("permanent", situation.refreshed ? "permanent-after-refresh" : "permanent", situation);
      }
      if (situation.remainingMs <= 0) return end("expired", "deadline", situation, { remainingMs: situation.remainingMs });
      return { action: "refresh", because: reason("token-expired", situation) };
    case "conflict":
      if (verdict.conflict === "duplicate") return { action: "succeed", because: reason("duplicate-of-done", situation) };
      if (verdict.conflict === "permanent") return end("permanent", "permanent", situation);
      return again(situation, policy, random);
    case "malformed":
      // An answer that came whole but does not fit its schema: the same request would get the same. Repair, or surface.
      if (verdict.effect === "done") {
        if (situation.canRepair) return { action: "repair", because: reason("schema-mismatch", situation) };
        return end("permanent", "schema-mismatch", situation);
      }
      return again(situation, policy, random);
    case "throttled":
      if (verdict.quota === "billing") return end("permanent", "billing", situation);
      return again(situation, policy, random);
    case "transient":
      return again(situation, policy, random);
  }
}

/** The verdict allows another attempt: may there be one, when, and who pays for it? */
function again(situation: Situation, policy: DecidePolicy, random: () => number): Decision {
  const { verdict, attempt, maxAttempts } = situation;
  // Before anything that only forbids a retry: the other side is asked even then, for the effect may stand.
  if (verdict.effect === "unknown" && !situation.repeatable) {
    if (situation.canReconcile) return { action: "reconcile", because: reason("ask-before-retry", situation) };
    return end("outcome-unknown", "outcome-unknown", situation);
  }
  if (!situation.wanted) return end("permanent", "not-retryable", situation);
  if (verdict.hint?.retry === false) return end("exhausted", vetoOf(verdict), situation, retryAfter(verdict));
  if (situation.exhaustedBelow) return end("exhausted", "exhausted-below", situation);
  if (!situation.replayable) return end("exhausted", "body-not-replayable", situation);
  if (attempt >= maxAttempts) return end("exhausted", "attempts-exhausted", situation);
  return atItsTime(situation, policy, random);
}

/** How long a used-up quota is left alone where the other side does not say when it is back. */
const PERIOD_MS = 3_600_000;

function atItsTime(situation: Situation, policy: DecidePolicy, random: () => number): Decision {
  const { verdict, attempt, mode, remainingMs } = situation;
  const own = policy.backoff(attempt - 1, situation.previousDelayMs, random);
  // Without a word on when, a quota of a period is back no sooner than an hour from now, for all that is known.
  const hintMs = verdict.hint?.delayMs ?? (verdict.quota === "period" ? PERIOD_MS : undefined);
  // A wait made from a hint gets 0–10 % on top, so that the herd which was told the same does not come back together.
  const delayMs = hintMs === undefined || hintMs <= own ? own : hintMs * (1 + 0.1 * random());
  const numbers = { delayMs, ...(hintMs === undefined ? {} : { hintMs }) };
  const tooLate = delayMs >= remainingMs;

  if (hintMs !== undefined && (hintMs > policy.maxHintMs || verdict.quota === "period")) {
    const code = verdict.quota === "period" ? "quota-period" : "hint-over-maximum";
    if (mode === "durable" && !tooLate) return { action: "park", delayMs, because: reason(code, situation, numbers) };
    if (mode === "inline" && hintMs > policy.maxHintMs) return end("exhausted", code, situation, { ...numbers, retryAfterMs: hintMs });
  }
  if (tooLate) return end("expired", "deadline", situation, { ...numbers, remainingMs, retryAfterMs: delayMs });

  const { task, key, lane } = situation.budgets;
  if (task < 1) return end("budget", "task-budget", situation, numbers);
  if (key < 1) {
    return end("budget", "key-budget", situation, {
      ...numbers,
      ...(situation.keyBudget === undefined ? {} : { budget: situation.keyBudget }),
    });
  }
  if (lane < 1) {
    // A stored operation loses nothing by resting until the lane has earned retries again.
    if (mode === "durable") return { action: "park", delayMs, because: reason("lane-budget", situation, numbers) };
    return end("budget", "lane-budget", situation, numbers);
  }
  const code: BecauseCode = verdict.hint?.retry === true ? "forced-by-hint" : delayMs === own ? "backoff" : "hint";
  return { action: "retry", delayMs, because: reason(code, situation, numbers) };
}

/** A refusal of our own further down is not the other side's veto. */
function vetoOf({ code, hint }: Verdict): BecauseCode {
  if (hint?.source !== "holdfast") return "vetoed-by-hint";
  return code === "circuit-open"
    ? "breaker-open"
    : code === "queue-full"
      ? "queue-full"
      : code === "rate-limited"
        ? "rate-limited"
        : "deadline";
}

function retryAfter({ hint }: Verdict): Partial<Because> {
  return hint?.delayMs === undefined ? {} : { retryAfterMs: hint.delayMs };
}

/** Whoever finds it among the dead letters must know that the effect may stand, whatever else forbade another attempt. */
function end(deadReason: DeadReason, code: BecauseCode, situation: Situation, numbers: Partial<Because> = {}): Decision {
  const because = reason(code, situation, numbers);
  if (!situation.keep) return { action: "fail", because };
  const inDoubt = situation.verdict.effect === "unknown" && !situation.repeatable;
  return { action: "dead-letter", reason: inDoubt ? "outcome-unknown" : deadReason, because };
}

function reason(code: BecauseCode, { verdict, attempt, maxAttempts }: Situation, numbers: Partial<Because> = {}): Because {
  return { code, rule: verdict.rule, attempt, maxAttempts, detail: verdict.because, ...numbers };
}
