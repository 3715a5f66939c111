import type { ExchangeAnswer, ExchangeRequest, SharedBreaker, SharedRate } from "../../ports/coordinator.ts";

/**
 * What is kept of a shared lane. Each rate is a virtual schedule (GCRA): the instant up to which its tokens are spoken for. A
 * token moves it on by `perMs / limit`; there is room while it is less than a burst ahead of now. One number a rate, exact over
 * restarts, and a clock that steps back only makes it stricter.
 */
export interface LaneState {
  readonly schedules: readonly (readonly [rate: string, spokenUntil: number])[];
  readonly pausedUntil: number;
  readonly breaker: { readonly revision: number } & SharedBreaker;
}

export interface Exchanged {
  readonly state: LaneState;
  readonly answer: ExchangeAnswer;
  /** When there is nothing left to know of the lane; `null` while its breaker is not closed. */
  readonly idleAt: number | null;
}

const UNKNOWN: LaneState = { schedules: [], pausedUntil: 0, breaker: { revision: 0, state: "closed", reopened: 0 } };

/** One exchange over a lane: what it comes to, and what is to be kept. */
export function exchangeLane(known: LaneState | undefined, request: ExchangeRequest): Exchanged {
  const { now, want } = request;
  const old = known ?? UNKNOWN;
  const pausedUntil = Math.max(old.pausedUntil, request.pausedUntil ?? 0);
  const before = request.rates.map((rate) => ({ rate, spokenUntil: corrected(rate, old, request) }));
  const room = Math.min(...before.map(({ rate, spokenUntil }) => tokensAt(rate, spokenUntil, now)));
  const granted = pausedUntil > now ? 0 : Math.max(0, Math.min(want, room));
  const after = before.map(({ rate, spokenUntil }) => ({ rate, spokenUntil: spokenUntil + granted * spacing(rate) }));
  const waits = after.map(({ rate, spokenUntil }) => spokenUntil - (rate.burst - 1) * spacing(rate) - now);
  const breaker = breakerAfter(old.breaker, request.breaker);
  const schedules = after
    .filter(({ spokenUntil }) => spokenUntil > now)
    .map(({ rate, spokenUntil }) => [nameOf(rate), spokenUntil] as const);
  return {
    state: { schedules, pausedUntil, breaker },
    answer: { granted, waitMs: granted === want ? 0 : Math.max(0, pausedUntil - now, ...waits), breaker },
    idleAt: breaker.state === "closed" && breaker.manual !== true ? Math.max(pausedUntil, ...schedules.map(([, until]) => until)) : null,
  };
}

/** The schedule after what was given back and what the other side said, and never behind now. */
function corrected(rate: SharedRate, { schedules }: LaneState, { now, unused, remaining }: ExchangeRequest): number {
  const known = schedules.find(([name]) => name === nameOf(rate))?.[1] ?? now;
  const returned = known - unused * spacing(rate);
  const said = remaining === undefined ? now : now + Math.max(0, rate.burst - remaining) * spacing(rate);
  return Math.max(now, returned, said);
}

function tokensAt(rate: SharedRate, spokenUntil: number, now: number): number {
  // The allowance is for rounding: a schedule is a sum of fractions.
  return Math.floor(rate.burst - (spokenUntil - now) / spacing(rate) + 1e-6);
}

function spacing({ limit, perMs }: SharedRate): number {
  return perMs / limit;
}

function nameOf({ limit, perMs, burst }: SharedRate): string {
  return `${limit}/${perMs}/${burst}`;
}

function breakerAfter(old: LaneState["breaker"], change: ExchangeRequest["breaker"]): LaneState["breaker"] {
  return change?.revision === old.revision ? { ...change.to, revision: old.revision + 1 } : old;
}
