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

/** Which call gave an explanation, by its place among all calls that were ever begun. */
const authors = new WeakMap<Explanation, number>();

let begun = 0;

/** The place of a call that begins now. */
export function beginCall(): number {
  begun += 1;
  return begun;
}

/** The place of the call that has begun last. */
export function lastBegun(): number {
  return begun;
}

/** Attaches an explanation to an answer or an error. Primitives cannot carry one. `author` is the call that gives it. */
export function attach(value: unknown, explanation: Explanation, author?: number): void {
  if (!canCarry(value)) return;
  explanations.set(value, explanation);
  if (author !== undefined) authors.set(explanation, author);
}

/** What was done for the call that gave this answer or threw this error. Looks down `cause` chains, ten deep. */
export function explain(value: unknown): Explanation | undefined {
  let current = value;
  for (let depth = 0; depth < 10 && canCarry(current); depth += 1) {
    const found = explanations.get(current);
    if (found) return found;
    current = causeOf(current);
  }
  return undefined;
}

/**
 * The explanation of an engine further down that has already decided against another attempt, so that a loop above does not
 * make one either. Three kinds of end decide nothing for a loop above: of a call that began before this attempt
 * (`since`), for then the error is one object that is thrown again and again; of a call that was aborted by its own signal; and of one that may
 * make no retries at all (`maxAttempts: 1`).
 */
export function exhaustedBelow(error: unknown, since: number): Explanation | undefined {
  const found = explain(error);
  if (found?.outcome !== "failed" || (authors.get(found) ?? 0) <= since) return undefined;
  const { code, maxAttempts } = found.because;
  return code === "cancelled" || (code === "attempts-exhausted" && maxAttempts === 1) ? undefined : found;
}

/** Whether an explanation can hang on it: on anything but a primitive. */
export function canCarry(value: unknown): value is object {
  return (typeof value === "object" && value !== null) || typeof value === "function";
}

/** A cause that cannot be read is none. */
function causeOf(value: object): unknown {
  try {
    return (value as { cause?: unknown }).cause;
  } catch {
    return undefined;
  }
}
