import type { Holdfast } from "../../client/holdfast.ts";
import type { PipelineProgress } from "../../durable/pipeline/pipeline.ts";
import { API_NAMES, ENDPOINTS, type ApiName } from "./weather.ts";

/** One API as the job sees it now. */
export interface ApiProgress {
  readonly name: ApiName;
  /** Leads that are past it. */
  passed: number;
  /** Retries of this process. */
  retries: number;
  /** Leads that ended here as dead letters. */
  kept: number;
  breaker: "closed" | "open" | "half-open" | "none";
  /** Leads that stand before it. */
  waiting: number;
}

/** Everything that a screen may show of a run. */
export interface Progress {
  readonly leads: number;
  /** Leads that are through or kept. */
  ended: number;
  /** Steps that were done before this start. */
  replayed: number;
  readonly apis: Readonly<Record<ApiName, ApiProgress>>;
}

/** Shows a run while it is under way. */
export interface Screen {
  /** Something happened that is worth a line. */
  note(text: string): void;
  /** Called many times a second. */
  show(progress: Progress, toldMs: number): void;
  end(): void;
}

export function newProgress(leads: number): Progress {
  const apis = Object.fromEntries(
    API_NAMES.map((name): [ApiName, ApiProgress] => [name, { name, passed: 0, retries: 0, kept: 0, breaker: "closed", waiting: 0 }]),
  ) as Record<ApiName, ApiProgress>;
  return { leads, ended: 0, replayed: 0, apis };
}

/** Takes in what the engine's lanes say now. */
export function lookAtLanes(progress: Progress, engine: Pick<Holdfast, "lanes">): void {
  for (const { api, endpoint, breaker } of engine.lanes()) {
    const own = progress.apis[api as ApiName];
    if (endpoint === ENDPOINTS[own.name]) own.breaker = breaker;
  }
}

/** Takes in how far the pipeline has come; its steps are named after the APIs. */
export function lookAtSteps(progress: Progress, { steps, succeeded, parked, failed }: PipelineProgress): void {
  progress.ended = succeeded + parked + failed;
  let before: number | undefined;
  for (const name of API_NAMES) {
    const own = progress.apis[name];
    own.passed = steps[name] ?? 0;
    own.waiting = before === undefined ? 0 : Math.max(0, before - own.passed - own.kept);
    before = own.passed;
  }
}
