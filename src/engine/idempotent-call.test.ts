import { beforeEach, describe, expect, test, vi } from "vitest";
import { memory } from "../adapters/store/memory/index.ts";
import { isHoldfastError } from "../core/errors.ts";
import { attach, explain, type Explanation } from "../core/explain.ts";
import type { Effect } from "../core/verdict.ts";
import type { IdempotencyStore, StoredAnswer } from "../ports/idempotency-store.ts";
import { manualClock, type ManualClock } from "../testing/manual-clock.ts";
import { seededRandom } from "../testing/seeded-random.ts";
import { IdempotencyGuard, type KeyedCall } from "./idempotent-call.ts";
import { createRuntime, scopes, type Runtime } from "./runtime.ts";

interface Value {
  readonly text: string;
}

type Run = KeyedCall<Value>["run"];

let clock: ManualClock;
let runtime: Runtime;
let store: IdempotencyStore;
let guard: IdempotencyGuard;

beforeEach(async () => {
  clock = manualClock();
  runtime = createRuntime(clock, seededRandom(1));
  store = (await memory()()).idempotency;
  guard = new IdempotencyGuard(runtime);
});

const encoder = new TextEncoder();

function stored(text: string): StoredAnswer {
  return { type: "value", body: encoder.encode(text) };
}

/** A call under the key `k`, with everything that a test does not speak of. */
function keyed(run: KeyedCall<Value>["run"], rest: Partial<KeyedCall<Value>> = {}): KeyedCall<Value> {
  let sent = false;
  let failure: Explanation | undefined;
  return {
    key: "k",
    scopedKey: "k",
    fingerprint: "f",
    ttlMs: 1_000,
    store,
    honoured: false,
    signal: undefined,
    deadlineAt: Number.POSITIVE_INFINITY,
    run(stop) {
      sent = true;
      return run(stop).catch((error: unknown) => {
        failure = explain(error);
        throw error;
      });
    },
    sent: () => sent,
    failure: () => failure,
    scope: () => undefined,
    encode: async ({ text }) => stored(text),
    outline: () => stored("(outline)"),
    decode: ({ body }) => ({ text: new TextDecoder().decode(body) }),
    discard: () => undefined,
    reconcile: undefined,
    replayed: () => undefined,
    doubt: async () => undefined,
    ...rest,
  };
}

const answer = (text: string) => async (): Promise<Value> => ({ text });

/** Work that ends when the test says so, or as `stop` says. */
function controlled(): {
  readonly run: KeyedCall<Value>["run"];
  readonly end: (text: string) => void;
  readonly fail: (error: unknown) => void;
  stops: unknown[];
} {
  const { promise, resolve, reject } = Promise.withResolvers<Value>();
  const stops: unknown[] = [];
  return {
    stops,
    run(stop) {
      stop.addEventListener("abort", () => {
        stops.push(stop.reason);
        explained(stop.reason, "unknown", "cancelled");
        reject(stop.reason);
      });
      return promise;
    },
    end: (text) => resolve({ text }),
    fail: reject,
  };
}

/** As the lifecycle does it to what it gives up. */
function explained<Thing>(thing: Thing, effect: Effect, code: Explanation["because"]["code"] = "attempts-exhausted"): Thing {
  attach(thing, {
    attempts: 1,
    outcome: "failed",
    because: { code },
    verdict: { kind: "transient", effect, rule: "test", because: "test" },
    ...(effect === "unknown" ? { deadLetter: "letter-1" } : {}),
  });
  return thing;
}

async function begin(token: string, now: number = clock.now()) {
  const [begun] = await store.begin([{ key: "k", fingerprint: "f", token, now, leaseUntil: now + 60_000 }]);
  return begun;
}

