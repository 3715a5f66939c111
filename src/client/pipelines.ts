import { NotFoundError } from "../core/errors.ts";
import { refuseUnknown } from "../core/options.ts";
import type { Pipeline } from "../durable/pipeline/pipeline.ts";
import type { Page, PageRequest } from "../ports/page.ts";
import type { RunFilter, RunView } from "../ports/step-store.ts";
import type { PipelineDoor } from "./pipeline-door.ts";

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
