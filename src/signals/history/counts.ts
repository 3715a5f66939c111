import { classOf } from "./latency.ts";

/** How calls came out, and how often something was tried for them. */
export interface Totals {
  /** Calls, and operations of the queue, that ended. */
  calls: number;
  succeeded: number;
  failed: number;
  refused: number;
  replayed: number;
  attempts: number;
  retries: number;
  deadLetters: number;
}

/** What is counted of a lane in one step of time. */
export interface Counts extends Totals {
  /** Attempts by the kind of their verdict. */
  readonly verdicts: Record<string, number>;
  /** Durations of attempts, by class. */
  readonly latency: (number | undefined)[];
}

/** As it is written down: what is 0 is left out. */
export type WrittenCounts = Partial<Totals> & {
  readonly verdicts?: Readonly<Record<string, number>>;
  readonly latency?: Readonly<Record<string, number>>;
};

const TOTALS = ["calls", "succeeded", "failed", "refused", "replayed", "attempts", "retries", "deadLetters"] as const;

export function noTotals(): Totals {
  return { calls: 0, succeeded: 0, failed: 0, refused: 0, replayed: 0, attempts: 0, retries: 0, deadLetters: 0 };
}

export function noCounts(): Counts {
  return { ...noTotals(), verdicts: {}, latency: [] };
}

/** An attempt has ended. */
export function countAttempt(counts: Counts, kind: string, durationMs: number): void {
  counts.attempts += 1;
  counts.verdicts[kind] = (counts.verdicts[kind] ?? 0) + 1;
  const index = classOf(durationMs);
  counts.latency[index] = (counts.latency[index] ?? 0) + 1;
}

/** Adds one to the other. */
export function addTotals(to: Totals, more: Partial<Totals>): void {
  for (const name of TOTALS) to[name] += more[name] ?? 0;
}

export function addCounts(to: Counts, more: WrittenCounts | Counts): void {
  addTotals(to, more);
  for (const [kind, count] of Object.entries(more.verdicts ?? {})) to.verdicts[kind] = (to.verdicts[kind] ?? 0) + count;
  for (const [index, count] of Object.entries(more.latency ?? {})) {
    to.latency[Number(index)] = (to.latency[Number(index)] ?? 0) + (count ?? 0);
  }
}

export function written(counts: Counts): WrittenCounts {
  const totals = Object.fromEntries(TOTALS.filter((name) => counts[name] > 0).map((name) => [name, counts[name]]));
  const { attempts, verdicts } = counts;
  return attempts === 0
    ? totals
    : { ...totals, verdicts, latency: Object.fromEntries(Object.entries(counts.latency)) as Record<string, number> };
}