describe("calls that meet under one key", () => {
  test("share the work and its answer", async () => {
    const work = controlled();
    const run = vi.fn<Run>(work.run);
    const replayed = vi.fn<() => void>();
    const all = Array.from({ length: 50 }, () => guard.guard(keyed(run, { replayed })));
    await clock.advance(0);
    work.end("done");
    expect(new Set((await Promise.all(all)).map(({ text }) => text))).toEqual(new Set(["done"]));
    expect(run).toHaveBeenCalledTimes(1);
    expect(replayed).toHaveBeenCalledTimes(49);
  });

  test("share an error too, and do not repeat the work one after the other", async () => {
    const error = explained(new Error("down"), "none");
    const run = vi.fn<Run>(() => Promise.reject(error));
    const all = await Promise.allSettled(Array.from({ length: 20 }, () => guard.guard(keyed(run))));
    expect(all.every((one) => one.status === "rejected" && one.reason === error)).toBe(true);
    expect(run).toHaveBeenCalledTimes(1);
  });

  test("share an answer that is a failure, with what there is to say about it", async () => {
    const failed = explained({ text: "503" }, "none");
    const decode = vi.fn<KeyedCall<Value>["decode"]>(() => ({ text: "again" }));
    const replayed = vi.fn<() => void>();
    const [first, second] = await Promise.all([
      guard.guard(keyed(async () => failed, { decode })),
      guard.guard(keyed(answer("never"), { decode, replayed })),
    ]);
    expect([first, second]).toEqual([failed, { text: "again" }]);
    expect(decode).toHaveBeenCalledExactlyOnceWith(stored("503"), expect.objectContaining({ outcome: "failed" }));
    expect(replayed).not.toHaveBeenCalled();
    // It is shared with those who waited, and kept for nobody.
    expect(await guard.guard(keyed(answer("later")))).toEqual({ text: "later" });
  });

  test("with another payload are refused", async () => {
    const work = controlled();
    const first = guard.guard(keyed(work.run));
    await expect(guard.guard(keyed(answer("x"), { fingerprint: "g" }))).rejects.toSatisfy((error) =>
      isHoldfastError(error, "idempotency-mismatch"),
    );
    work.end("done");
    await first;
    await expect(guard.guard(keyed(answer("x"), { fingerprint: "g" }))).rejects.toSatisfy((error) =>
      isHoldfastError(error, "idempotency-mismatch"),
    );
  });

  test("go one after the other where there is nothing to share and the other side knows the key", async () => {
    let running = 0;
    let most = 0;
    const run = vi.fn<Run>(async () => {
      most = Math.max(most, (running += 1));
      await Promise.resolve();
      running -= 1;
      return { text: "a stream" };
    });
    await Promise.all(Array.from({ length: 3 }, () => guard.guard(keyed(run, { honoured: true, encode: async () => undefined }))));
    expect([run.mock.calls.length, most]).toEqual([3, 1]);
  });

  test("are never sent twice to a key-blind API, even where the answer cannot be kept", async () => {
    const run = vi.fn<Run>(answer("a stream"));
    const unkept = { encode: async () => undefined };
    const [first, second] = await Promise.all([guard.guard(keyed(run, unkept)), guard.guard(keyed(run, unkept))]);
    expect([first.text, second.text]).toEqual(["a stream", "(outline)"]);
    expect((await guard.guard(keyed(run, unkept))).text).toBe("(outline)");
    expect(run).toHaveBeenCalledTimes(1);
  });

  test("that wait for themselves are told so, instead of waiting for ever", async () => {
    const scope = { cutAt: Number.POSITIVE_INFINITY, retriesLeft: 1, parent: undefined };
    const inner = keyed(answer("inner"));
    const outer = keyed(() => scopes.run(scope, () => guard.guard(inner)), { scope: () => scope });
    await expect(guard.guard(outer)).rejects.toMatchObject({ code: "config", path: "idempotencyKey" });
  });
});

