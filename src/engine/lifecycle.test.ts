import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { systemClock } from "../adapters/clock/system.ts";
import { retry } from "../client/retry.ts";
import { DeadlineError, TimeoutError } from "../core/errors.ts";
import { explain } from "../core/explain.ts";
import { SUCCESS } from "../core/verdict.ts";
import { Breaker } from "../policy/breaker/breaker.ts";
import { resolveBreakerOptions } from "../policy/breaker/options.ts";
import { resolveRetryBudget, RetryBudget } from "../policy/budget/retry-budget.ts";
import { resolveRetryQuota, RetryQuota } from "../policy/budget/retry-quota.ts";
import { PLAIN_CLASSIFIER } from "../policy/classify/classify.ts";
import { Permits } from "../policy/concurrency/permits.ts";
import { Limiter } from "../policy/rate-limit/limiter.ts";
import { resolveRateLimits } from "../policy/rate-limit/options.ts";
import type { EventMap, EventName } from "../ports/events.ts";
import { sleep } from "../ports/clock.ts";
import { manualClock, type ManualClock } from "../testing/manual-clock.ts";
import { seededRandom } from "../testing/seeded-random.ts";
import { Call, type AttemptContext, type CallDetails, type Keep, type Reconciled } from "./call.ts";
import { resolveCallPolicy, type AttemptOptions } from "./call-policy.ts";
import { FunctionWork, type WorkFunction } from "./function-work.ts";
import type { Admittee } from "./admittee.ts";
import { Lane, type LaneParts } from "./lane.ts";
import { run } from "./lifecycle.ts";
import { createRuntime, type Runtime } from "./runtime.ts";

const PATH = { retry: "", timeout: "", rest: "" };
const answer = (status: number, headers: Record<string, string> = {}): Error =>
  Object.assign(new Error(`the answer was ${status}`), { status, headers });

/** A clock, calls at it, and what became of them. */
class Bench {
  readonly clock: ManualClock = manualClock();
  readonly runtime: Runtime = createRuntime(this.clock, seededRandom(3));
  /** When attempts started. */
  readonly startedAt: number[] = [];

  call<Value>(fn: WorkFunction<Value>, options: AttemptOptions = {}, details: CallDetails<Value> = {}): Promise<Value> {
    const work = new FunctionWork<Value>(PLAIN_CLASSIFIER, this.runtime);
    const counted: WorkFunction<Value> = (context) => {
      this.startedAt.push(this.clock.monotonic());
      return fn(context);
    };
    return run(new Call(this.runtime, resolveCallPolicy(options, PATH), work, counted, details));
  }

  lane(parts: LaneParts): Lane {
    return new Lane({ api: "crm", endpoint: "POST /contacts", partition: "" }, parts, this.runtime);
  }

  heard(...names: readonly EventName[]): string[] {
    const heard: string[] = [];
    for (const name of names) {
      this.runtime.events.on(name, (event: EventMap[EventName]) => {
        heard.push("outcome" in event && "because" in event ? `${name} ${event.outcome} ${event.because.code}` : name);
      });
    }
    return heard;
  }
}

/** What came of it, and when: filled in when it settles. */
function watch<Value>(clock: ManualClock, settled: Promise<Value>): { value?: Value; error?: unknown; at?: number } {
  const seen: { value?: Value; error?: unknown; at?: number } = {};
  settled.then(
    (value) => Object.assign(seen, { value, at: clock.monotonic() }),
    (error: unknown) => Object.assign(seen, { error, at: clock.monotonic() }),
  );
  return seen;
}

const failing =
  (error: unknown): WorkFunction<never> =>
  async () => {
    throw error;
  };

