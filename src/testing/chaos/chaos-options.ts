import type { Duration } from "../../core/duration.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Random } from "../../ports/random.ts";

/**
 * Something that can go wrong with a call. `at` says on which side of the call: `before` it, so that nothing happened, or
 * `after` it, so that it happened and the answer is lost. Left out, it is `before`.
 */
export type ChaosFault = ChaosError | ChaosDelay | ChaosStatus | ChaosReset;

/** Throws an error with this code, as the network does. From a wrapped `fetch` it is the `cause` of `TypeError: fetch failed`. */
export interface ChaosError {
  /** Such as `ECONNRESET`, `ETIMEDOUT`, `ENOTFOUND`. */
  readonly error: string;
  readonly at?: "before" | "after";
}

/** Waits, then makes the call; two values are the ends of a range. Ends early when the call's signal aborts. */
export interface ChaosDelay {
  readonly delay: Duration | readonly [Duration, Duration];
}

/** An answer in place of the real one; for `fetch` only. */
export interface ChaosStatus {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly at?: "before" | "after";
}

/** A reset connection: `ECONNRESET` before or after the call, or in mid-`body`, which is for `fetch` only. */
export interface ChaosReset {
  readonly reset: "before" | "after" | "body";
}

/** What `chaos()` takes. */
export interface ChaosOptions {
  /** What may go wrong, each as likely as the others. */
  readonly faults: readonly ChaosFault[];
  /** Share of the calls that something is done to, from 0 to 1. */
  readonly rate: number;
  /** Which calls may be hit, told by their arguments. @default all */
  readonly when?: (...args: readonly unknown[]) => boolean;
  /** @default true if the environment has HOLDFAST_CHAOS=1, else false */
  readonly enabled?: boolean;
  /** Told of every fault, before it shows. What it throws is lost. */
  readonly onFault?: (injection: ChaosInjection) => void;
  /** Numbers in [0, 1). @default Math.random */
  readonly random?: Random;
  /** @default the machine's */
  readonly clock?: Clock;
}

/** One fault that was put into a call. */
export interface ChaosInjection {
  readonly fault: ChaosFault;
  /** Such as `error:ECONNRESET`, `delay`, `status:503`, `reset:body`. */
  readonly name: string;
  /** Number of the call that met it, counted from 1 over everything that was wrapped. */
  readonly call: number;
  /** Wall-clock milliseconds. */
  readonly at: number;
}

/** What was done so far. */
export interface ChaosCounts {
  /** Calls that could have been hit. */
  readonly calls: number;
  readonly injected: number;
  /** By the fault's name. */
  readonly byFault: Readonly<Record<string, number>>;
}

/** Wraps what is to suffer. While it is off, both verbs hand back just what they were given. */
export interface Chaos {
  readonly enabled: boolean;
  readonly counts: ChaosCounts;
  wrap<Args extends readonly unknown[], Value>(fn: (...args: Args) => Promise<Value>): (...args: Args) => Promise<Value>;
  fetch(fetch: typeof globalThis.fetch): typeof globalThis.fetch;
}
