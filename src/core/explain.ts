import type { Because } from "./decision.ts";
import type { Verdict } from "./verdict.ts";

/** What was done for one call, told with its result: the answer or the error that surfaced. */
export interface Explanation {
  /** Id of the operation (UUIDv7), where it ran in an engine. */
  readonly operation?: string;
  /** Tries that were made, the first included. */
  readonly attempts: number;
  readonly outcome: "succeeded" | "replayed" | "failed" | "refused";
  /** Why it ended here. */
  readonly because: Because;
  /** The last attempt's verdict. */
  readonly verdict?: Verdict;
  /** When it is worth trying again, where that is known. */
  readonly retryAfterMs?: number;
  /** Id of the dead letter that keeps the request, where there is one. */
  readonly deadLetter?: string;
}

/**
 * Explanations hang on the value itself, not in it: a caught error or a Response keeps its own shape, and dropping it
 * drops the explanation. A WeakMap, because Response objects and frozen errors take no new fields.
 */
const explanations = new WeakMap<object, Explanation>();

/** Attaches an explanation to an answer or an error. Primitives cannot carry one. */
export function attach(value: unknown, explanation: Explanation): void {
  if ((typeof value === "object" && value !== null) || typeof value === "function") explanations.set(value, explanation);
}

/** What was done for the call that gave this answer or threw this error. Looks down `cause` chains, ten deep. */
export function explain(value: unknown): Explanation | undefined {
  let current = value;
  for (let depth = 0; depth < 10 && typeof current === "object" && current !== null; depth += 1) {
    const found = explanations.get(current);
    if (found) return found;
    current = (current as { cause?: unknown }).cause;
  }
  return undefined;
}

/**
 * The explanation of an engine further down that has already decided against another attempt, so that a loop above does not
 * make one either. One that may make no retries at all (`maxAttempts: 1`) has not decided anything.
 */
export function exhaustedBelow(error: unknown): Explanation | undefined {
  const found = explain(error);
  if (found === undefined || found.outcome !== "failed") return undefined;
  return found.because.code === "attempts-exhausted" && found.because.maxAttempts === 1 ? undefined : found;
}