describe("a call that fails", () => {
  it("is tried as often as it says, the first included, and waits in between", async () => {
    const bench = new Bench();
    const error = new Error("down");
    const seen = watch(bench.clock, bench.call(failing(error), { maxAttempts: 4, backoff: ["1s", "3s"] }));
    await bench.clock.advance("1m");
    expect(bench.startedAt).toEqual([0, 1_000, 4_000, 7_000]);
    expect(seen).toEqual({ error, at: 7_000 });
    expect(seen.error).toBe(error);
    expect(explain(error)).toMatchObject({
      attempts: 4,
      outcome: "failed",
      because: { code: "attempts-exhausted", attempt: 4, maxAttempts: 4 },
      verdict: { kind: "transient", effect: "unknown" },
    });
  });

  it("is not tried again where that cannot help", async () => {
    const bench = new Bench();
    const seen = watch(bench.clock, bench.call(failing(answer(404))));
    await bench.clock.advance(0);
    expect([bench.startedAt, seen.error]).toMatchObject([[0], { status: 404 }]);
    expect(explain(seen.error)?.because).toMatchObject({ code: "permanent", rule: "status:404" });
  });

  it("tells with its value what it took, and nothing when it took one attempt", async () => {
    const bench = new Bench();
    const at = (attempts: number): Promise<object> =>
      bench.call(({ attempt }) => (attempt < attempts ? Promise.reject(new Error("not yet")) : Promise.resolve({})), { backoff: [0] });
    const [first, third] = [at(1), at(3)];
    await bench.clock.advance("1s");
    expect([explain(await first), explain(await third)]).toMatchObject([undefined, { attempts: 3, outcome: "succeeded" }]);
  });

  it("waits at least as long as the other side asks", async () => {
    const bench = new Bench();
    void bench.call(failing(answer(429, { "retry-after": "5" })), { maxAttempts: 2, backoff: [100] }).catch(() => undefined);
    await bench.clock.advance("1m");
    expect(bench.startedAt[1]).toBeGreaterThanOrEqual(5_000);
    expect(bench.startedAt[1]).toBeLessThanOrEqual(5_500);
  });

  it("ends now where the other side asks for more than it sleeps, and tells when to come again", async () => {
    const bench = new Bench();
    const seen = watch(bench.clock, bench.call(failing(answer(429, { "retry-after": "61" }))));
    await bench.clock.advance(0);
    expect(seen.at).toBe(0);
    expect(explain(seen.error)).toMatchObject({ because: { code: "hint-over-maximum" }, retryAfterMs: 61_000 });
  });

  it("ends now where its next attempt would be too late", async () => {
    const bench = new Bench();
    const seen = watch(bench.clock, bench.call(failing(new Error("down")), { backoff: ["7s"], timeout: { total: "7s" } }));
    await bench.clock.advance(0);
    expect([seen.at, explain(seen.error)?.because.code]).toEqual([0, "deadline"]);
  });

  it("gives no advice to come again after a refusal for good", async () => {
    const bench = new Bench();
    const error = answer(404, { "x-ratelimit-reset": "3600" });
    await bench.call(failing(error)).catch(() => undefined);
    expect(explain(error)?.retryAfterMs).toBeUndefined();
  });

  it("is not tried again where its caller does not want it, who is asked only about what could be", async () => {
    const asked: string[] = [];
    const retryIf = (error: unknown, attempt: number): boolean => {
      asked.push(`${(error as Error).message} ${attempt}`);
      return attempt < 2;
    };
    const bench = new Bench();
    const error = new Error("down");
    const seen = watch(bench.clock, bench.call(failing(error), { backoff: [0] }, { retryIf }));
    await bench.clock.advance("1s");
    expect([asked, explain(seen.error)?.because.code]).toEqual([["down 1", "down 2"], "not-retryable"]);
    const controller = new AbortController();
    void bench.call(({ signal }) => sleep(bench.clock, 1_000, signal), {}, { retryIf, signal: controller.signal }).catch(() => undefined);
    controller.abort();
    await bench.clock.advance("1s");
    expect(asked).toHaveLength(2);
  });

  it.each<[string, AttemptOptions, CallDetails<never>]>([
    [
      "retryIf",
      {},
      {
        retryIf: () => {
          throw new RangeError("own fault");
        },
      },
    ],
    [
      "backoff",
      {
        backoff: () => {
          throw new RangeError("own fault");
        },
      },
      {},
    ],
  ])("tells of a %s that throws, and is kept all the same", async (_, options, details) => {
    const bench = new Bench();
    const error = new Error("down");
    const kept: unknown[] = [];
    const keep: Keep = async (letter) => void kept.push(letter);
    const seen = watch(bench.clock, bench.call(failing(error), options, { ...details, keep, repeatable: true }));
    await bench.clock.advance("1s");
    expect(seen.error).toEqual(new RangeError("own fault"));
    for (const told of [error, seen.error]) {
      expect(explain(told)).toMatchObject({ because: { code: "callback-failed", detail: "own fault" }, verdict: { effect: "unknown" } });
    }
    expect(kept).toMatchObject([{ reason: "permanent", because: { code: "callback-failed" }, attempts: [{ attempt: 1 }] }]);
  });

  it("with one error object for all its failures has all its attempts, at every call", async () => {
    const bench = new Bench();
    const always = Object.freeze(new Error("the same each time"));
    for (let call = 1; call <= 3; call += 1) {
      void bench.call(failing(always), { maxAttempts: 3, backoff: [0] }).catch(() => undefined);
      await bench.clock.advance("1s");
      expect(bench.startedAt).toHaveLength(call * 3);
    }
  });

  it("with what is no error is tried as often, and surfaces as it is", async () => {
    const bench = new Bench();
    const seen = watch(bench.clock, bench.call(failing("down"), { maxAttempts: 3, backoff: [0] }));
    await bench.clock.advance("1s");
    expect([seen.error, bench.startedAt.length]).toEqual(["down", 3]);
  });
});

