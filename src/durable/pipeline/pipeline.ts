import type { Page, PageRequest } from "../../ports/page.ts";
import type { RunFilter, RunView } from "../../ports/step-store.ts";
import type { ParkedStep } from "./pipeline-run.ts";

/** How a run came out. */
export type PipelineEnd<Results> =
  /** Every step is done; `parked` are optional ones that failed. */
  | { readonly state: "succeeded"; readonly run: string; readonly results: Results; readonly parked: readonly ParkedStep[] }
  /** A step is a dead letter, and others wait for it: the run goes on when it is replayed. */
  | { readonly state: "parked"; readonly run: string; readonly results: Partial<Results>; readonly parked: readonly ParkedStep[] }
  /** A dead letter of it was discarded: it does not go on. */
  | { readonly state: "failed"; readonly run: string; readonly results: Partial<Results>; readonly parked: readonly ParkedStep[] }
  /** Another process is at work on it, or vanished with it less than a minute ago. */
  | { readonly state: "busy"; readonly run: string; readonly retryAfterMs: number };

/** Where a `runAll` or `resume` stands: one object, changed as it goes on. */
export interface PipelineProgress {
  /** Runs that were begun, or found. */
  readonly runs: number;
  readonly succeeded: number;
  readonly parked: number;
  readonly failed: number;
  /** Runs that wait for another process to let go of them. */
  readonly busy: number;
  /** Runs that are past each step, by its name, in the order of the steps. */
  readonly steps: Readonly<Record<string, number>>;
}

/** What came of all runs. */
export type PipelineReport = Omit<PipelineProgress, "busy" | "steps">;

export interface RunManyOptions {
  /** Runs under way at once. Those that wait for long do not count. @default 50 */
  readonly concurrency?: number;
  /** Ends it: what is under way is let go at the next step, and can be resumed. */
  readonly signal?: AbortSignal;
  /** Told whenever a step or a run has ended. */
  readonly onProgress?: (progress: PipelineProgress) => void;
}

/** A pipeline that an engine runs. */
export interface Pipeline<Input, Results> {
  readonly name: string;
  readonly version: string;
  /** Names of its steps, in the order of their definition. */
  readonly steps: readonly string[];
  /**
   * Takes the subject through all steps, from where it stands: a run that has ended is answered with what it gave, and one that
   * was cut short goes on at its first unfinished step. A second call in this process joins the first.
   *
   * @throws the signal's reason when aborted, ClosedError when the engine closes, StoreError when the store fails for good.
   */
  run(input: Input, options?: { readonly signal?: AbortSignal }): Promise<PipelineEnd<Results>>;
  /** Runs for all inputs, so many at once; inputs are taken as there is room for them. Waits for runs that others hold. */
  runAll(inputs: Iterable<Input> | AsyncIterable<Input>, options?: RunManyOptions): Promise<PipelineReport>;
  /** Takes up every run that has not ended, in any version that is known. */
  resume(options?: RunManyOptions): Promise<PipelineReport>;
  /** The run of a subject, as it stands. */
  get(subject: string): Promise<RunView | undefined>;
  /** Runs of this pipeline, the last opened first. */
  list(filter?: Omit<RunFilter, "pipeline">, page?: Partial<PageRequest>): Promise<Page<RunView>>;
}