describe("a caller who leaves", () => {
  test("leaves at once, and the others keep the work", async () => {
    const work = controlled();
    const leaving = new AbortController();
    const first = guard.guard(keyed(work.run, { signal: leaving.signal }));
    const second = guard.guard(keyed(work.run));
    await clock.advance(0);
    leaving.abort(new Error("bye"));
    await expect(first).rejects.toThrow("bye");
    expect(work.stops).toEqual([]);
    work.end("done");
    expect(await second).toEqual({ text: "done" });
    expect(await guard.guard(keyed(answer("again")))).toEqual({ text: "done" });
  });

  test("of those who only waited disturbs nobody", async () => {
    const work = controlled();
    const leaving = new AbortController();
    const first = guard.guard(keyed(work.run));
    const second = guard.guard(keyed(work.run, { signal: leaving.signal }));
    await clock.advance(0);
    leaving.abort(new Error("bye"));
    await expect(second).rejects.toThrow("bye");
    work.end("done");
    expect(await first).toEqual({ text: "done" });
  });

  test("last stops the work, and learns what became of it", async () => {
    const work = controlled();
    const [one, two] = [new AbortController(), new AbortController()];
    const first = guard.guard(keyed(work.run, { signal: one.signal }));
    const second = guard.guard(keyed(work.run, { signal: two.signal }));
    await clock.advance(0);
    one.abort(new Error("one"));
    await expect(first).rejects.toThrow("one");
    two.abort(new Error("two"));
    await expect(second).rejects.toThrow("two");
    expect(work.stops).toEqual([two.signal.reason]);
    expect(await begin("t")).toEqual({ state: "claimed", earlier: "unknown" });
  });

  test("before anything was sent leaves no doubt", async () => {
    const leaving = new AbortController();
    const slow: IdempotencyStore = {
      ...store,
      begin: async (requests) => {
        await new Promise<void>((resolve) => clock.setTimer(resolve, 100));
        return await store.begin(requests);
      },
    };
    const run = vi.fn<Run>((stop) => (stop.aborted ? Promise.reject(stop.reason as Error) : answer("x")()));
    const call = guard.guard({ ...keyed(run), store: slow, signal: leaving.signal, sent: () => false });
    leaving.abort(new Error("bye"));
    await expect(call).rejects.toThrow("bye");
    await clock.advance(200);
    expect(await begin("t")).toEqual({ state: "claimed", earlier: "none" });
  });

  test("gets an answer that was there before the abort was", async () => {
    const leaving = new AbortController();
    const call = guard.guard(
      keyed(
        async () => {
          leaving.abort(new Error("bye"));
          return { text: "done" };
        },
        { signal: leaving.signal },
      ),
    );
    expect(await call).toEqual({ text: "done" });
  });

  test("passes its reason to nobody who comes after", async () => {
    const work = controlled();
    const leaving = new AbortController();
    const first = guard.guard(keyed(work.run, { signal: leaving.signal, honoured: true }));
    await clock.advance(0);
    leaving.abort(new Error("bye"));
    const after = guard.guard(keyed(answer("fresh"), { honoured: true }));
    await expect(first).rejects.toThrow("bye");
    expect(await after).toEqual({ text: "fresh" });
  });

  test("lets go of a value that comes all the same", async () => {
    const work = controlled();
    const leaving = new AbortController();
    const discard = vi.fn<(value: Value) => void>();
    const first = guard.guard(keyed(work.run, { signal: leaving.signal, discard }));
    const second = guard.guard(keyed(work.run));
    await clock.advance(0);
    leaving.abort(new Error("bye"));
    await expect(first).rejects.toThrow("bye");
    work.end("done");
    await second;
    await clock.advance(0);
    expect(discard).toHaveBeenCalledExactlyOnceWith({ text: "done" });
  });

  test("waits for another no longer than its deadline", async () => {
    const work = controlled();
    const first = guard.guard(keyed(work.run));
    const second = guard.guard(keyed(work.run, { deadlineAt: clock.monotonic() + 500 }));
    const late = second.catch((error: unknown) => error);
    await clock.advance(500);
    expect(isHoldfastError(await late, "deadline")).toBe(true);
    work.end("done");
    expect(await first).toEqual({ text: "done" });
  });

  test("leaves no listener and no timer behind", async () => {
    const { signal } = new AbortController();
    const added = vi.spyOn(signal, "addEventListener");
    for (let call = 0; call < 1_000; call += 1) await guard.guard(keyed(answer("x"), { signal, scopedKey: `k${call}`, deadlineAt: 1_000 }));
    expect(added).toHaveBeenCalledTimes(1);
    expect(clock.pending).toBe(0);
  });
});

