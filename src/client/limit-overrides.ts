import type { ApiBreakerOptions } from "../api/api-options.ts";
import { durationMs, formatMs, type Duration } from "../core/duration.ts";
import { ConfigError, NotFoundError } from "../core/errors.ts";
import { refuseUnknown } from "../core/options.ts";
import { shown } from "../core/shown.ts";
import type { PlanOverride } from "../engine/lane-registry.ts";
import type { Runtime } from "../engine/runtime.ts";
import { resolveBreakerOptions } from "../policy/breaker/options.ts";
import { resolveConcurrency, type ConcurrencyOptions } from "../policy/concurrency/permits.ts";
import { smallestBurst } from "../policy/rate-limit/cost.ts";
import { resolveRateLimits, type RateLimitOptions } from "../policy/rate-limit/options.ts";
import type { TimerHandle } from "../ports/clock.ts";
import type { OpenApi } from "./engine.ts";
import type { OpenApis } from "./open-apis.ts";

/** Limits that stand over what an API's definition says. `false` takes one away. */
export interface LimitOptions {
  /** Of the whole API only. */
  readonly rateLimit?: RateLimitOptions | readonly RateLimitOptions[] | false;
  readonly concurrency?: ConcurrencyOptions | number | false;
  readonly breaker?: Omit<ApiBreakerOptions, "whenOpen"> | false;
}

export interface OverrideOptions extends LimitOptions {
  readonly api: string;
  /** Method and path template, as in the names of lanes. @default all of the API's */
  readonly endpoint?: string;
  /** How long it holds. A day at most: what is to stay belongs in the definition. */
  readonly for: Duration;
  /** Who said so. */
  readonly by: string;
  readonly reason: string;
}

/** An override that holds. Instants are wall-clock ms. */
export interface LimitOverride {
  readonly api: string;
  /** `*` for all of the API's. */
  readonly endpoint: string;
  readonly limits: LimitOptions;
  readonly by: string;
  readonly reason: string;
  readonly since: number;
  readonly until: number;
}

const LONGEST_MS = 86_400_000;
const LIMITS = ["rateLimit", "concurrency", "breaker"] as const satisfies (keyof LimitOptions)[];
const OPTIONS = [...LIMITS, "api", "endpoint", "for", "by", "reason"] as const satisfies (keyof OverrideOptions)[];

/**
 * Limits that an operator sets at run time, for a while: in this process, and gone with it. Each tells of its beginning and its
 * end by an event, with who and why; that is what an audit log is written from.
 */
export class LimitOverrides {
  readonly #apis: OpenApis;
  readonly #runtime: Runtime;
  readonly #standing = new Map<string, { readonly override: LimitOverride; readonly timer: TimerHandle }>();

  constructor(apis: OpenApis, runtime: Runtime) {
    this.#apis = apis;
    this.#runtime = runtime;
  }

