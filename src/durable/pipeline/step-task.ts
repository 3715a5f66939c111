import type { Verdict } from "../../core/verdict.ts";
import type { Keep } from "../../engine/call.ts";
import type { LaneRef } from "../../ports/events.ts";
import type { HeldRun } from "./held-run.ts";
import type { PipelineSpec, StepContext } from "./definition.ts";
import type { PlannedStep } from "./plan.ts";

/** One step of one run, to be done. */
export interface StepTask {
  readonly pipeline: PipelineSpec;
  readonly step: PlannedStep;
  readonly context: StepContext<unknown, Readonly<Record<string, unknown>>>;
  /** The subject's, and where the step stands. */
  readonly labels: Readonly<Record<string, string>>;
  /** Id of the operation, and of its dead letter. */
  readonly operation: string;
  readonly held: HeldRun;
  /** An earlier try may have happened that nobody wrote down. */
  readonly inDoubt: boolean;
  /** An operator has said to send it, where nobody can tell whether it happened. */
  readonly insist: boolean;
  /** Its dead letter is replayed. */
  readonly replayed: boolean;
  /** Changes the JSON body that its request has, as the operator who replays it wants it. */
  readonly patch: ((body: unknown) => unknown) | undefined;
  /** No attempt starts after it aborts. */
  readonly stop: AbortSignal;
  /** Aborts what is under way. */
  readonly cut: AbortSignal;
  /**
   * Writes down that it is about to be tried, before anything leaves; for what must not be repeated blindly. Answers whether the
   * run is still ours.
   */
  mark(): Promise<boolean>;
  /** Waits, and lets others go on meanwhile. Rejects when it is told to stop. */
  rest(ms: number): Promise<void>;
}

/** A dead letter that is to be kept. */
export interface StepLetter {
  readonly letter: Parameters<Keep>[0];
  readonly verdict: Verdict;
}

/** How a step came out; `lane` is the one that it went through, where it called an API. */
export type StepEnd =
  /** What it gave, as JSON; undefined for nothing. */
  | { readonly state: "done"; readonly json: string | undefined; readonly lane?: LaneRef | undefined }
  | { readonly state: "dead"; readonly letter: StepLetter; readonly lane?: LaneRef | undefined }
  /** Somebody else has the run. */
  | { readonly state: "lost" }
  /** It was told to stop before it was decided. */
  | { readonly state: "stopped"; readonly because?: string };

export type ExecuteStep = (task: StepTask) => Promise<StepEnd>;
