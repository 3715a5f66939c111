/**
 * The machine that measures: ways of doing the same thing take turns, many short rounds long, so that a neighbour who makes
 * the machine slow makes it slow for all of them. What is told is the median, and ratios are those of one and the same round.
 */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** One way of doing the same thing. */
export interface Contender {
  readonly name: string;
  /** Does it once. */
  readonly call: () => Promise<unknown>;
  /** Lets go of timers and the like. */
  readonly close?: () => unknown;
}

/** What is read before and after a round; the difference is shared out over its calls. */
export interface Meter {
  readonly unit: string;
  read(): number;
}

/** How much is measured. */
export interface Effort {
  readonly rounds: number;
  /** Calls of each contender in each round. */
  readonly calls: number;
}

/** The readings of each contender, one a round. */
export type Readings = ReadonlyMap<string, readonly number[]>;

/**
 * Of all threads, so that the collector's helpers count too. Where nothing waits it is the time that has passed, less what
 * neighbours have taken of it.
 */
export const cpuTime: Meter = {
  unit: "ns of CPU",
  read() {
    const { user, system } = process.cpuUsage();
    return (user + system) * 1e3;
  },
};

/** Exact, as long as nothing is collected within the round; a round in which something was is left out. */
export const allocated: Meter = { unit: "B", read: () => process.memoryUsage().heapUsed };

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as (options?: { readonly type: "minor" }) => void;

/** Takes out what is dead, all of it, so that what is left can be weighed. */
export function collectAll(): void {
  collect();
  collect();
}

/** Lets the contenders take turns. A quarter of the rounds more is run first and not counted. */
export async function race(contenders: readonly Contender[], meter: Meter, { rounds, calls }: Effort): Promise<Readings> {
  const readings = new Map(contenders.map(({ name }) => [name, [] as number[]]));
  for (let round = -Math.ceil(rounds / 4); round < rounds; round += 1) {
    for (const { name, call } of rotated(contenders, round)) {
      // The one before leaves its garbage to nobody.
      collect({ type: "minor" });
      const before = meter.read();
      for (let done = 0; done < calls; done += 1) await call();
      const spent = meter.read() - before;
      if (round >= 0 && spent > 0) readings.get(name)?.push(spent / calls);
    }
  }
  for (const { close } of contenders) await close?.();
  return readings;
}

/** Another one begins each round. */
function rotated<Item>(items: readonly Item[], by: number): readonly Item[] {
  const start = ((by % items.length) + items.length) % items.length;
  return [...items.slice(start), ...items.slice(0, start)];
}

export function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

/** The median of the ratios of one contender to another, round by round. */
export function medianRatio(readings: Readings, name: string, against: string): number {
  const theirs = readings.get(against) ?? [];
  return median(
    (readings.get(name) ?? []).map((one, round) => one / (theirs[round] ?? Number.NaN)).filter((ratio) => !Number.isNaN(ratio)),
  );
}
