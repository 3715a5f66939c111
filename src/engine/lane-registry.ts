import type { ResolvedBreakerOptions } from "../policy/breaker/options.ts";
import { Breaker } from "../policy/breaker/breaker.ts";
import { RetryBudget, type ResolvedRetryBudget } from "../policy/budget/retry-budget.ts";
import { Permits, type ResolvedConcurrency } from "../policy/concurrency/permits.ts";
import { Limiter } from "../policy/rate-limit/limiter.ts";
import type { RateLimitScope, ResolvedRateLimit } from "../policy/rate-limit/options.ts";
import type { RateGate } from "./lane-link.ts";
import { Lane } from "./lane.ts";
import type { Runtime } from "./runtime.ts";
import type { LaneSharing } from "./sharing/lane-sharing.ts";
import type { SharedRateBlock } from "./sharing/shared-rate-block.ts";

/** Which policies the lanes of an API have. */
export interface LanePlan {
  readonly rateLimits: readonly ResolvedRateLimit[];
  readonly concurrency: ResolvedConcurrency | undefined;
  readonly breaker: ResolvedBreakerOptions | undefined;
  readonly whenOpen: "refuse" | "wait";
  readonly retryBudget: ResolvedRetryBudget | undefined;
}

/** More endpoints than this, and the rest share one lane: paths come from outside, lanes are memory. */
const MAX_LANES = 200;
const SCOPES: readonly RateLimitScope[] = ["api", "partition", "endpoint"];

/**
 * The lanes of one API: one for each endpoint and partition. Limiters of a wider scope are shared between them. A lane is never
 * thrown away: that would close an open breaker.
 */
export class LaneRegistry {
  readonly #api: string;
  readonly #plan: LanePlan;
  readonly #runtime: Runtime;
  readonly #lanes = new Map<string, Lane>();
  readonly #limiters = new Map<string, Limiter>();
  readonly #sharing: LaneSharing | undefined;
  readonly #sharedRates = new Map<string, SharedRateBlock>();

  /** @param sharing with which lanes are shared with other processes */
  constructor(api: string, plan: LanePlan, runtime: Runtime, sharing?: LaneSharing) {
    this.#api = api;
    this.#plan = plan;
    this.#runtime = runtime;
    this.#sharing = sharing;
  }

  /** The lane of an endpoint, made when it is first asked for. */
  lane(endpoint: string, partition: string): Lane {
    const key = partition === "" ? endpoint : `${endpoint}\n${partition}`;
    const found = this.#lanes.get(key);
    if (found !== undefined) return found;
    if (this.#lanes.size >= MAX_LANES) return this.#overflow(endpoint);
    return this.#create(key, endpoint, partition);
  }

  /** All lanes there are. */
  all(): readonly Lane[] {
    return [...this.#lanes.values()];
  }

  #overflow(endpoint: string): Lane {
    const { events } = this.#runtime;
    if (events.wants("lanes:overflow")) events.emit("lanes:overflow", { api: this.#api, endpoint, limit: MAX_LANES });
    return this.#lanes.get("*") ?? this.#create("*", "*", "");
  }

  #create(key: string, endpoint: string, partition: string): Lane {
    const { breaker, whenOpen, retryBudget, concurrency } = this.#plan;
    const shared = this.#sharedRatesOf(endpoint, partition);
    const lane = new Lane(
      { api: this.#api, endpoint, partition },
      {
        breaker: breaker === undefined ? undefined : new Breaker(breaker, this.#runtime.random),
        whenOpen,
        limiters: [...this.#limitersOf(endpoint, partition), ...shared] satisfies readonly RateGate[],
        permits: concurrency === undefined ? undefined : new Permits(concurrency.max),
        budget: retryBudget === undefined ? undefined : new RetryBudget(retryBudget),
        ...(concurrency === undefined ? {} : { maxQueue: concurrency.maxQueue }),
      },
      this.#runtime,
    );
    this.#lanes.set(key, lane);
    for (const { wakes } of shared) wakes.add(() => lane.wake());
    lane.link = this.#sharing?.link({ api: this.#api, endpoint, partition }, lane);
    return lane;
  }

  /** This process's part of each bucket, under a name that all processes with the same configuration have for it. */
  #sharedRatesOf(endpoint: string, partition: string): readonly SharedRateBlock[] {
    const sharing = this.#sharing;
    if (sharing === undefined) return [];
    return this.#plan.rateLimits.map((bucket) => {
      const { scope, limit, perMs, burst, counts } = bucket;
      const name = `rate ${limit}/${perMs}ms+${burst} ${counts} by ${scope}${scope === "endpoint" ? ` ${endpoint}` : ""}`;
      const key = { api: this.#api, endpoint: name, partition: scope === "api" ? "" : partition };
      const id = `${name}\n${key.partition}`;
      const block = this.#sharedRates.get(id) ?? sharing.rate(key, bucket);
      this.#sharedRates.set(id, block);
      return block;
    });
  }

  /** One limiter for each scope that has buckets; an API without any still gets one for each lane, to obey hints with. */
  #limitersOf(endpoint: string, partition: string): readonly Limiter[] {
    const { rateLimits } = this.#plan;
    if (rateLimits.length === 0) return [new Limiter([])];
    const limiters: Limiter[] = [];
    for (const scope of SCOPES) {
      const limits = rateLimits.filter((limit) => limit.scope === scope);
      if (limits.length === 0) continue;
      const key = scope === "api" ? "api" : scope === "partition" ? `partition ${partition}` : `endpoint ${endpoint}\n${partition}`;
      const shared = this.#limiters.get(key) ?? new Limiter(limits);
      this.#limiters.set(key, shared);
      limiters.push(shared);
    }
    return limiters;
  }
}
