/** Why a decision was made: a stable code, and the numbers it was made from. Shown in logs, headers and the dashboard. */
export interface Because {
  readonly code: BecauseCode;
  /** The rule of the verdict that led here, where there was one. */
  readonly rule?: string;
  readonly attempt?: number;
  readonly maxAttempts?: number;
  readonly delayMs?: number;
  readonly hintMs?: number;
  readonly remainingMs?: number;
  readonly retryAfterMs?: number;
  /** The budget that refused: whose it was and what it allows. */
  readonly budget?: string;
  /** The verdict's own clause, or what else there is to say. */
  readonly detail?: string;
}

/** Every reason that a decision can have. */
export type BecauseCode =
  | "answered"
  | "duplicate-of-done"
  | "backoff"
  | "hint"
  | "forced-by-hint"
  | "token-expired"
  | "schema-mismatch"
  | "ask-before-retry"
  | "cancelled"
  | "permanent"
  | "permanent-after-refresh"
  | "not-retryable"
  | "callback-failed"
  | "billing"
  | "quota-period"
  | "vetoed-by-hint"
  | "outcome-unknown"
  | "body-not-replayable"
  | "attempts-exhausted"
  | "exhausted-below"
  | "hint-over-maximum"
  | "deadline"
  | "task-budget"
  | "key-budget"
  | "lane-budget"
  | "breaker-open"
  | "rate-limited"
  | "queue-full";

/** Why an operation ended as a dead letter. */
export type DeadReason = "exhausted" | "permanent" | "outcome-unknown" | "expired" | "budget" | "poison" | "cancelled-by-operator";

/** What happens next, and why. */
export type Decision =
  | { readonly action: "succeed"; readonly because: Because }
  | { readonly action: "retry"; readonly delayMs: number; readonly because: Because }
  | { readonly action: "refresh"; readonly because: Because }
  | { readonly action: "repair"; readonly because: Because }
  | { readonly action: "reconcile"; readonly because: Because }
  | { readonly action: "park"; readonly delayMs: number; readonly because: Because }
  | { readonly action: "dead-letter"; readonly reason: DeadReason; readonly because: Because }
  | { readonly action: "fail"; readonly because: Because };

const WORDS: Readonly<Record<BecauseCode, string>> = {
  answered: "the other side answered",
  "duplicate-of-done": "the other side says that the effect already stands",
  backoff: "it can be retried after a backoff",
  hint: "the other side said when to come back",
  "forced-by-hint": "the other side asked for a retry",
  "token-expired": "the credential was refused; it is refreshed once",
  "schema-mismatch": "the answer does not fit its schema",
  "ask-before-retry": "the outcome is unknown; the other side is asked before anything is sent again",
  cancelled: "the caller aborted",
  permanent: "no retry can change this answer",
  "permanent-after-refresh": "the credential was refused again after a refresh",
  "not-retryable": "the caller's own rule says not to retry",
  "callback-failed": "a function of the caller's own (retryIf, a backoff) threw when it was asked",
  billing: "the account is out of quota until somebody pays",
  "quota-period": "the quota is used up until its reset",
  "vetoed-by-hint": "the other side asked not to retry",
  "outcome-unknown": "the effect may already have happened, and sending it again is not safe",
  "body-not-replayable": "the body was a stream that has been consumed, so it cannot be sent again",
  "attempts-exhausted": "all attempts are used",
  "exhausted-below": "a retry loop further down has already used its attempts",
  "hint-over-maximum": "the wait asked for is longer than an inline call sleeps",
  deadline: "the next attempt would start after the deadline",
  "task-budget": "the task's retry budget is used up",
  "key-budget": "the retry quota of this key is used up",
  "lane-budget": "the lane's retry budget is used up: too many of its calls already need a retry",
  "breaker-open": "the circuit breaker is open",
  "rate-limited": "our own limits do not let it go within the time that it has",
  "queue-full": "as many calls as allowed already wait",
};

/** A reason in words, with its numbers: one line for logs and error texts. */
export function explainBecause(because: Because): string {
  const numbers: string[] = [];
  if (because.attempt !== undefined) {
    numbers.push(`attempt ${because.attempt}${because.maxAttempts === undefined ? "" : ` of ${because.maxAttempts}`}`);
  }
  if (because.rule !== undefined) numbers.push(`rule ${because.rule}`);
  if (because.delayMs !== undefined) numbers.push(`delay ${Math.round(because.delayMs)} ms`);
  if (because.hintMs !== undefined) numbers.push(`hint ${Math.round(because.hintMs)} ms`);
  if (because.retryAfterMs !== undefined) numbers.push(`retry after ${Math.round(because.retryAfterMs)} ms`);
  if (because.remainingMs !== undefined) numbers.push(`${Math.max(0, Math.round(because.remainingMs))} ms left`);
  if (because.budget !== undefined) numbers.push(`budget ${because.budget}`);
  if (because.detail !== undefined) numbers.push(because.detail);
  return numbers.length === 0 ? WORDS[because.code] : `${WORDS[because.code]} (${numbers.join(", ")})`;
}