  /** Those that hold, the latest last. */
  list(): readonly LimitOverride[] {
    return [...this.#standing.values()].map(({ override }) => override);
  }

  /**
   * Sets limits over those of an API or an endpoint; one that is there already is replaced.
   *
   * @throws ConfigError that names the option; UnknownApiError
   */
  set(options: OverrideOptions): LimitOverride {
    refuseUnknown(options, OPTIONS, "override");
    const { api, endpoint = "*", by, reason } = options;
    for (const name of ["by", "reason"] as const) {
      if (typeof options[name] !== "string" || options[name] === "")
        refuse(`override.${name}`, `is ${shown(options[name])}; give a text for the audit log`);
    }
    const open = this.#apis.find(api);
    const plan = planOf(options, open, endpoint);
    const forMs = durationMs(options.for, "override.for");
    if (forMs === 0 || forMs > LONGEST_MS) {
      refuse(
        "override.for",
        `is ${formatMs(forMs)}; give a time above 0 and up to ${formatMs(LONGEST_MS)}: what is to stay belongs in the config`,
      );
    }
    const { clock, events } = this.#runtime;
    const key = keyOf(api, endpoint);
    this.#forget(key);
    const since = clock.now();
    const limits = Object.fromEntries(
      LIMITS.flatMap((name) => (options[name] === undefined ? [] : [[name, options[name]]])),
    ) as LimitOptions;
    const override: LimitOverride = { api, endpoint, limits, by, reason, since, until: since + forMs };
    open.lanes.override(endpoint, plan);
    const timer = clock.setTimer(() => this.#end(key, "expired", undefined), forMs);
    // It is not for this that a process should stay.
    clock.hold?.(timer, false);
    this.#standing.set(key, { override, timer });
    if (events.wants("limits:overridden")) events.emit("limits:overridden", override);
    return override;
  }

  /** Ends an override before its time. @throws NotFoundError */
  end({ api, endpoint = "*", by }: { readonly api: string; readonly endpoint?: string; readonly by: string }): void {
    const key = keyOf(api, endpoint);
    if (!this.#standing.has(key)) {
      throw new NotFoundError(`there is no override of ${endpoint === "*" ? api : `${api} ${endpoint}`}; it may have expired`);
    }
    this.#end(key, "ended", by);
  }

  /** Forgets those of APIs that are gone; after a reload. */
  tidy(): void {
    for (const [key, { override }] of this.#standing) if (this.#apis.get(override.api) === undefined) this.#end(key, "removed", undefined);
  }

  /** The engine closes: no timer is left. */
  close(): void {
    for (const key of [...this.#standing.keys()]) this.#forget(key);
  }

  #end(key: string, how: "expired" | "ended" | "removed", by: string | undefined): void {
    const standing = this.#standing.get(key);
    if (standing === undefined) return;
    this.#forget(key);
    const { api, endpoint } = standing.override;
    this.#apis.get(api)?.lanes.override(endpoint, undefined);
    const { events } = this.#runtime;
    if (events.wants("limits:restored")) events.emit("limits:restored", { api, endpoint, how, ...(by === undefined ? {} : { by }) });
  }

  #forget(key: string): void {
    const standing = this.#standing.get(key);
    if (standing === undefined) return;
    this.#runtime.clock.clearTimer(standing.timer);
    this.#standing.delete(key);
  }
}

function keyOf(api: string, endpoint: string): string {
  return `${api}\n${endpoint}`;
}

/** The limits, checked and completed as those of a definition are. */
function planOf({ rateLimit, concurrency, breaker }: LimitOptions, { api }: OpenApi, endpoint: string): PlanOverride {
  if (rateLimit === undefined && concurrency === undefined && breaker === undefined) {
    refuse("override", `says no limit; give some of ${LIMITS.join(", ")}`);
  }
  if (endpoint === "" || typeof endpoint !== "string")
    refuse("override.endpoint", `is ${shown(endpoint)}; give one such as "POST /contacts"`);
  if (rateLimit !== undefined && endpoint !== "*") {
    refuse("override.rateLimit", "has no effect on a single endpoint: its buckets may be shared by all; leave override.endpoint out");
  }
  const rateLimits = rateLimit === undefined || rateLimit === false ? [] : resolveRateLimits(rateLimit, "override.rateLimit");
  if (api.maxCost > smallestBurst(rateLimits)) {
    refuse(
      "override.rateLimit",
      `has a burst of ${smallestBurst(rateLimits)}, and an endpoint of ${api.name} costs ${api.maxCost}, so it could never start`,
    );
  }
  return {
    ...(rateLimit === undefined ? {} : { rateLimits }),
    ...(concurrency === undefined
      ? {}
      : { concurrency: concurrency === false ? undefined : resolveConcurrency(concurrency, "override.concurrency") }),
    ...(breaker === undefined ? {} : { breaker: breaker === false ? undefined : resolveBreakerOptions(breaker, "override.breaker") }),
  };
}

function refuse(path: string, problem: string): never {
  throw new ConfigError({ path, message: `${path} ${problem}` });
}
