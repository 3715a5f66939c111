import type { Admittee } from "../engine/admittee.ts";
import type { Lane } from "../engine/lane.ts";

/** An admission to a lane that was taken before it is known for which operation. */
export class Admission implements Admittee {
  readonly cost: number;
  readonly deadlineAt: number = Number.POSITIVE_INFINITY;
  readonly maxWaitMs: number = Number.POSITIVE_INFINITY;
  readonly callerSignal: undefined = undefined;
  generation = 0;
  admittedAt = 0;

  constructor(cost: number) {
    this.cost = cost;
  }
}

/** A lane as the worker finds it: with what an operation of it costs. */
export interface Place {
  readonly lane: Lane;
  /** Units of the rate limit. */
  readonly cost: number;
}

/** Takes up to `wanted` admissions; where the lane gives fewer, `waitMs` says when to ask again (Infinity: when something ends). */
export function takeAdmissions(
  { lane, cost }: Place,
  wanted: number,
  now: number,
): { readonly admissions: Admission[]; readonly waitMs: number } {
  const admissions: Admission[] = [];
  while (admissions.length < wanted) {
    const admission = new Admission(cost);
    const waitMs = lane.tryAdmit(admission, now);
    if (waitMs > 0) return { admissions, waitMs };
    admissions.push(admission);
  }
  return { admissions, waitMs: 0 };
}
