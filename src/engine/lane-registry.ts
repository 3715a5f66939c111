import type { ResolvedBreakerOptions } from "../policy/breaker/options.ts";
import { Breaker } from "../policy/breaker/breaker.ts";
import { RetryBudget, type ResolvedRetryBudget } from "../policy/budget/retry-budget.ts";
import { Permits, type ResolvedConcurrency } from "../policy/concurrency/permits.ts";
import { Limiter } from "../policy/rate-limit/limiter.ts";
import type { RateLimitScope, ResolvedRateLimit } from "../policy/rate-limit/options.ts";
import type { RateGate } from "./lane-link.ts";
import { same } from "../core/same.ts";
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

/** What stands over the plan for a while, for a whole API or one endpoint. A key that is there and undefined says "none". */
export type PlanOverride = Partial<Pick<LanePlan, "rateLimits" | "concurrency" | "breaker">>;

/** More endpoints than this, and the rest share one lane: paths come from outside, lanes are memory. */
const MAX_LANES = 200;
const SCOPES: readonly RateLimitScope[] = ["api", "partition", "endpoint"];

/**
 * The lanes of one API: one for each endpoint and partition. Limiters of a wider scope are shared between them. A lane is never
 * thrown away: that would close an open breaker.
 */
export class LaneRegistry {
  readonly #api: string;
  /** As the API's definition has it. */
  #plan: LanePlan;
  /** By endpoint; `*` for all. */
  readonly #overrides = new Map<string, PlanOverride>();
  readonly #runtime: Runtime;
  readonly #lanes = new Map<string, Lane>();
  readonly #limiters = new Map<string, SharedLimiter>();
  /** The limiters of this process that each lane has. */
  readonly #own = new Map<Lane, readonly Limiter[]>();
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

  /** Another plan from now on. Lanes keep what they know: open breakers stay open, buckets hold what they held, who waits goes on waiting. */
  replan(plan: LanePlan): void {
    this.#plan = plan;
    this.#reshape();
  }

  /** Lays something over the plan, of one endpoint or of all (`*`); undefined takes it away again. */
  override(endpoint: string, over: PlanOverride | undefined): void {
    if (over === undefined) this.#overrides.delete(endpoint);
    else this.#overrides.set(endpoint, over);
    this.#reshape();
  }

  #reshape(): void {
    const now = this.#runtime.clock.monotonic();
    const limits = this.#planOf("*").rateLimits;
    for (const [key, shared] of this.#limiters) {
      const own = limits.filter(({ scope }) => scope === shared.scope);
      if (own.length === 0) this.#limiters.delete(key);
      else if (!same(own, shared.limits)) {
        shared.limiter.reshape(own, now);
        shared.limits = own;
      }
    }
    for (const lane of this.#lanes.values()) {
      const { endpoint, partition } = lane.ref;
      const { breaker, whenOpen, retryBudget, concurrency } = this.#planOf(endpoint);
      const shared = this.#sharedRatesOf(endpoint, partition);
      for (const { wakes } of shared) wakes.add(() => lane.wake());
      lane.reshape(
        {
          breaker: this.#breakerOf(breaker, lane.breaker),
          whenOpen,
          limiters: [...this.#ownOf(lane), ...shared],
          concurrency: concurrency?.max,
          budget: this.#budgetOf(retryBudget, lane.budget),
          ...(concurrency === undefined ? {} : { maxQueue: concurrency.maxQueue }),
        },
        now,
      );
    }
  }

