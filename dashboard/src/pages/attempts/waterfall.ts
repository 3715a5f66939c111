import { explainBecause, type Because } from "../../../../src/core/decision.ts";
import type { Answer } from "../../api/client.ts";

export type Attempt = Answer<"GET /v1/operations/{id}">["attempts"][number];

/** One stretch of an operation's life: it was tried, or it waited. Instants are wall-clock ms. */
export type Stretch =
  | { readonly what: "attempt"; readonly from: number; readonly to: number; readonly attempt: Attempt; readonly then: string }
  | { readonly what: "wait"; readonly from: number; readonly to: number; readonly why: string; readonly open: boolean };

export interface Life {
  /** When it was accepted, where that is known. */
  readonly acceptedAt?: number | undefined;
  readonly attempts: readonly Attempt[];
  /** What it waits for now, where it has not ended: until when, if that is known, and why. */
  readonly waiting?: { readonly until?: number | undefined; readonly why: string } | undefined;
  readonly now: number;
}

/** Waits shorter than this are the machine's own, and say nothing. */
const SHORTEST_WAIT_MS = 5;

/** The attempts and waits of an operation, in the order in which they were. */
export function stretchesOf({ acceptedAt, attempts, waiting, now }: Life): readonly Stretch[] {
  const stretches: Stretch[] = [];
  let end = acceptedAt ?? attempts[0]?.startedAt ?? now;
  let why = "it waited for its turn";
  for (const attempt of [...attempts].sort((a, b) => a.startedAt - b.startedAt)) {
    if (attempt.startedAt - end >= SHORTEST_WAIT_MS) stretches.push({ what: "wait", from: end, to: attempt.startedAt, why, open: false });
    end = attempt.startedAt + attempt.durationMs;
    why = reasonOf(attempt.because);
    stretches.push({ what: "attempt", from: attempt.startedAt, to: end, attempt, then: why });
  }
  if (waiting !== undefined)
    stretches.push({ what: "wait", from: end, to: Math.max(end, waiting.until ?? now), why: waiting.why, open: true });
  return stretches;
}

/** The whole time that they take, and where each lies in it as shares from 0 to 1. */
export function scaleOf(stretches: readonly Stretch[]): {
  readonly from: number;
  readonly to: number;
  readonly at: (instant: number) => number;
} {
  const from = Math.min(...stretches.map((one) => one.from));
  const to = Math.max(...stretches.map((one) => one.to), from + 1);
  return { from, to, at: (instant) => (instant - from) / (to - from) };
}

export function reasonOf(because: Attempt["because"]): string {
  return explainBecause(because as unknown as Because);
}
