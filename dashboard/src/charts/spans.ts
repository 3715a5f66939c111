import type { Answer } from "../api/client.ts";

type LaneHistory = Answer<"GET /v1/lanes/{lane}/history">;
export type BreakerState = "closed" | "open" | "half-open";

/** A breaker in one state for a while. */
export interface Span {
  readonly state: BreakerState;
  readonly from: number;
  readonly to: number;
  /** Why it came to that; undefined where that was before the window. */
  readonly because?: string;
}

/** The states of a breaker over a window, without gaps. `now` is the state that it is in, for a window without changes. */
export function spansOf({ from, to, changes }: Pick<LaneHistory, "from" | "to" | "changes">, now: string): readonly Span[] {
  const spans: Span[] = [];
  let at = from;
  let state = stateOf(changes[0]?.from ?? now);
  let because: string | undefined;
  const add = (until: number): void => {
    if (until > at) spans.push({ state, from: at, to: until, ...(because === undefined ? {} : { because }) });
    at = Math.max(at, until);
  };
  for (const change of changes) {
    add(Math.min(change.at, to));
    state = stateOf(change.to);
    ({ because } = change);
  }
  add(to);
  return spans;
}

/** How long it let nothing but probes through. */
export function openMs(spans: readonly Span[]): number {
  return spans.reduce((sum, { state, from, to }) => sum + (state === "closed" ? 0 : to - from), 0);
}

function stateOf(word: string): BreakerState {
  return word === "open" || word === "half-open" ? word : "closed";
}
