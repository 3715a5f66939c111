import { afterEach, describe, expect, test, vi } from "vitest";
import type { ApiOptions } from "../api/api-options.ts";
import { explain } from "../core/explain.ts";
import type { WorkFunction } from "../engine/function-work.ts";
import { manualClock, type ManualClock } from "../testing/manual-clock.ts";
import { createHoldfast, type Holdfast } from "./holdfast.ts";

let hf: Holdfast<"api">;
let clock: ManualClock;

afterEach(() => hf.close());

async function start(api: ApiOptions = {}): Promise<void> {
  clock = manualClock();
  hf = await createHoldfast({ apis: { api }, clock, random: () => 0 });
}

const failure = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => expect.fail("it resolved"),
    (error: unknown) => error,
  );

/** A function that fails so many times, and then gives the attempt that it was. */
function after(failures: number, error: unknown = new Error("not yet")): ReturnType<typeof vi.fn<WorkFunction<number>>> {
  return vi.fn<WorkFunction<number>>(({ attempt }) => {
    if (attempt <= failures) throw error;
    return attempt;
  });
}

describe("a read", () => {
  test("is tried again, with the same id and no key", async () => {
    await start();
    const fn = after(2);
    const call = hf.call("api", { operation: "list", effects: "read" }, fn);
    await clock.advance("1m");
    expect(await call).toBe(3);
    expect(new Set(fn.mock.calls.map(([{ operation }]) => operation)).size).toBe(1);
    expect(fn.mock.calls[0]?.[0].idempotencyKey).toBeUndefined();
  });

  test("that is given up is no dead letter", async () => {
    await start({ retry: { maxAttempts: 1 } });
    const error = await failure(hf.call("api", { operation: "list", effects: "read" }, after(9)));
    expect(explain(error)).toMatchObject({ attempts: 1, outcome: "failed" });
    expect((await hf.deadLetters.list()).items).toEqual([]);
  });
});

describe("a write", () => {
  test("whose outcome is unknown is not repeated without a key that the API honours", async () => {
    await start();
    const fn = after(1);
    const error = await failure(hf.call("api", { operation: "add", effects: "write", idempotencyKey: "k", labels: { lead: "7" } }, fn));
    expect(fn).toHaveBeenCalledTimes(1);
    expect(explain(error)?.because.code).toBe("outcome-unknown");
    expect(await hf.deadLetters.get(explain(error)?.deadLetter ?? "")).toMatchObject({
      operation: "add",
      endpoint: "add",
      reason: "outcome-unknown",
      labels: { lead: "7" },
    });
  });

  test("is repeated with one", async () => {
    await start({ idempotency: {} });
    const call = hf.call("api", { operation: "add", effects: "write", idempotencyKey: "k" }, after(2));
    await clock.advance("1m");
    expect(await call).toBe(3);
  });

  test("is repeated where its endpoint is repeatable, key or not", async () => {
    await start({ endpoints: { "POST /add": { repeatable: true } } });
    const call = hf.call("api", { operation: "POST /add", effects: "write" } as never, after(2));
    await clock.advance("1m");
    expect(await call).toBe(3);
  });

  test("that certainly did not happen is repeated", async () => {
    await start();
    const refused = Object.assign(new Error("connect"), { code: "ECONNREFUSED" });
    const call = hf.call("api", { operation: "add", effects: "write", idempotencyKey: "k" }, after(2, refused));
    await clock.advance("1m");
    expect(await call).toBe(3);
  });

  test("may be asked after", async () => {
    await start();
    const reconcile = vi.fn<() => Promise<{ happened: true; value: number }>>(async () => ({ happened: true, value: 42 }));
    const call = hf.call("api", { operation: "add", effects: "write", idempotencyKey: "k", reconcile }, after(1));
    await clock.advance("1m");
    expect(await call).toBe(42);
    expect(reconcile).toHaveBeenCalledExactlyOnceWith({ operation: expect.any(String) as string, idempotencyKey: "k" });
  });

  test("that is aborted on its way is in doubt, and kept", async () => {
    await start();
    const controller = new AbortController();
    const call = failure(
      hf.call("api", { operation: "add", effects: "write", maxAttempts: 1, signal: controller.signal }, () => new Promise(() => undefined)),
    );
    const reason = new Error("bye");
    controller.abort(reason);
    expect(await call).toBe(reason);
    expect((await hf.deadLetters.list()).items.map(({ reason: why, because }) => [why, because.code])).toEqual([
      ["outcome-unknown", "cancelled"],
    ]);
  });
});

describe("what a call says over its API", () => {
  test("is its attempts and its times, and nothing of the API's is lost", async () => {
    await start({ retry: { maxAttempts: 5, backoff: { base: "10s", cap: "10s", jitter: "none" } }, timeout: { total: "10m" } });
    const options = { operation: "list", effects: "read", maxAttempts: 2, timeout: { attempt: "1s" } } as const;
    for (let use = 0; use < 2; use += 1) {
      const fn = vi.fn<WorkFunction<never>>(() => new Promise<never>(() => undefined));
      const call = failure(hf.call("api", options, fn));
      await clock.advance("1m");
      expect(await call).toMatchObject({ code: "timeout", timeoutMs: 1_000 });
      expect(fn).toHaveBeenCalledTimes(2);
    }
  });

  test("is a deadline of its own", async () => {
    await start();
    const call = failure(
      hf.call("api", { operation: "list", effects: "read", timeout: { total: "3s" } }, () => new Promise(() => undefined)),
    );
    await clock.advance("3s");
    expect(await call).toMatchObject({ code: "deadline", cut: true });
  });

  test("is the partition whose lane it takes, and the cost of it", async () => {
    await start({ rateLimit: { limit: 10, per: "1h", burst: 10, scope: "partition" }, maxWait: "1s" });
    const call = (partition: string, cost: number): Promise<number> =>
      hf.call("api", { operation: "list", effects: "read", partition, cost }, async () => 1);
    await call("a", 8);
    expect(await failure(call("a", 8))).toMatchObject({ code: "rate-limited" });
    expect(await call("b", 8)).toBe(1);
    expect(hf.lanes().map(({ endpoint, partition }) => [endpoint, partition])).toEqual([
      ["list", "a"],
      ["list", "b"],
    ]);
  });
});

describe("what the function gives", () => {
  test("may be a value that is no promise, or nothing", async () => {
    await start();
    expect(await hf.call("api", { operation: "x", effects: "read" }, () => 7)).toBe(7);
    expect(await hf.call("api", { operation: "x", effects: "read" }, () => undefined)).toBeUndefined();
  });

  test("under a key may be what JSON cannot say: it is done once all the same", async () => {
    await start();
    const options = { operation: "x", effects: "write", idempotencyKey: "k" } as const;
    const fn = vi.fn<WorkFunction<bigint>>(async () => 7n);
    expect(await hf.call("api", options, fn)).toBe(7n);
    expect(await hf.call("api", options, fn)).toBeUndefined();
    expect(fn).toHaveBeenCalledTimes(1);
  });
});
