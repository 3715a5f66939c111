import { describe, expect, test, vi } from "vitest";
import { isHoldfastError } from "../core/errors.ts";
import { explain } from "../core/explain.ts";
import { manualClock } from "../testing/manual-clock.ts";
import { retry } from "./retry.ts";
import { circuitBreaker, concurrency, rateLimit, timeout } from "./standalone.ts";

const work = async (): Promise<number> => 1;
const failure = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => expect.fail("it resolved"),
    (error: unknown) => error,
  );

describe("circuitBreaker()", () => {
  const down = (): Promise<never> => Promise.reject(new Error("down"));

  test("opens, refuses, probes and closes, and tells each change", async () => {
    const clock = manualClock();
    const breaker = circuitBreaker({ minimumCalls: 2, window: 2, openFor: "30s", clock, random: () => 0 });
    const changes: string[] = [];
    const stop = breaker.onChange(({ from, to }) => changes.push(`${from} → ${to}`));
    for (let call = 0; call < 2; call += 1) await failure(breaker.execute(down));
    expect([breaker.state, breaker.retryAfterMs]).toEqual(["open", 30_000]);
    const fn = vi.fn<() => Promise<number>>(work);
    const refused = await failure(breaker.execute(fn));
    expect(refused).toMatchObject({ code: "circuit-open", retryAfterMs: 30_000 });
    expect(fn).not.toHaveBeenCalled();
    await clock.advance("30s");
    expect(await breaker.execute(fn)).toBe(1);
    expect(breaker.state).toBe("closed");
    stop();
    breaker.open();
    expect(changes).toEqual(["closed → open", "open → half-open", "half-open → closed"]);
  });

  test("makes one attempt, and throws what the function threw", async () => {
    const error = new Error("down");
    const fn = vi.fn<() => Promise<never>>(() => Promise.reject(error));
    expect(await failure(circuitBreaker().execute(fn))).toBe(error);
    expect(fn).toHaveBeenCalledTimes(1);
  });

  test("does not count what says nothing about the other side's health", async () => {
    const breaker = circuitBreaker({ minimumCalls: 2, window: 2 });
    for (const status of [400, 404, 422, 429]) {
      await failure(breaker.execute(() => Promise.reject(Object.assign(new Error("no"), { status }))));
    }
    expect(breaker.state).toBe("closed");
  });

  test("can be held open or closed for a time, and given back", async () => {
    const clock = manualClock();
    const breaker = circuitBreaker({ clock });
    breaker.open({ for: "1m" });
    expect(isHoldfastError(await failure(breaker.execute(work)), "circuit-open")).toBe(true);
    await clock.advance("1m");
    expect(await breaker.execute(work)).toBe(1);
    breaker.open();
    breaker.auto();
    expect(await breaker.execute(work)).toBe(1);
  });

  test("inside retry() is not tried again while it is open", async () => {
    const breaker = circuitBreaker();
    breaker.open();
    const attempts = vi.fn<() => Promise<number>>(() => breaker.execute(work));
    const error = await failure(retry(attempts, { maxAttempts: 5, backoff: { base: 1, cap: 1 } }));
    expect(isHoldfastError(error, "circuit-open")).toBe(true);
    expect(attempts).toHaveBeenCalledTimes(1);
  });
});