  /** The limiters that a lane is to have. One that takes another's place waits for the hints that that one was given. */
  #ownOf(lane: Lane): readonly Limiter[] {
    const pausedUntil = Math.max(...(this.#own.get(lane) ?? []).map((limiter) => limiter.pausedUntil));
    const own = this.#limitersFor(lane.ref.endpoint, lane.ref.partition);
    for (const limiter of own) limiter.pauseUntil(pausedUntil);
    this.#own.set(lane, own);
    return own;
  }

  #breakerOf(options: ResolvedBreakerOptions | undefined, before: Breaker | undefined): Breaker | undefined {
    if (options === undefined) return undefined;
    if (before === undefined) return new Breaker(options, this.#runtime.random);
    before.reshape(options);
    return before;
  }

  #budgetOf(options: ResolvedRetryBudget | undefined, before: RetryBudget | undefined): RetryBudget | undefined {
    if (options === undefined) return undefined;
    return before !== undefined && same(before.options, options) ? before : new RetryBudget(options);
  }

  /** What is in force for an endpoint: the closest word wins. */
  #planOf(endpoint: string): LanePlan {
    if (this.#overrides.size === 0) return this.#plan;
    return { ...this.#plan, ...this.#overrides.get("*"), ...this.#overrides.get(endpoint) };
  }

  #create(key: string, endpoint: string, partition: string): Lane {
    const { breaker, whenOpen, retryBudget, concurrency } = this.#planOf(endpoint);
    const own = this.#limitersFor(endpoint, partition);
    const shared = this.#sharedRatesOf(endpoint, partition);
    const lane = new Lane(
      { api: this.#api, endpoint, partition },
      {
        breaker: breaker === undefined ? undefined : new Breaker(breaker, this.#runtime.random),
        whenOpen,
        limiters: [...own, ...shared] satisfies readonly RateGate[],
        permits: concurrency === undefined ? undefined : new Permits(concurrency.max),
        budget: retryBudget === undefined ? undefined : new RetryBudget(retryBudget),
        ...(concurrency === undefined ? {} : { maxQueue: concurrency.maxQueue }),
      },
      this.#runtime,
    );
    this.#lanes.set(key, lane);
    this.#own.set(lane, own);
    for (const { wakes } of shared) wakes.add(() => lane.wake());
    lane.link = this.#sharing?.link({ api: this.#api, endpoint, partition }, lane);
    return lane;
  }

  /** This process's part of each bucket, under a name that all processes with the same configuration have for it. */
  #sharedRatesOf(endpoint: string, partition: string): readonly SharedRateBlock[] {
    const sharing = this.#sharing;
    if (sharing === undefined) return [];
    return this.#planOf("*").rateLimits.map((bucket) => {
      const { scope, limit, perMs, burst, counts } = bucket;
      const name = `rate ${limit}/${perMs}ms+${burst} ${counts} by ${scope}${scope === "endpoint" ? ` ${endpoint}` : ""}`;
      const key = { api: this.#api, endpoint: name, partition: scope === "api" ? "" : partition };
      const id = `${name}\n${key.partition}`;
      const block = this.#sharedRates.get(id) ?? sharing.rate(key, bucket);
      this.#sharedRates.set(id, block);
      return block;
    });
  }

  /** An API without any still gets one for each lane, to obey hints with. */
  #limitersFor(endpoint: string, partition: string): readonly Limiter[] {
    const limiters = this.#limitersOf(endpoint, partition);
    return limiters.length > 0 ? limiters : [new Limiter([])];
  }

  /** One limiter for each scope that has buckets. */
  #limitersOf(endpoint: string, partition: string): readonly Limiter[] {
    const { rateLimits } = this.#planOf("*");
    const limiters: Limiter[] = [];
    for (const scope of SCOPES) {
      const limits = rateLimits.filter((limit) => limit.scope === scope);
      if (limits.length === 0) continue;
      const key = scope === "api" ? "api" : scope === "partition" ? `partition ${partition}` : `endpoint ${endpoint}\n${partition}`;
      const shared = this.#limiters.get(key) ?? { scope, limits, limiter: new Limiter(limits) };
      this.#limiters.set(key, shared);
      limiters.push(shared.limiter);
    }
    return limiters;
  }
}

/** A limiter that lanes share, and what it was made of. */
interface SharedLimiter {
  readonly scope: RateLimitScope;
  limits: readonly ResolvedRateLimit[];
  readonly limiter: Limiter;
}
