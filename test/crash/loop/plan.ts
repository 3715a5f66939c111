import { CRASH_POINTS } from "./points.ts";
import type { Disruption } from "./run.ts";

export interface PlanOptions {
  /** SIGKILL at a random moment. */
  readonly kills: number;
  /** How often each named crash point is met, each time a bit later in a life. */
  readonly eachPoint: number;
  /** SIGTERM at a random moment. */
  readonly terms: number;
  /** SIGSTOP for longer than a lease. */
  readonly stops: number;
}

/** What is to be done to workers, in the order of chance. Stops apart: they need a second worker that takes over meanwhile. */
export function plan({ kills, eachPoint, terms, stops }: PlanOptions, random: () => number): { deadly: Disruption[]; stops: Disruption[] } {
  const moment = (): number => Math.floor(random() ** 2 * 1_200);
  const deadly: Disruption[] = [
    ...times(kills, () => ({ type: "kill", afterMs: moment() }) as const),
    ...times(terms, () => ({ type: "term", afterMs: moment() }) as const),
    // A worker sweeps when it starts, and then once a minute: no life here is long enough for a second time.
    ...CRASH_POINTS.flatMap((point) =>
      times(eachPoint, (index) => ({ type: "point", point, nth: point.startsWith("sweep:") ? 1 : 1 + index * 2 }) as const),
    ),
  ];
  deadly.sort(() => random() - 0.5);
  return { deadly, stops: times(stops, () => ({ type: "stop", afterMs: moment(), forMs: 1_200 + Math.floor(random() * 1_500) })) };
}

function times<Item>(count: number, make: (index: number) => Item): Item[] {
  return Array.from({ length: count }, (_, index) => make(index));
}
