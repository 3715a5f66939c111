/** How long the story is, and how fast leads come in, for a number of leads. */
export interface Plan {
  readonly leads: number;
  /** Leads that enter per second of story time. */
  readonly perSecond: number;
  /** From the first lead to the last, story ms. */
  readonly storyMs: number;
  /** It is over by then, retries and outages included; story ms. */
  readonly lengthMs: number;
  /** Leads on their way at once. Enough that those which an outage holds up do not keep the others out. */
  readonly open: number;
}

const USUAL_PER_SECOND = 22;
const SHORTEST_MS = 20_000;
const LONGEST_MS = 180_000;

export function planFor(leads: number): Plan {
  const storyMs = Math.min(LONGEST_MS, Math.max(SHORTEST_MS, (leads / USUAL_PER_SECOND) * 1_000));
  const perSecond = Math.max(0.5, (leads / storyMs) * 1_000);
  return { leads, perSecond, storyMs, lengthMs: storyMs * 2 + 90_000, open: Math.min(1_000, Math.max(50, Math.ceil(perSecond * 45))) };
}
