import { durationMs, type Duration } from "../core/duration.ts";
import { refuseUnknown } from "../core/options.ts";
import { Call, type AttemptContext } from "../engine/call.ts";
import { resolveCallPolicy, type CallPolicy } from "../engine/call-policy.ts";
import { FunctionWork, type WorkFunction } from "../engine/function-work.ts";
import type { Admittee } from "../engine/admittee.ts";
import { Lane, type LaneParts } from "../engine/lane.ts";
import { run } from "../engine/lifecycle.ts";
import type { Runtime } from "../engine/runtime.ts";
import { Breaker, type BreakerMode } from "../policy/breaker/breaker.ts";
import { resolveBreakerOptions, type BreakerOptions } from "../policy/breaker/options.ts";
import { PLAIN_CLASSIFIER } from "../policy/classify/classify.ts";
import { Permits, resolveConcurrency, type ConcurrencyOptions } from "../policy/concurrency/permits.ts";
import { checkCost } from "../policy/rate-limit/cost.ts";
import { Limiter } from "../policy/rate-limit/limiter.ts";
import { resolveRateLimits, type RateLimitOptions } from "../policy/rate-limit/options.ts";
import { ownRuntime, runtimeFor, type Environment } from "./environment.ts";
import { checkEnvironment, checkSignal } from "./options.ts";

/** One policy by itself is a lane in which only that policy stands; the calls go the way of all calls. */
const ONCE: CallPolicy = Object.freeze({
  ...resolveCallPolicy({ maxAttempts: 1 }, { retry: "", timeout: "", rest: "" }),
  totalMs: Number.POSITIVE_INFINITY,
  maxWaitMs: Number.POSITIVE_INFINITY,
});

function laneOf(name: string, parts: LaneParts, runtime: Runtime): Lane {
  return new Lane({ api: "stand-alone", endpoint: name, partition: "" }, parts, runtime);
}

export interface ExecuteOptions {
  /** Ends the wait and the call; it rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

const BREAKER = [
  "failureRate",
  "window",
  "windowTime",
  "minimumCalls",
  "openFor",
  "maxOpenFor",
  "halfOpenCalls",
  "probeLease",
  "slowCallRate",
  "slowCall",
] satisfies (keyof BreakerOptions)[];
const RATE_LIMIT = ["limit", "per", "burst", "scope"] satisfies (keyof RateLimitOptions)[];
const EXECUTE = ["signal"] satisfies (keyof ExecuteOptions)[];
const ACQUIRE = ["cost", "signal", "maxWait"];

function checkExecute(options: ExecuteOptions, path: string): void {
  refuseUnknown(options, EXECUTE, path);
  if (options.signal !== undefined) checkSignal(options.signal, `${path}.signal`);
}

/** Runs functions inside the lane of one policy. */
class Executor {
  readonly #lane: Lane;
  readonly #runtime: Runtime;
  readonly #work: FunctionWork<unknown>;

  constructor(lane: Lane, runtime: Runtime) {
    this.#lane = lane;
    this.#runtime = runtime;
    this.#work = new FunctionWork(PLAIN_CLASSIFIER, runtime);
  }