describe("what the store says", () => {
  test("done is answered from it", async () => {
    await guard.guard(keyed(answer("done")));
    const replayed = vi.fn<() => void>();
    const run = vi.fn<Run>(answer("again"));
    expect(await new IdempotencyGuard(runtime).guard(keyed(run, { replayed }))).toEqual({ text: "done" });
    expect([run.mock.calls.length, replayed.mock.calls.length]).toEqual([0, 1]);
  });

  test("done is forgotten when its time is over", async () => {
    await guard.guard(keyed(answer("done")));
    await clock.advance(1_000);
    expect(await guard.guard(keyed(answer("again")))).toEqual({ text: "again" });
  });

  test("running elsewhere is refused, with the time that it may take", async () => {
    await begin("somebody else");
    await clock.advance(10_000);
    const run = vi.fn<Run>(answer("x"));
    await expect(guard.guard(keyed(run))).rejects.toSatisfy(
      (error) => isHoldfastError(error, "idempotency-in-flight") && error.retryAfterMs === 50_000,
    );
    expect(run).not.toHaveBeenCalled();
  });

  test("a lease is extended as long as the work takes", async () => {
    const work = controlled();
    const call = guard.guard(keyed(work.run));
    await clock.advance(300_000);
    await expect(new IdempotencyGuard(runtime).guard(keyed(answer("x")))).rejects.toSatisfy((error) =>
      isHoldfastError(error, "idempotency-in-flight"),
    );
    work.end("done");
    await call;
    expect(clock.pending).toBe(0);
  });

  test("a lease that cannot be extended disturbs nobody", async () => {
    const work = controlled();
    const broken: IdempotencyStore = { ...store, extend: () => Promise.reject(new Error("closed")) };
    const call = guard.guard(keyed(work.run, { store: broken }));
    await clock.advance(100_000);
    work.end("done");
    expect(await call).toEqual({ text: "done" });
  });

  test("a store that cannot be asked sends nothing", async () => {
    const run = vi.fn<Run>(answer("x"));
    const broken: IdempotencyStore = { ...store, begin: () => Promise.reject(new Error("disk full")) };
    await expect(guard.guard(keyed(run, { store: broken }))).rejects.toThrow("disk full");
    expect(run).not.toHaveBeenCalled();
  });

  test("a store that fails after the work hides neither the answer nor the error, and says so", async () => {
    const told: unknown[] = [];
    runtime.events.on("store:failed", ({ error }) => told.push(error));
    const full = new Error("disk full");
    const broken: IdempotencyStore = { ...store, finish: () => Promise.reject(full), release: () => Promise.reject(full) };
    expect(await guard.guard(keyed(answer("done"), { store: broken }))).toEqual({ text: "done" });
    const error = explained(new Error("down"), "none");
    await expect(guard.guard(keyed(() => Promise.reject(error), { store: broken, scopedKey: "k2" }))).rejects.toBe(error);
    expect(told).toEqual([full, full]);
  });
});

describe("what is left of a failure", () => {
  test.each<[Effect, boolean, "none" | "unknown"]>([
    ["none", false, "none"],
    ["none", true, "none"],
    ["unknown", false, "unknown"],
    ["unknown", true, "none"],
  ])("of effect %s, where the API honours keys: %s, is %s", async (effect, honoured, earlier) => {
    await expect(guard.guard(keyed(() => Promise.reject(explained(new Error("x"), effect)), { honoured }))).rejects.toThrow("x");
    expect(await begin("t")).toEqual({ state: "claimed", earlier });
  });

  test("is what the call itself says, not what hangs on a reason that many calls share", async () => {
    const reason = explained(new Error("shutdown"), "none", "cancelled");
    const own: Explanation = {
      attempts: 1,
      outcome: "failed",
      because: { code: "cancelled" },
      verdict: { kind: "cancelled", effect: "unknown", rule: "x", because: "x" },
    };
    await expect(guard.guard(keyed(() => Promise.reject(reason), { failure: () => own }))).rejects.toBe(reason);
    expect(await begin("t")).toEqual({ state: "claimed", earlier: "unknown" });
  });

  test("that nobody explained is a doubt, if anything was sent", async () => {
    await expect(guard.guard(keyed(() => Promise.reject(new Error("x"))))).rejects.toThrow("x");
    expect(await begin("t")).toEqual({ state: "claimed", earlier: "unknown" });
  });

  test("that the other side has answered for is kept: it would be the same again", async () => {
    const refusal = explained({ text: "422" }, "done", "permanent");
    await guard.guard(keyed(async () => refusal));
    expect(await guard.guard(keyed(answer("again")))).toEqual({ text: "422" });
  });
});