describe("an attempt that takes too long", () => {
  it("is cut off, whether its function listens or not, and what comes of it later is nobody's", async () => {
    const bench = new Bench();
    const reasons: unknown[] = [];
    const late = ({ signal }: AttemptContext): Promise<never> => {
      signal.addEventListener("abort", () => reasons.push(signal.reason));
      return sleep(bench.clock, 5_000).then(() => Promise.reject(new Error("too late")));
    };
    const seen = watch(bench.clock, bench.call(late, { maxAttempts: 2, backoff: [500], timeout: { attempt: "1s" } }));
    await bench.clock.advance("1m");
    expect([bench.startedAt, seen.at]).toEqual([[0, 1_500], 2_500]);
    expect(seen.error).toBeInstanceOf(TimeoutError);
    expect(seen.error).toMatchObject({ timeoutMs: 1_000 });
    expect(reasons).toHaveLength(2);
    expect(bench.clock.pending).toBe(0);
  });

  it("has more time at each try where that is said, and the last time from then on", async () => {
    const bench = new Bench();
    const ends: number[] = [];
    const hangs = async ({ signal }: AttemptContext): Promise<void> => {
      await sleep(bench.clock, 1e9, signal).finally(() => ends.push(bench.clock.monotonic()));
    };
    void bench.call(hangs, { maxAttempts: 4, backoff: [0], timeout: { attempt: ["1s", "2s", "5s"], total: "1h" } }).catch(() => undefined);
    await bench.clock.advance("1m");
    expect(ends).toEqual([1_000, 3_000, 8_000, 13_000]);
  });

  it("is cut off by the total that was asked for, with its outcome in doubt", async () => {
    const bench = new Bench();
    const seen = watch(
      bench.clock,
      bench.call(() => new Promise<never>(() => undefined), { timeout: { attempt: "10s", total: "4s" } }),
    );
    await bench.clock.advance("1m");
    expect(seen.at).toBe(4_000);
    expect(seen.error).toBeInstanceOf(DeadlineError);
    expect(seen.error).toMatchObject({ cut: true });
    expect(explain(seen.error)).toMatchObject({ verdict: { kind: "transient", effect: "unknown" }, because: { code: "deadline" } });
  });

  it("is cut off by what it stands in, though its own call asked for no total", async () => {
    const bench = new Bench();
    const inner: { aborted?: number } = {};
    const seen = watch(
      bench.clock,
      bench.call(
        () =>
          bench.call(({ signal }) => {
            signal.addEventListener("abort", () => (inner.aborted = bench.clock.monotonic()));
            return new Promise<never>(() => undefined);
          }),
        { timeout: { total: "3s" } },
      ),
    );
    await bench.clock.advance("1m");
    expect([seen.at, inner.aborted]).toEqual([3_000, 3_000]);
  });

  it("counts against the other side's health, and is one timeout in its history", async () => {
    const bench = new Bench();
    const breaker = new Breaker(resolveBreakerOptions({ minimumCalls: 2, window: 2 }), () => 0);
    const lane = bench.lane({ breaker });
    const hang = (): Promise<never> => new Promise(() => undefined);
    void bench.call(hang, { maxAttempts: 1, timeout: { total: "1s" } }, { lane }).catch(() => undefined);
    void bench.call(hang, { maxAttempts: 1, timeout: { attempt: "1s" } }, { lane }).catch(() => undefined);
    await bench.clock.advance("1s");
    expect(lane.mode).toBe("open");
  });

  it("starts nothing after the deadline, whatever took the time", async () => {
    const bench = new Bench();
    const seen = watch(
      bench.clock,
      bench.call(failing(answer(401)), { timeout: { total: "5s" } }, { refresh: () => sleep(bench.clock, 60_000) }),
    );
    await bench.clock.advance("2m");
    expect([bench.startedAt, seen.at]).toEqual([[0], 5_000]);
  });
});

