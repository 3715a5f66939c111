import { NotFoundError } from "../core/errors.ts";
import { refuseUnknown } from "../core/options.ts";
import type { Pipeline } from "../durable/pipeline/pipeline.ts";
import type { Page, PageRequest } from "../ports/page.ts";
import type { RunFilter, RunState, RunView } from "../ports/step-store.ts";
import type { PipelineDoor } from "./pipeline-door.ts";

/** A step of a pipeline, with how it came out in the runs that were counted. */
export interface StepTally {
  readonly step: string;
  readonly done: number;
  readonly failed: number;
  readonly parked: number;
  /** Runs that have not come to it, or are at it. */
  readonly ahead: number;
  /** Steps that wait for it; left out where the pipeline is not known here. */
  readonly waiting?: readonly string[];
}

/** A pipeline's newest runs, counted. */
export interface PipelineTally {
  readonly pipeline: string;
  /** Whether it is defined here, so that its dead letters can be replayed. */
  readonly known: boolean;
  readonly runs: Readonly<Record<RunState, number>>;
  /** Whether there are older runs that were not counted. */
  readonly more: boolean;
  /** In the order in which they are done. */
  readonly steps: readonly StepTally[];
}

/** Runs that a tally counts at most. */
const COUNTED = 2_000;

/** The pipelines of an engine and the runs of its store, for people. */
export class Pipelines {
  readonly #door: PipelineDoor;

  constructor(door: PipelineDoor) {
    this.#door = door;
  }

  /** Names of those that are known here. */
  get names(): readonly string[] {
    return this.#door.names;
  }

  /** One that is known here, by its name. @throws NotFoundError */
  open(name: string): Pipeline<unknown, Readonly<Record<string, unknown>>> {
    const pipeline = this.#door.byName(name);
    if (pipeline !== undefined) return pipeline;
    const { names } = this.#door;
    throw new NotFoundError(
      `there is no pipeline ${name} here; known are: ${names.length === 0 ? "none" : names.join(", ")}. Name it under pipelines of the config`,
    );
  }

  /** Every pipeline that has runs in the store or is known here, with its newest runs counted step by step. */
  async tallies(): Promise<readonly PipelineTally[]> {
    const names = new Set([...this.names, ...(await this.#door.store.pipelines())]);
    return await Promise.all([...names].sort().map((name) => this.#tally(name)));
  }

  /** One pipeline, counted likewise. @throws NotFoundError */
  async tally(pipeline: string): Promise<PipelineTally> {
    const found = await this.#tally(pipeline);
    const { open, succeeded, failed } = found.runs;
    if (found.known || open + succeeded + failed > 0) return found;
    throw new NotFoundError(`there is no pipeline ${pipeline} here, and no run of it in the store`);
  }

  async #tally(pipeline: string): Promise<PipelineTally> {
    const { runs, more, steps } = await this.#door.store.overview(pipeline, COUNTED);
    const plan = this.#door.stepsOf(pipeline);
    // Where nobody here knows the order, the run that came furthest of the last ones does.
    const order = plan?.map(({ name }) => name) ?? (await this.#furthest(pipeline));
    const total = runs.open + runs.succeeded + runs.failed;
    const written = new Map(steps.map((step) => [step.step, step]));
    const names = [...new Set([...order, ...written.keys()])];
    return {
      pipeline,
      known: plan !== undefined,
      runs,
      more,
      steps: names.map((step) => {
        const { done, failed, parked } = written.get(step) ?? { done: 0, failed: 0, parked: 0 };
        const waiting = plan?.find(({ name }) => name === step)?.waiting;
        return {
          step,
          done,
          failed,
          parked,
          ahead: Math.max(0, total - done - failed - parked),
          ...(waiting === undefined ? {} : { waiting }),
        };
      }),
    };
  }

  async #furthest(pipeline: string): Promise<readonly string[]> {
    const { items } = await this.#door.store.list({ pipeline }, { limit: 20 });
    return items.reduce<readonly string[]>(
      (longest, { steps }) => (steps.length > longest.length ? steps.map(({ step }) => step) : longest),
      [],
    );
  }

  /** A page of runs, of every pipeline of the store; the last opened first. */
  list(filter: RunFilter = {}, page: Partial<PageRequest> = {}): Promise<Page<RunView>> {
    refuseUnknown(filter, ["pipeline", "subject", "state"] satisfies (keyof RunFilter)[], "filter");
    return this.#door.store.list(filter, { limit: 50, ...page });
  }

  /** One run, with every step. @throws NotFoundError */
  async get(run: string): Promise<RunView> {
    const view = await this.#door.store.get(run);
    if (view === undefined) throw new NotFoundError(`there is no run ${run}; list them with \`holdfast pipelines list\``);
    return view;
  }
}