  async execute<Value>(fn: WorkFunction<Value>, options: ExecuteOptions): Promise<Value> {
    checkExecute(options, "execute");
    const { signal } = options;
    return await run(new Call(this.#runtime, ONCE, this.#work as FunctionWork<Value>, fn, { lane: this.#lane, lazyScope: true, signal }));
  }
}

/** A circuit breaker by itself. */
export interface CircuitBreaker {
  /** Calls `fn` unless it is open. @throws CircuitOpenError when it is; whatever `fn` throws. */
  execute<Value>(fn: (context: AttemptContext) => Promise<Value> | Value, options?: ExecuteOptions): Promise<Value>;
  readonly state: BreakerMode;
  /** Milliseconds until a refused call may be worth trying. */
  readonly retryAfterMs: number;
  /** Holds it open, or closed, until told otherwise or for a time. */
  open(options?: { readonly for?: Duration }): void;
  close(options?: { readonly for?: Duration }): void;
  /** Gives it back to its own judgement. */
  auto(): void;
  /** Tells every change of its state, until the returned function is called. */
  onChange(listener: (change: { readonly from: string; readonly to: string; readonly because: string }) => void): () => void;
}

/**
 * Opens when too many of the last calls failed, so that a struggling other side is left alone, and lets probes through after
 * a while. What is no sign of bad health (429, other 4xx, an abort) does not count.
 *
 * @throws ConfigError for options that make no sense.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { circuitBreaker, isHoldfastError } from "holdfast";
 *
 * const breaker = circuitBreaker({ failureRate: 0.5, window: 4, minimumCalls: 2, openFor: "30s" });
 * for (let call = 0; call < 2; call += 1) {
 *   await breaker.execute(async () => { throw new Error("down"); }).catch(() => undefined);
 * }
 * assert.equal(breaker.state, "open");
 * await assert.rejects(breaker.execute(async () => 1), (error) => isHoldfastError(error, "circuit-open"));
 * ```
 */
export function circuitBreaker(options: BreakerOptions & Environment & { readonly name?: string } = {}): CircuitBreaker {
  checkEnvironment(options, [...BREAKER, "name"], "circuitBreaker");
  const { name = "circuitBreaker", clock: _clock, random: _random, ...breakerOptions } = options;
  const runtime = ownRuntime(options);
  const breaker = new Breaker(resolveBreakerOptions(breakerOptions, "circuitBreaker"), runtime.random);
  const lane = laneOf(name, { breaker }, runtime);
  const executor = new Executor(lane, runtime);
  const hold = (as: "open" | "closed", duration: Duration | undefined): void => {
    lane.holdBreaker(as, duration === undefined ? undefined : runtime.clock.monotonic() + durationMs(duration, "circuitBreaker.for"));
  };
  return {
    execute: (fn, executeOptions = {}) => executor.execute(fn, executeOptions),
    get state() {
      return breaker.mode(runtime.clock.monotonic());
    },
    get retryAfterMs() {
      return breaker.retryAfterMs(runtime.clock.monotonic());
    },
    open: (holdOptions) => hold("open", holdOptions?.for),
    close: (holdOptions) => hold("closed", holdOptions?.for),
    auto: () => lane.holdBreaker(undefined, undefined),
    onChange: (listener) => runtime.events.on("breaker:changed", listener),
  };
}

/** A rate limit by itself. */
export interface RateLimiter {
  /** Resolves when the call may start, first come first served. @throws RateLimitedError when that would be after `maxWait`. */
  acquire(options?: { readonly cost?: number; readonly signal?: AbortSignal; readonly maxWait?: Duration }): Promise<void>;
  /** Takes the tokens if the call may start right now; else takes nothing and answers how many ms to wait. */
  tryAcquire(cost?: number): number;
  /** Lets nothing go for a while: what a Retry-After asks for. Also holds those who already wait. */
  pause(duration: Duration): void;
  /** Calls that could start right now. */
  readonly available: number;
}

/**
 * A token bucket, or several at once (per second and per day). In no interval t do more than `burst + limit · t / per` start.
 *
 * @throws ConfigError for options that make no sense.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { rateLimit } from "holdfast";
 *
 * const limiter = rateLimit([{ limit: 2, per: "1s", burst: 40 }]);
 * for (let call = 0; call < 40; call += 1) await limiter.acquire();
 * assert.ok(limiter.tryAcquire() > 0);
 * ```
 */
export function rateLimit(limits: RateLimitOptions | readonly RateLimitOptions[], environment: Environment = {}): RateLimiter {
  checkEnvironment(environment, [], "rateLimit");
  for (const [index, one] of [limits].flat().entries())
    refuseUnknown(one, RATE_LIMIT, Array.isArray(limits) ? `rateLimit[${index}]` : "rateLimit");
  const runtime = ownRuntime(environment);
  const resolved = resolveRateLimits(limits);
  const limiter = new Limiter(resolved);
  const lane = laneOf("rateLimit", { limiters: [limiter] }, runtime);
  return {
    async acquire(options = {}) {
      refuseUnknown(options, ACQUIRE, "acquire");
      const { cost = 1, signal, maxWait } = options;
      checkCost(cost, resolved, "acquire.cost");
      if (signal !== undefined) checkSignal(signal, "acquire.signal");
      signal?.throwIfAborted();
      const admittee: Admittee = {
        cost,
        deadlineAt: Number.POSITIVE_INFINITY,
        maxWaitMs: maxWait === undefined ? Number.POSITIVE_INFINITY : durationMs(maxWait, "acquire.maxWait"),
        callerSignal: signal,
        generation: 0,
      };
      await lane.admit(admittee, runtime.clock.monotonic());
    },
    tryAcquire(cost = 1) {
      checkCost(cost, resolved, "tryAcquire.cost");
      const now = runtime.clock.monotonic();
      return lane.waiting > 0 ? Math.max(1, limiter.waitMs(cost, now)) : limiter.tryTake(cost, now);
    },
    pause: (duration) => limiter.throttled(durationMs(duration, "pause.duration"), runtime.clock.monotonic()),
    get available() {
      return lane.waiting > 0 ? 0 : limiter.available(runtime.clock.monotonic());
    },
  };
}

/** A bound on calls in flight, by itself. */
export interface ConcurrencyLimit {
  /** Calls `fn` once a permit is free, first come first served. @throws QueueFullError when too many already wait. */
  execute<Value>(fn: (context: AttemptContext) => Promise<Value> | Value, options?: ExecuteOptions): Promise<Value>;
  readonly inFlight: number;
  readonly waiting: number;
}

/**
 * At most so many calls in flight (a bulkhead); the rest wait in a bounded queue.
 *
 * @throws ConfigError for options that make no sense.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { concurrency } from "holdfast";
 *
 * const limit = concurrency(2);
 * let most = 0;
 * await Promise.all([1, 2, 3, 4].map(() => limit.execute(async () => { most = Math.max(most, limit.inFlight); })));
 * assert.equal(most, 2);
 * ```
 */
export function concurrency(options: ConcurrencyOptions | number, environment: Environment = {}): ConcurrencyLimit {
  checkEnvironment(environment, [], "concurrency");
  if (typeof options !== "number") refuseUnknown(options, ["max", "maxQueue"] satisfies (keyof ConcurrencyOptions)[], "concurrency");
  const runtime = ownRuntime(environment);
  const { max, maxQueue } = resolveConcurrency(options);
  const lane = laneOf("concurrency", { permits: new Permits(max), maxQueue }, runtime);
  const executor = new Executor(lane, runtime);
  return {
    execute: (fn, executeOptions = {}) => executor.execute(fn, executeOptions),
    get inFlight() {
      return lane.inFlight;
    },
    get waiting() {
      return lane.waiting;
    },
  };
}

/**
 * Calls `fn` and gives up after `limit`: its signal aborts and the call rejects, whether `fn` listens or not.
 *
 * @throws TimeoutError when the time is over; whatever `fn` throws; the signal's reason when aborted.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { timeout, isHoldfastError } from "holdfast";
 *
 * assert.equal(await timeout(async () => 1, "5s"), 1);
 * await assert.rejects(timeout(() => new Promise(() => {}), 5), (error) => isHoldfastError(error, "timeout"));
 * ```
 */
export async function timeout<Value>(
  fn: (context: AttemptContext) => Promise<Value> | Value,
  limit: Duration,
  options: ExecuteOptions & Environment = {},
): Promise<Value> {
  checkEnvironment(options, EXECUTE, "timeout");
  if (options.signal !== undefined) checkSignal(options.signal, "timeout.signal");
  const runtime = runtimeFor(options);
  const policy: CallPolicy = { ...ONCE, attemptTimeoutsMs: [durationMs(limit, "timeout.limit")] };
  return await run(
    new Call(runtime, policy, new FunctionWork<Value>(PLAIN_CLASSIFIER, runtime), fn, { lazyScope: true, signal: options.signal }),
  );
}
