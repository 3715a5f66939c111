import { durationMs, type Duration } from "../core/duration.ts";
import { ConfigError } from "../core/errors.ts";
import { refuseUnknown } from "../core/options.ts";
import { shown } from "../core/shown.ts";

export interface WorkerOptions {
  /** Operations under way at once in this process. A few of every lane go over it, so that no lane waits for another. @default 200 */
  readonly concurrency?: number;
  /** Of one lane. @default 50, or concurrency where that is less */
  readonly laneConcurrency?: number;
  /** How long an operation is held without a word; it is extended while an attempt lasts. @default "60s" */
  readonly lease?: Duration;
  /** Holders that may vanish with an operation before it is a dead letter `poison`. @default 3 */
  readonly poisonAfter?: number;
  /** Longest rest while there is nothing to do. @default "2s" */
  readonly pollEvery?: Duration;
}

export interface ResolvedWorkerOptions {
  readonly concurrency: number;
  readonly laneConcurrency: number;
  readonly leaseMs: number;
  readonly poisonAfter: number;
  readonly pollMs: number;
}

const OPTIONS = ["concurrency", "laneConcurrency", "lease", "poisonAfter", "pollEvery"] as const satisfies (keyof WorkerOptions)[];

/** The options, checked and completed. Throws a {@link ConfigError} that names what is wrong. */
export function resolveWorkerOptions(options: WorkerOptions = {}, path = "worker"): ResolvedWorkerOptions {
  refuseUnknown(options, OPTIONS, path);
  const fail = (name: keyof WorkerOptions, problem: string): never => {
    throw new ConfigError({ path: `${path}.${name}`, message: `${path}.${name} ${problem}` });
  };
  const count = (name: keyof WorkerOptions, value: number): number =>
    Number.isInteger(value) && value >= 1 ? value : fail(name, `is ${shown(value)}; give a whole number of at least 1`);
  const concurrency = count("concurrency", options.concurrency ?? 200);
  const laneConcurrency = count("laneConcurrency", options.laneConcurrency ?? Math.min(50, concurrency));
  if (laneConcurrency > concurrency) fail("laneConcurrency", `is ${laneConcurrency}, more than ${path}.concurrency (${concurrency})`);
  const leaseMs = durationMs(options.lease ?? 60_000, `${path}.lease`);
  if (leaseMs < 1_000) fail("lease", `is ${leaseMs} ms; give at least a second, or a pause of the process loses work that it still has`);
  const pollMs = durationMs(options.pollEvery ?? 2_000, `${path}.pollEvery`);
  if (pollMs < 10) fail("pollEvery", `is ${pollMs} ms; give at least 10 ms`);
  return Object.freeze({ concurrency, laneConcurrency, leaseMs, poisonAfter: count("poisonAfter", options.poisonAfter ?? 3), pollMs });
}