describe("a caller that leaves", () => {
  it("is let go at once, and no attempt follows, at whatever moment", async () => {
    const moment = fc.record({
      attempts: fc.array(fc.record({ takes: fc.nat({ max: 300 }), ok: fc.boolean(), listens: fc.boolean() }), {
        minLength: 1,
        maxLength: 4,
      }),
      backoff: fc.nat({ max: 400 }),
      abortAt: fc.nat({ max: 2_000 }),
      timeout: fc.option(fc.integer({ min: 1, max: 400 }), { nil: undefined }),
      lane: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(moment, async ({ attempts, backoff, abortAt, timeout, lane: hasLane }) => {
        const bench = new Bench();
        const controller = new AbortController();
        const permits = new Permits(1);
        const lane = hasLane
          ? bench.lane({ permits, limiters: [new Limiter(resolveRateLimits({ limit: 3, per: "1s", burst: 1 }))] })
          : undefined;
        const settlements = bench.heard("call:settled");
        const fn = async ({ attempt, signal }: AttemptContext): Promise<string> => {
          const { takes, ok, listens } = attempts[attempt - 1]!;
          await sleep(bench.clock, takes, listens ? signal : undefined);
          if (!ok) throw new Error("down");
          return "value";
        };
        const seen = watch(
          bench.clock,
          bench.call(
            fn,
            { maxAttempts: attempts.length, backoff: [backoff], timeout: timeout === undefined ? {} : { attempt: timeout } },
            { signal: controller.signal, lane },
          ),
        );
        await bench.clock.advance(abortAt);
        const before = { ...seen };
        const reason = new Error("the caller left");
        controller.abort(reason);
        await bench.clock.advance(0);
        // What had arrived is kept; what had not ends now.
        expect(seen).toEqual("at" in before ? before : { error: reason, at: abortAt });
        await bench.clock.advance("1m");
        expect(bench.startedAt.filter((at) => at > abortAt)).toEqual([]);
        expect(settlements).toHaveLength(1);
        expect([lane?.inFlight ?? 0, lane?.waiting ?? 0, permits.free, bench.clock.pending]).toEqual([0, 0, 1, 0]);
      }),
      { numRuns: 80 },
    );
  });

  it("keeps a value that arrived before, though its promise has not settled yet", async () => {
    const bench = new Bench();
    const controller = new AbortController();
    let arrive: (value: string) => void = () => undefined;
    const settled = bench.call(() => new Promise<string>((resolve) => (arrive = resolve)), {}, { signal: controller.signal });
    arrive("value");
    controller.abort();
    // Which of the two was first is decided in the same tick; then both are the truth, and the abort is.
    await expect(settled).rejects.toBe(controller.signal.reason);
    const kept = bench.call(() => "value", {}, { signal: new AbortController().signal });
    await expect(kept).resolves.toBe("value");
  });

  it.each([[0], [1]])("gets back what was taken when it leaves between admission and attempt, after %d attempts", async (failures) => {
    const bench = new Bench();
    const permits = new Permits(1);
    const limiter = new Limiter(resolveRateLimits({ limit: 1, per: "1h", burst: 9 }));
    const lane = bench.lane({ permits, limiters: [limiter] });
    const controller = new AbortController();
    const holder: Admittee = {
      cost: 1,
      deadlineAt: Number.POSITIVE_INFINITY,
      maxWaitMs: Number.POSITIVE_INFINITY,
      callerSignal: undefined,
      generation: 0,
    };
    const seize = (): void => void lane.admit(holder, bench.clock.monotonic());
    if (failures === 0) seize();
    const call = bench.call(failing(new Error("down")), { backoff: ["1s"] }, { lane, signal: controller.signal });
    const seen = watch(bench.clock, call);
    await bench.clock.advance(500);
    if (failures === 1) seize();
    await bench.clock.advance("1s");
    expect([bench.startedAt.length, lane.waiting]).toEqual([failures, 1]);
    // In the tick in which the permit comes back, the caller leaves too.
    lane.settle(holder, SUCCESS, 1, bench.clock.monotonic());
    controller.abort("gone");
    await bench.clock.advance(0);
    expect(seen.error).toBe("gone");
    const left = limiter.available(bench.clock.monotonic());
    expect([bench.startedAt.length, lane.inFlight, permits.free, left]).toEqual([failures, 0, 1, 8 - failures]);
  });

  it("is let go within a tick in real time as well", async () => {
    const resting = (signal: AbortSignal): Promise<unknown> => retry(failing(new Error("down")), { signal, backoff: ["1m"] });
    const hanging = (signal: AbortSignal): Promise<unknown> =>
      retry(() => new Promise(() => undefined), { signal, timeout: { attempt: "1m" } });
    for (const start of [resting, hanging]) {
      const took: number[] = [];
      // The machine may be busy with other things; it is not so five times over.
      for (let round = 0; round < 5; round += 1) {
        const controller = new AbortController();
        const settled = start(controller.signal).catch((error: unknown) => error);
        await sleep(systemClock, 5);
        const began = systemClock.monotonic();
        controller.abort("gone");
        expect(await settled).toBe("gone");
        took.push(systemClock.monotonic() - began);
      }
      expect(Math.min(...took)).toBeLessThan(20);
    }
  });

  it("of thousands of calls that rest is let go as fast", async () => {
    const controller = new AbortController();
    const options = { signal: controller.signal, backoff: ["1m"] } as const;
    const calls = Array.from({ length: 3_000 }, () => retry(failing(new Error("down")), options).catch((error: unknown) => error));
    await sleep(systemClock, 20);
    const began = systemClock.monotonic();
    controller.abort("gone");
    const reasons = await Promise.all(calls);
    expect(systemClock.monotonic() - began).toBeLessThan(2_000);
    expect(new Set(reasons)).toEqual(new Set(["gone"]));
  });
});

describe("loops inside loops", () => {
  type Wrap = "as it is" | "with a cause" | "without a cause" | "as a text";
  const wrapped = (how: Wrap, error: unknown): unknown =>
    how === "as it is"
      ? error
      : how === "with a cause"
        ? new Error("wrapped", { cause: error })
        : how === "as a text"
          ? "failed"
          : new Error("new");

  /** Three layers of retry() around one thing that fails by a plan; answers how often that was tried. */
  async function wire(
    plan: readonly boolean[],
    { wraps, awaits, own }: { readonly wraps: readonly Wrap[]; readonly awaits: boolean; readonly own: readonly boolean[] },
  ): Promise<number> {
    const clock = manualClock();
    let tries = 0;
    let ownFaults = 0;
    const layer = (depth: number): Promise<unknown> => {
      const options = { clock, maxAttempts: 3, backoff: [10] };
      if (depth === 3) {
        return retry(async () => {
          tries += 1;
          if (plan[tries - 1] !== true) throw new Error("down");
        }, options);
      }
      return retry(async () => {
        if (awaits) await Promise.resolve();
        try {
          await layer(depth + 1);
        } catch (error) {
          throw wrapped(wraps[depth - 1]!, error);
        }
        ownFaults += 1;
        if (own[ownFaults - 1] === true) throw new Error("a fault of the layer's own");
      }, options);
    };
    void layer(1).catch(() => undefined);
    await clock.advance("1m");
    return tries;
  }

  const plan = fc.array(fc.boolean(), { minLength: 12, maxLength: 12 });
  const faults = fc.array(fc.boolean(), { minLength: 12, maxLength: 12 });

  it("make no more attempts than one of them, however the layers pass an error on", async () => {
    const wraps = fc.array(fc.constantFrom<Wrap>("as it is", "with a cause", "without a cause", "as a text"), {
      minLength: 2,
      maxLength: 2,
    });
    await fc.assert(
      fc.asyncProperty(plan, wraps, faults, async (succeeds, how, own) => {
        expect(await wire(succeeds, { wraps: how, awaits: false, own })).toBeLessThanOrEqual(3);
      }),
      { numRuns: 60 },
    );
  });

  it("make no more either when the layers wait for something first, as long as errors keep their cause", async () => {
    const wraps = fc.array(fc.constantFrom<Wrap>("as it is", "with a cause"), { minLength: 2, maxLength: 2 });
    await fc.assert(
      fc.asyncProperty(plan, wraps, async (succeeds, how) => {
        expect(await wire(succeeds, { wraps: how, awaits: true, own: [] })).toBeLessThanOrEqual(3);
      }),
      { numRuns: 40 },
    );
  });

  it("make all of them where they fail to the end, so that the bound above is not idle", async () => {
    const never = Array.from({ length: 12 }, () => false);
    expect(await wire(never, { wraps: ["as it is", "with a cause"], awaits: false, own: [] })).toBe(3);
    expect(await wire([false, false, true], { wraps: ["as it is", "as it is"], awaits: true, own: [] })).toBe(3);
  });

  it("try again what a layer inside gave up only because its own signal said so", async () => {
    const bench = new Bench();
    const inner = (): Promise<never> =>
      bench.call(({ signal }) => sleep(bench.clock, 60_000, signal) as Promise<never>, {}, { signal: timeoutSignal(bench.clock, 1_000) });
    void bench.call(inner, { maxAttempts: 3, backoff: [0] }).catch(() => undefined);
    await bench.clock.advance("1m");
    // Each of the three outer attempts made an inner one.
    expect(bench.startedAt).toHaveLength(6);
  });

  it("tell of it, and end where the outer budget does", async () => {
    const bench = new Bench();
    const heard = bench.heard("nesting:detected");
    const flaky = (): Promise<string> =>
      bench.call(({ attempt }) => (attempt < 2 ? Promise.reject(new Error("x")) : Promise.resolve("ok")), { backoff: [0] });
    const seen = watch(
      bench.clock,
      bench.call(
        async () => {
          await flaky();
          await flaky();
          throw answer(503);
        },
        { maxAttempts: 3, backoff: [0] },
      ),
    );
    await bench.clock.advance("1s");
    expect(explain(seen.error)?.because.code).toBe("task-budget");
    expect(heard).toHaveLength(2);
  });
});

/** As AbortSignal.timeout, at a manual clock. */
function timeoutSignal(clock: ManualClock, ms: number): AbortSignal {
  const controller = new AbortController();
  clock.setTimer(() => controller.abort(new DOMException("late", "TimeoutError")), ms);
  return controller.signal;
}

describe("a call in a lane", () => {
  it("that is refused before its first attempt gets the refusal, explained", async () => {
    const bench = new Bench();
    const breaker = new Breaker(resolveBreakerOptions({ minimumCalls: 1, window: 1, openFor: "30s" }), () => 0);
    const lane = bench.lane({ breaker });
    lane.holdBreaker("open", undefined);
    const heard = bench.heard("call:settled");
    const seen = watch(
      bench.clock,
      bench.call(() => "sent", {}, { lane }),
    );
    await bench.clock.advance(0);
    expect(seen.error).toMatchObject({ code: "circuit-open" });
    expect(explain(seen.error)).toMatchObject({ attempts: 0, outcome: "refused", because: { code: "breaker-open" }, retryAfterMs: 30_000 });
    expect([bench.startedAt, heard]).toEqual([[], ["call:settled refused breaker-open"]]);
  });

  it("that is refused a retry gets the failure itself, and is told why there was no other attempt", async () => {
    const bench = new Bench();
    const breaker = new Breaker(resolveBreakerOptions({ minimumCalls: 1, window: 1, openFor: "30s" }), () => 0);
    const error = answer(503);
    const seen = watch(bench.clock, bench.call(failing(error), { backoff: [100] }, { lane: bench.lane({ breaker }) }));
    await bench.clock.advance("1s");
    expect(seen.error).toBe(error);
    expect(explain(error)).toMatchObject({ attempts: 1, outcome: "failed", because: { code: "breaker-open" } });
    expect(explain(error)?.retryAfterMs).toBeGreaterThan(29_000);
  });

  it.each<[string, (bench: Bench) => CallDetails<never>, string]>([
    ["the lane", (bench) => ({ lane: bench.lane({ budget: new RetryBudget(resolveRetryBudget({ minPerSecond: 0.1 })) }) }), "lane-budget"],
    [
      "the user",
      () => ({ quota: new RetryQuota(resolveRetryQuota({ by: "user", limit: 1, per: "1m" })), labels: { user: "ada" } }),
      "key-budget",
    ],
  ])("gets the failure itself when %s has no retry left", async (_, make, code) => {
    const bench = new Bench();
    const details = make(bench);
    const errors = [new Error("first"), new Error("second")];
    for (const error of errors) void bench.call(failing(error), { maxAttempts: 3, backoff: [0] }, details).catch(() => undefined);
    await bench.clock.advance("1s");
    expect(errors.map((error) => explain(error)?.because.code)).toEqual([code, code]);
    // Two first attempts, and the one retry that there was.
    expect(bench.startedAt).toHaveLength(3);
  });

  it("takes no attempt for its waits", async () => {
    const bench = new Bench();
    const lane = bench.lane({ limiters: [new Limiter(resolveRateLimits({ limit: 1, per: "10s", burst: 1 }))] });
    void bench.call(failing(new Error("x")), { maxAttempts: 3, backoff: [0] }, { lane }).catch(() => undefined);
    await bench.clock.advance("1m");
    expect(bench.startedAt).toEqual([0, 10_000, 20_000]);
  });

  it("gives back all that it took, over any mix of success, failure, timeout, refusal and abort", async () => {
    const kind = fc.record({
      takes: fc.nat({ max: 400 }),
      fails: fc.nat({ max: 3 }),
      after: fc.nat({ max: 200 }),
      abortAfter: fc.option(fc.nat({ max: 600 }), { nil: undefined }),
      timeout: fc.option(fc.integer({ min: 1, max: 300 }), { nil: undefined }),
      total: fc.option(fc.integer({ min: 1, max: 1_500 }), { nil: undefined }),
      status: fc.constantFrom(503, 429, 404, 500),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(kind, { minLength: 1, maxLength: 12 }), fc.boolean(), async (kinds, waits) => {
        const bench = new Bench();
        const permits = new Permits(2);
        const lane = bench.lane({
          permits,
          limiters: [new Limiter(resolveRateLimits({ limit: 20, per: "1s", burst: 4 }))],
          breaker: new Breaker(resolveBreakerOptions({ minimumCalls: 3, window: 5, openFor: 300, probeLease: 500 }), () => 0),
          budget: new RetryBudget(resolveRetryBudget()),
          whenOpen: waits ? "wait" : "refuse",
        });
        const settlements = bench.heard("call:settled");
        const started = bench.heard("attempt:started");
        const ended = bench.heard("attempt:settled");
        let most = 0;
        let running = 0;
        for (const { takes, fails, after, abortAfter, timeout, total, status } of kinds) {
          const controller = new AbortController();
          if (abortAfter !== undefined) bench.clock.setTimer(() => controller.abort("gone"), abortAfter);
          const fn = async ({ attempt, signal }: AttemptContext): Promise<void> => {
            running += 1;
            most = Math.max(most, running);
            try {
              await sleep(bench.clock, takes, signal);
            } finally {
              running -= 1;
            }
            if (attempt <= fails) throw answer(status, { "retry-after-ms": "50" });
          };
          void bench
            .call(
              fn,
              {
                maxAttempts: 3,
                backoff: [30],
                maxWait: "5s",
                timeout: { ...(timeout === undefined ? {} : { attempt: timeout }), ...(total === undefined ? {} : { total }) },
              },
              { lane, ...(abortAfter === undefined ? {} : { signal: controller.signal }) },
            )
            .catch(() => undefined);
          await bench.clock.advance(after);
        }
        await bench.clock.advance("5m");
        expect(most).toBeLessThanOrEqual(2);
        expect([lane.inFlight, lane.waiting, permits.free, bench.clock.pending]).toEqual([0, 0, 2, 0]);
        expect([settlements.length, started.length]).toEqual([kinds.length, ended.length]);
      }),
      { numRuns: 50 },
    );
  });
});

describe("a credential that is refused", () => {
  it("is refreshed once, and then tried once more than else", async () => {
    const bench = new Bench();
    let refreshes = 0;
    const refresh = async (): Promise<void> => void (refreshes += 1);
    const good = bench.call(
      ({ attempt }) => (attempt === 1 ? Promise.reject(answer(401)) : Promise.resolve("ok")),
      { maxAttempts: 1 },
      { refresh },
    );
    await expect(good).resolves.toBe("ok");
    const bad = await bench.call(failing(answer(401)), {}, { refresh }).catch((error: unknown) => error);
    expect([refreshes, bench.startedAt.length, explain(bad)?.because.code]).toEqual([2, 4, "permanent-after-refresh"]);
  });

  it("and cannot be refreshed now is a try that came to nothing", async () => {
    const bench = new Bench();
    const refresh = (): Promise<void> => Promise.reject(Object.assign(new Error("no token today"), { status: 400 }));
    const seen = watch(bench.clock, bench.call(failing(answer(401)), { backoff: [0] }, { refresh }));
    await bench.clock.advance("1s");
    expect([bench.startedAt.length, seen.error, explain(seen.error)?.because.code]).toMatchObject([
      1,
      { message: "no token today" },
      "permanent",
    ]);
  });

  it("and whose refresh hangs holds nobody who leaves", async () => {
    const bench = new Bench();
    const controller = new AbortController();
    const seen = watch(
      bench.clock,
      bench.call(failing(answer(401)), {}, { refresh: () => new Promise(() => undefined), signal: controller.signal }),
    );
    await bench.clock.advance("1s");
    controller.abort("gone");
    await bench.clock.advance(0);
    expect([seen, bench.clock.pending]).toEqual([{ error: "gone", at: 1_000 }, 0]);
  });
});

describe("a write whose outcome is unknown", () => {
  const asked = (
    told: () => Promise<Reconciled<string>>,
    more: Partial<CallDetails<string>> = {},
    options: AttemptOptions = {},
  ): { bench: Bench; kept: { reason: string }[]; seen: ReturnType<typeof watch<string>>; questions: unknown[]; askedAt: number[] } => {
    const bench = new Bench();
    const kept: { reason: string }[] = [];
    const questions: unknown[] = [];
    const askedAt: number[] = [];
    const details: CallDetails<string> = {
      repeatable: false,
      idempotencyKey: "k",
      keep: async (letter) => void kept.push(letter),
      reconcile: (question) => {
        questions.push(question);
        askedAt.push(bench.clock.monotonic());
        return told();
      },
      ...more,
    };
    const fn: WorkFunction<string> = ({ attempt }) => (attempt === 1 ? Promise.reject(answer(502)) : Promise.resolve("sent again"));
    return { bench, kept, seen: watch(bench.clock, bench.call(fn, { backoff: ["2s"], ...options }, details)), questions, askedAt };
  };

  it("is not sent again; where nobody can be asked it is kept as that", async () => {
    const bench = new Bench();
    const kept: unknown[] = [];
    const error = answer(502);
    const seen = watch(bench.clock, bench.call(failing(error), {}, { repeatable: false, keep: async (letter) => void kept.push(letter) }));
    await bench.clock.advance("1m");
    expect([bench.startedAt.length, seen.error]).toEqual([1, error]);
    expect(kept).toMatchObject([{ reason: "outcome-unknown", attempts: [{ attempt: 1, verdict: { effect: "unknown" } }] }]);
    expect(explain(error)?.deadLetter).toBe((kept[0] as { id: string }).id);
  });

  it("has happened: what the other side tells of it is the answer", async () => {
    const { bench, kept, seen, questions, askedAt } = asked(async () => ({ happened: true, value: "found" }));
    await bench.clock.advance("1m");
    expect([seen.value, bench.startedAt.length, kept, askedAt]).toEqual(["found", 1, [], [2_000]]);
    expect(questions).toMatchObject([{ idempotencyKey: "k" }]);
  });

  it("has not happened: it is sent again", async () => {
    const { bench, kept, seen } = asked(async () => ({ happened: false }));
    await bench.clock.advance("1m");
    expect([seen.value, bench.startedAt, kept]).toEqual(["sent again", [0, 2_000], []]);
  });

  it("has not happened, and there is no other attempt: it is kept as exhausted, not as in doubt", async () => {
    const { bench, kept, seen } = asked(async () => ({ happened: false }), {}, { maxAttempts: 1 });
    await bench.clock.advance("1m");
    expect([seen.error, kept]).toMatchObject([{ status: 502 }, [{ reason: "exhausted" }]]);
  });

  it.each<[string, () => Promise<Reconciled<string>>]>([
    ["cannot be told", async () => ({ happened: "unknown" })],
    ["cannot be asked about", () => Promise.reject(new Error("the look-up is down too"))],
  ])("%s: it is kept in doubt, and the failure surfaces", async (_, told) => {
    const { bench, kept, seen } = asked(told);
    await bench.clock.advance("1m");
    expect([seen.error, bench.startedAt.length, kept]).toMatchObject([{ status: 502 }, 1, [{ reason: "outcome-unknown" }]]);
    expect(explain(seen.error)?.because.code).toBe("outcome-unknown");
  });

  it("is asked about no longer than the call lasts", async () => {
    const { bench, kept, seen } = asked(() => new Promise(() => undefined), {}, { timeout: { total: "10s" } });
    await bench.clock.advance("1m");
    expect([seen.at, kept, bench.clock.pending]).toMatchObject([10_000, [{ reason: "outcome-unknown" }], 0]);
  });

  it("is kept in doubt when its caller leaves in the midst of it, or while it rests or is asked about", async () => {
    for (const at of [100, 2_500]) {
      const controller = new AbortController();
      const { bench, kept, seen } = asked(() => new Promise(() => undefined), { signal: controller.signal });
      await bench.clock.advance(at);
      controller.abort("gone");
      await bench.clock.advance(0);
      expect([seen, kept]).toMatchObject([{ error: "gone", at }, [{ reason: "outcome-unknown", because: { code: "cancelled" } }]]);
    }
  });
});

describe("a dead letter", () => {
  it("is kept before its caller hears of the failure, with all that was tried", async () => {
    const bench = new Bench();
    const order: string[] = [];
    const keep: Keep = async (letter) => {
      await sleep(bench.clock, 50);
      order.push(`kept ${letter.reason} after ${letter.attempts.length}`);
      expect(letter).toMatchObject({
        api: "crm",
        endpoint: "POST /contacts",
        labels: { lead: "42" },
        idempotencyKey: "k",
        operation: "import",
        firstAttemptAt: Date.UTC(2026, 0, 15, 12),
        diedAt: Date.UTC(2026, 0, 15, 12, 0, 2),
        attempts: [{ attempt: 1, because: { code: "backoff" } }, { attempt: 2 }, { attempt: 3, because: { code: "attempts-exhausted" } }],
      });
    };
    const details: CallDetails<never> = {
      keep,
      lane: bench.lane({}),
      labels: { lead: "42" },
      idempotencyKey: "k",
      operationName: "import",
    };
    void bench.call(failing(answer(503)), { maxAttempts: 3, backoff: ["1s"] }, details).catch(() => order.push("surfaced"));
    await bench.clock.advance("1m");
    expect(order).toEqual(["kept exhausted after 3", "surfaced"]);
  });

  it.each<[string, Partial<CallDetails<never>> & { readonly unreadable?: boolean }]>([
    ["the store fails", { keep: () => Promise.reject(new Error("disk full")) }],
  ])("that cannot be kept since %s is told as that, with the failure as its cause", async (_, details) => {
    const bench = new Bench();
    const error = answer(404);
    const heard = bench.heard("call:settled");
    const seen = watch(bench.clock, bench.call(failing(error), {}, details));
    await bench.clock.advance(0);
    expect(seen.error).toMatchObject({ code: "store", cause: error, message: expect.stringContaining("disk full") });
    expect(explain(seen.error)).toMatchObject({ outcome: "failed", because: { code: "permanent" } });
    expect(heard).toEqual(["call:settled failed permanent"]);
  });

  it("is made once, though loops stand around the call, and all of them name it", async () => {
    const bench = new Bench();
    const kept: { id: string }[] = [];
    const error = answer(503);
    const inner = (): Promise<never> =>
      bench.call(failing(error), { maxAttempts: 2, backoff: [0] }, { keep: async (letter) => void kept.push(letter) });
    const seen = watch(
      bench.clock,
      bench.call(() => bench.call(inner), { backoff: [0] }, { keep: async (letter) => void kept.push(letter) }),
    );
    await bench.clock.advance("1m");
    expect([kept.length, bench.startedAt.length]).toEqual([1, 4]);
    expect(explain(seen.error)?.deadLetter).toBe(kept[0]!.id);
  });
});

describe("whoever listens", () => {
  it("hears of every attempt and of the end, in order", async () => {
    const bench = new Bench();
    const heard = bench.heard("attempt:started", "attempt:settled", "retry:scheduled", "call:settled");
    void bench.call(({ attempt }) => (attempt === 1 ? Promise.reject(new Error("x")) : Promise.resolve(1)), { backoff: [0] });
    await bench.clock.advance("1s");
    expect(heard).toEqual([
      "attempt:started",
      "attempt:settled",
      "retry:scheduled",
      "attempt:started",
      "attempt:settled",
      "call:settled succeeded answered",
    ]);
  });

  it("breaks nothing by throwing, at any event", async () => {
    const bench = new Bench();
    const lane = bench.lane({
      permits: new Permits(1),
      limiters: [new Limiter([])],
      breaker: new Breaker(resolveBreakerOptions({ minimumCalls: 2, window: 2, openFor: 100 }), () => 0),
      whenOpen: "wait",
    });
    const names: readonly EventName[] = [
      "attempt:started",
      "attempt:settled",
      "retry:scheduled",
      "call:settled",
      "breaker:changed",
      "limiter:paused",
    ];
    const met = new Set<string>();
    for (const name of names) {
      bench.runtime.events.on(name, () => {
        met.add(name);
        throw new Error("a listener's fault");
      });
    }
    const failures = [answer(503), answer(503), answer(429, { "retry-after-ms": "10" })];
    const seen = watch(
      bench.clock,
      bench.call(
        async ({ attempt }) => {
          if (attempt <= 3) throw failures[attempt - 1] as Error;
          return "ok";
        },
        { maxAttempts: 5, backoff: [10] },
        { lane },
      ),
    );
    await bench.clock.advance("1m");
    expect([seen.value, [...met].sort(), lane.inFlight]).toEqual(["ok", [...names].sort(), 0]);
  });

  it("may end the call that it is told of: then no attempt is made", async () => {
    const bench = new Bench();
    const controller = new AbortController();
    bench.runtime.events.on("attempt:started", () => controller.abort("enough"));
    const seen = watch(
      bench.clock,
      bench.call(() => "sent", {}, { signal: controller.signal }),
    );
    await bench.clock.advance(0);
    expect([seen.error, bench.startedAt, bench.clock.pending]).toEqual(["enough", [], 0]);
  });
});