describe("rateLimit()", () => {
  test("lets a burst go, then one after the other, first come first served", async () => {
    const clock = manualClock();
    const limiter = rateLimit({ limit: 2, per: "1s", burst: 3 }, { clock });
    const went: string[] = [];
    const calls = ["a", "b", "c", "d", "e"].map((name) => limiter.acquire().then(() => went.push(`${name}@${clock.monotonic()}`)));
    await clock.advance("1s");
    await Promise.all(calls);
    expect(went).toEqual(["a@0", "b@0", "c@0", "d@500", "e@1000"]);
  });

  test("keeps several limits at once", async () => {
    const clock = manualClock();
    const limiter = rateLimit(
      [
        { limit: 10, per: "1s" },
        { limit: 12, per: "1h" },
      ],
      { clock },
    );
    for (let call = 0; call < 12; call += 1) {
      await clock.advance("1s");
      expect(limiter.tryAcquire()).toBe(0);
    }
    await clock.advance("10s");
    expect(limiter.tryAcquire()).toBeGreaterThan(60_000);
  });

  test("refuses a wait that is longer than the caller has, and one that would never end", async () => {
    const limiter = rateLimit({ limit: 1, per: "1m" }, { clock: manualClock() });
    await limiter.acquire();
    expect(await failure(limiter.acquire({ maxWait: "1s" }))).toMatchObject({ code: "rate-limited", retryAfterMs: 60_000 });
    expect(await failure(limiter.acquire({ cost: 2 }))).toMatchObject({ code: "config", path: "acquire.cost" });
  });

  test("gives an aborted waiter's place to the next", async () => {
    const clock = manualClock();
    const limiter = rateLimit({ limit: 1, per: "1s" }, { clock });
    await limiter.acquire();
    const controller = new AbortController();
    const gone = limiter.acquire({ signal: controller.signal });
    const next = limiter.acquire();
    controller.abort(new Error("bye"));
    expect(await failure(gone)).toMatchObject({ message: "bye" });
    await clock.advance("1s");
    await next;
    expect(await failure(limiter.acquire({ signal: AbortSignal.abort(new Error("before")) }))).toMatchObject({ message: "before" });
  });

  test("pauses for those who wait already too", async () => {
    const clock = manualClock();
    const limiter = rateLimit({ limit: 1, per: "1s" }, { clock });
    await limiter.acquire();
    let went = false;
    const waiting = limiter.acquire().then(() => (went = true));
    limiter.pause("5s");
    expect(limiter.available).toBe(0);
    await clock.advance("4s");
    expect(went).toBe(false);
    await clock.advance("1s");
    await waiting;
  });
});

describe("concurrency()", () => {
  test("keeps to its bound, and to that of its queue", async () => {
    const limit = concurrency({ max: 2, maxQueue: 1 });
    const gates = [1, 2, 3].map(() => Promise.withResolvers<number>());
    const calls = gates.map(({ promise }) => limit.execute(() => promise));
    await Promise.resolve();
    expect([limit.inFlight, limit.waiting]).toEqual([2, 1]);
    expect(await failure(limit.execute(work))).toMatchObject({ code: "queue-full" });
    for (const [index, { resolve }] of gates.entries()) resolve(index);
    expect(await Promise.all(calls)).toEqual([0, 1, 2]);
    expect([limit.inFlight, limit.waiting]).toEqual([0, 0]);
  });

  test("lets an aborted waiter go, and gives its permit to nobody twice", async () => {
    const limit = concurrency(1);
    const gate = Promise.withResolvers<number>();
    const first = limit.execute(() => gate.promise);
    const controller = new AbortController();
    const fn = vi.fn<() => Promise<number>>(work);
    const second = limit.execute(fn, { signal: controller.signal });
    await Promise.resolve();
    controller.abort(new Error("bye"));
    expect(await failure(second)).toMatchObject({ message: "bye" });
    gate.resolve(1);
    await first;
    expect([limit.inFlight, fn.mock.calls.length]).toEqual([0, 0]);
  });
});

describe("timeout()", () => {
  test("gives up on a function that does not listen, and aborts one that does", async () => {
    const clock = manualClock();
    const reasons: unknown[] = [];
    const call = timeout(
      ({ signal }) => {
        signal.addEventListener("abort", () => reasons.push(signal.reason));
        return new Promise(() => undefined);
      },
      "5s",
      { clock },
    );
    const error = failure(call);
    await clock.advance("5s");
    expect(await error).toMatchObject({ code: "timeout", timeoutMs: 5_000 });
    expect(reasons).toEqual([await error]);
    expect(clock.pending).toBe(0);
  });

  test("makes one attempt, and leaves what the function throws as it is", async () => {
    const error = new Error("own");
    expect(await failure(timeout(() => Promise.reject(error), "5s"))).toBe(error);
    expect(explain(error)).toMatchObject({ attempts: 1 });
    expect(await timeout(work, "5s")).toBe(1);
  });

  test("ends with its caller's abort", async () => {
    const controller = new AbortController();
    const call = timeout(() => new Promise(() => undefined), "5s", { signal: controller.signal });
    controller.abort(new Error("bye"));
    expect(await failure(call)).toMatchObject({ message: "bye" });
  });
});
