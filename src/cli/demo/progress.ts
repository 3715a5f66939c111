import type { Holdfast } from "../../client/holdfast.ts";
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
  /** Calls that wait for the breaker, the limit or a free place. */
  waiting: number;
}

/** Everything that a screen may show of a run. */
export interface Progress {
  readonly leads: number;
  /** Leads that are through or kept. */
  ended: number;
  /** Answers that the store gave again. */
  replayed: number;
  /** Leads whose keys a killed process still holds. */
  held: number;
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
  return { leads, ended: 0, replayed: 0, held: 0, apis };
}

/** Takes in what the engine's lanes say now. */
export function lookAtLanes(progress: Progress, engine: Pick<Holdfast, "lanes">): void {
  for (const { api, endpoint, breaker, waiting } of engine.lanes()) {
    const own = progress.apis[api as ApiName];
    if (endpoint !== ENDPOINTS[own.name]) continue;
    own.breaker = breaker;
    own.waiting = waiting;
  }
}