describe("a doubt that an earlier try left", () => {
  beforeEach(async () => {
    await begin("vanished");
    await clock.advance(60_000);
  });

  test("stops a key-blind call, which is kept, once for all its repeats", async () => {
    const run = vi.fn<Run>(answer("x"));
    const doubt = vi.fn<() => Promise<string | undefined>>(async () => "letter-7");
    for (let repeat = 0; repeat < 3; repeat += 1) {
      const error = await guard.guard(keyed(run, { doubt })).catch((caught: unknown) => caught);
      expect(error).toMatchObject({ code: "outcome-unknown", because: { detail: "dead letter letter-7" } });
    }
    expect([run.mock.calls.length, doubt.mock.calls.length]).toEqual([0, 1]);
  });

  test("does not stop one whose API honours keys", async () => {
    expect(await guard.guard(keyed(answer("sent again"), { honoured: true }))).toEqual({ text: "sent again" });
  });

  test("does not stop one that somebody answers for", async () => {
    expect(await guard.guard(keyed(answer("sent again"), { insist: async () => true }))).toEqual({ text: "sent again" });
    expect(await guard.guard(keyed(answer("x")))).toEqual({ text: "sent again" });
  });

  test("is settled by the other side: it happened", async () => {
    const run = vi.fn<Run>(answer("x"));
    const reconcile = async () => ({ happened: true, value: { text: "found" } }) as const;
    expect(await guard.guard(keyed(run, { reconcile }))).toEqual({ text: "found" });
    expect(await guard.guard(keyed(run))).toEqual({ text: "found" });
    expect(run).not.toHaveBeenCalled();
  });

  test("is settled by the other side: it did not", async () => {
    expect(await guard.guard(keyed(answer("sent"), { reconcile: async () => ({ happened: false }) }))).toEqual({ text: "sent" });
  });

  test.each<[string, () => Promise<{ happened: "unknown" }>, string | undefined]>([
    ["cannot tell", async () => ({ happened: "unknown" }), undefined],
    ["cannot be asked", () => Promise.reject(new Error("search is down")), "search is down"],
  ])("stays where the other side %s", async (_, reconcile, cause) => {
    const error = await guard.guard(keyed(answer("x"), { reconcile })).catch((caught: unknown) => caught as Error);
    expect(isHoldfastError(error, "outcome-unknown")).toBe(true);
    expect(((error as Error).cause as Error | undefined)?.message).toBe(cause);
    expect(await begin("t")).toEqual({ state: "claimed", earlier: "unknown" });
  });

  test("outlives a try that was sent and failed without effect", async () => {
    const error = explained(new Error("refused"), "none");
    await expect(guard.guard(keyed(() => Promise.reject(error), { insist: async () => true }))).rejects.toBe(error);
    expect(await begin("t")).toEqual({ state: "claimed", earlier: "unknown" });
  });

  test("of ours is told by the dead letter that was made of it", async () => {
    const lost = explained(new Error("lost"), "unknown");
    await expect(guard.guard(keyed(() => Promise.reject(lost), { scopedKey: "k3" }))).rejects.toBe(lost);
    const doubt = vi.fn<() => Promise<string | undefined>>(async () => "another");
    const error = await guard.guard(keyed(answer("x"), { scopedKey: "k3", doubt })).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code: "outcome-unknown", because: { detail: "dead letter letter-1" } });
    expect(doubt).not.toHaveBeenCalled();
  });
});
