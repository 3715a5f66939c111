import type { Item } from "../api/client.ts";

type ApiHistory = Item<"GET /v1/stats/history">;
export type Point = ApiHistory["points"][number];

/** Values over the same instants as all others of a chart; null where there is nothing to say. */
export interface Line {
  readonly name: string;
  readonly values: readonly (number | null)[];
}

/** One value for each step, over all APIs. */
export interface Steps {
  readonly times: readonly number[];
  readonly stepMs: number;
}

const MOST_LINES = 5;
const OTHERS = "others";

/** The instants of a history; each API has the same. */
export function stepsOf(items: readonly ApiHistory[], stepMs: number): Steps {
  return { times: items[0]?.points.map(({ at }) => at) ?? [], stepMs };
}

/** Calls a second of each API, the busiest first; of many APIs the rest are one. */
export function throughputOf(items: readonly ApiHistory[], stepMs: number): readonly Line[] {
  const lines = items.map(({ api, points }) => ({ name: api, values: points.map(({ calls }) => (calls / stepMs) * 1_000) }));
  const busiest = lines.filter((line) => sum(line) > 0).sort((a, b) => sum(b) - sum(a));
  if (busiest.length <= MOST_LINES) return busiest;
  const rest = busiest.slice(MOST_LINES - 1);
  const values = rest[0]?.values.map((_, index) => rest.reduce((all, line) => all + (line.values[index] ?? 0), 0)) ?? [];
  return [...busiest.slice(0, MOST_LINES - 1), { name: OTHERS, values }];
}

/** A part of a whole in each step, over all APIs; null in a step without any. */
export function shareOf(
  items: readonly ApiHistory[],
  part: (point: Point) => number,
  whole: (point: Point) => number,
  times: readonly number[],
): readonly (number | null)[] {
  return times.map((_, index) => {
    const points = items.flatMap((item) => item.points[index] ?? []);
    const all = points.reduce((sum, point) => sum + whole(point), 0);
    return all === 0 ? null : Math.min(1, points.reduce((sum, point) => sum + part(point), 0) / all);
  });
}

/** Calls of a step: those that ended in it or, where more were begun, those. A retry is often told before its call's end. */
export function callsIn({ calls, attempts, retries }: Point): number {
  return Math.max(calls, attempts - retries);
}

/** Lines on top of each other: each holds the sum of those before it. The last one is the outline of all. */
export function stacked(lines: readonly Line[]): readonly Line[] {
  const sums: number[] = [];
  return lines.map(({ name, values }) => ({
    name,
    values: values.map((value, index) => (sums[index] = (sums[index] ?? 0) + (value ?? 0))),
  }));
}

function sum({ values }: { readonly values: readonly number[] }): number {
  return values.reduce((all, one) => all + one, 0);
}
