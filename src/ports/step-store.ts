import type { Because } from "../core/decision.ts";
import type { Fenced } from "./idempotency-store.ts";
import type { Page, PageRequest } from "./page.ts";

/** Opens a run of a pipeline, or takes one up again. Instants are wall-clock milliseconds. */
export interface OpenRun {
  /** The run's id, the same for the same pipeline and subject. */
  readonly id: string;
  readonly pipeline: string;
  /** Of the pipeline's steps; a run that was opened under an older one ends under it. */
  readonly version: string;
  /** Whom the run is about, such as a lead's id; for people and filters. */
  readonly subject: string;
  /** What the run was given, as JSON; kept from the first opening. */
  readonly input: string;
  /** Names this holder and no other; every later verb must show it (fencing). */
  readonly token: string;
  readonly now: number;
  /** Until when this holder has the run: while `now < leaseUntil`. */
  readonly leaseUntil: number;
}

export type OpenResult =
  /** Ours: what has been done so far. */
  | { readonly state: "held"; readonly run: RunView }
  | { readonly state: "busy"; readonly leaseUntil: number }
  | { readonly state: "ended"; readonly run: RunView };

export type StepState = "done" | "failed" | "parked";

/** How a step came out. A step that is done stays so; the others may be written again. */
export interface StepResult {
  readonly run: string;
  readonly token: string;
  readonly step: string;
  readonly state: StepState;
  /** What it gave, as JSON. */
  readonly result?: string;
  readonly because?: Because;
  /** The dead letter or the operation that carries on with it. */
  readonly operation?: string;
  readonly now: number;
}

export interface StepView {
  readonly step: string;
  readonly state: StepState;
  readonly result?: string;
  readonly because?: Because;
  readonly operation?: string;
  readonly at: number;
}

export type RunState = "open" | "succeeded" | "failed";

export interface RunView {
  readonly id: string;
  readonly pipeline: string;
  readonly version: string;
  readonly subject: string;
  readonly input: string;
  readonly state: RunState;
  readonly openedAt: number;
  readonly endedAt?: number;
  /** In the order in which they were first written. */
  readonly steps: readonly StepView[];
}

export interface RunFilter {
  readonly pipeline?: string;
  readonly subject?: string;
  readonly state?: RunState;
}

/** The newest runs of a pipeline, counted. */
export interface RunsOverview {
  /** By state; at most as many in all as were asked for. */
  readonly runs: Readonly<Record<RunState, number>>;
  /** Whether there are older ones that were not counted. */
  readonly more: boolean;
  /** Of those runs, the steps that were written, sorted by name. */
  readonly steps: readonly ({ readonly step: string } & Readonly<Record<StepState, number>>)[];
}

/**
 * Keeps the steps of pipelines: a step's result is written in the transaction that completes it, so that a run taken up again
 * goes on at the first step that is not done. Verbs take batches and answer in order; a promise that resolves means durable.
 */
export interface StepStore {
  /** The token that holds the run already is answered as before and gets the new lease. */
  open(requests: readonly OpenRun[]): Promise<readonly OpenResult[]>;
  /** `stale`: another holder has the run, it has ended, or the step is done already. */
  finish(results: readonly StepResult[]): Promise<readonly Fenced[]>;
  extend(requests: readonly { readonly run: string; readonly token: string; readonly leaseUntil: number }[]): Promise<readonly Fenced[]>;
  /** Lets an open run go, to be taken up again. */
  release(requests: readonly { readonly run: string; readonly token: string }[]): Promise<readonly Fenced[]>;
  /** Ends a run; kept until `keepUntil`. */
  end(
    requests: readonly {
      readonly run: string;
      readonly token: string;
      readonly state: "succeeded" | "failed";
      readonly now: number;
      readonly keepUntil: number;
    }[],
  ): Promise<readonly Fenced[]>;
  get(run: string): Promise<RunView | undefined>;
  /** The last opened first. */
  list(filter: RunFilter, page: PageRequest): Promise<Page<RunView>>;
  /** Names of the pipelines that have runs, sorted. Takes no longer where there are many runs. */
  pipelines(): Promise<readonly string[]>;
  /** Counts the `most` runs of a pipeline that were opened last, and their steps. */
  overview(pipeline: string, most: number): Promise<RunsOverview>;
  /** Deletes runs that ended and whose time is over; at most `limit`. Answers how many. */
  sweep(now: number, limit: number): Promise<number>;
}
