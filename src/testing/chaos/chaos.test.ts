import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { flakyApi } from "../flaky-api/flaky-api.ts";
import { manualClock } from "../manual-clock.ts";
import { seededRandom } from "../seeded-random.ts";
import { chaos } from "./chaos.ts";
import type { ChaosFault, ChaosInjection, ChaosOptions } from "./chaos-options.ts";

let warnings: string[];
beforeEach(() => {
  warnings = [];
  vi.spyOn(process.stderr, "write").mockImplementation((text) => {
    warnings.push(String(text));
    return true;
  });
  vi.stubEnv("HOLDFAST_CHAOS", undefined);
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
});

/** Chaos that hits every call. */
function always(fault: ChaosFault, more: Partial<ChaosOptions> = {}): ReturnType<typeof chaos> {
  return chaos({ faults: [fault], rate: 1, enabled: true, ...more });
}

/** A function that counts its calls. */
function counted(): { fn: () => Promise<string>; calls: () => number } {
  let calls = 0;
  return {
    fn: () => {
      calls += 1;
      return Promise.resolve("done");
    },
    calls: () => calls,
  };
}

describe("the switch", () => {
  const options: ChaosOptions = { faults: [{ error: "ECONNRESET" }], rate: 1 };

  it("is off unless somebody says otherwise: what is wrapped is what was given, and nothing is said", async () => {
    const off = chaos(options);
    const { fn } = counted();
    expect(off.wrap(fn)).toBe(fn);
    expect(off.fetch(fetch)).toBe(fetch);
    expect(off.enabled).toBe(false);
    expect(warnings).toEqual([]);
  });

  it("is on by option or by environment, and says so in one line", async () => {
    for (const make of [() => chaos({ ...options, enabled: true }), () => (vi.stubEnv("HOLDFAST_CHAOS", "1"), chaos(options))]) {
      warnings.length = 0;
      const on = make();
      expect(on.enabled).toBe(true);
      await expect(on.wrap(counted().fn)()).rejects.toThrow("ECONNRESET");
      expect(warnings).toEqual(["holdfast: chaos is on: error:ECONNRESET in 100 % of the wrapped calls\n"]);
    }
  });

  it("is off by option whatever the environment says, and off with HOLDFAST_CHAOS=0", () => {
    vi.stubEnv("HOLDFAST_CHAOS", "1");
    expect(chaos({ ...options, enabled: false }).enabled).toBe(false);
    vi.stubEnv("HOLDFAST_CHAOS", "0");
    expect(chaos(options).enabled).toBe(false);
  });

  it("does not guess at another value of the environment", () => {
    vi.stubEnv("HOLDFAST_CHAOS", "yes");
    expect(() => chaos(options)).toThrow('HOLDFAST_CHAOS is "yes"');
  });
});

describe("an error", () => {
  it("before the call keeps the call from being made", async () => {
    const { fn, calls } = counted();
    await expect(always({ error: "ETIMEDOUT" }).wrap(fn)()).rejects.toMatchObject({ code: "ETIMEDOUT", syscall: "read" });
    expect(calls()).toBe(0);
  });

  it("after the call loses its result", async () => {
    const { fn, calls } = counted();
    await expect(always({ error: "ECONNRESET", at: "after" }).wrap(fn)()).rejects.toMatchObject({ code: "ECONNRESET" });
    expect(calls()).toBe(1);
  });

  it("after a call that fails by itself is that call's own error", async () => {
    const broken = always({ reset: "after" }).wrap(() => Promise.reject(new Error("its own")));
    await expect(broken()).rejects.toThrow("its own");
  });

  it("of a fetch comes before or after the call too", async () => {
    await using api = await flakyApi();
    await expect(always({ reset: "before" }).fetch(fetch)(api.url, { method: "POST" })).rejects.toThrow("fetch failed");
    expect(api.ledger.summary().effects).toBe(0);
    await expect(always({ reset: "after" }).fetch(fetch)(api.url, { method: "POST" })).rejects.toThrow("fetch failed");
    expect(api.ledger.summary().effects).toBe(1);
  });

  it("of a fetch looks like that of the built-in one", async () => {
    const failing = always({ error: "ENOTFOUND" }).fetch(fetch);
    const error = await failing("http://127.0.0.1:9/").catch((error: unknown) => error);
    expect(error).toBeInstanceOf(TypeError);
    expect(error).toMatchObject({ message: "fetch failed", cause: { code: "ENOTFOUND", syscall: "getaddrinfo" } });
  });
});

describe("a delay", () => {
  it("comes before the call, which is then made", async () => {
    const clock = manualClock();
    const { fn, calls } = counted();
    const result = always({ delay: "2s" }, { clock }).wrap(fn)();
    await clock.advance("1999ms");
    expect(calls()).toBe(0);
    await clock.advance("1ms");
    expect(await result).toBe("done");
  });

  it("is drawn from its range", async () => {
    const clock = manualClock();
    const wrapped = always({ delay: ["1s", "3s"] }, { clock, random: () => 0.5 }).wrap(counted().fn);
    const result = wrapped();
    await clock.next();
    await result;
    expect(clock.monotonic()).toBe(2_000);
  });

  it.each([
    ["its options", (signal: AbortSignal): unknown[] => [{ signal }]],
    ["itself", (signal: AbortSignal): unknown[] => ["a", signal]],
  ])("ends when the call's signal, given as %s, aborts; the call is not made", async (_title, args) => {
    const clock = manualClock();
    const aborter = new AbortController();
    let made = false;
    const wrapped = always({ delay: "1h" }, { clock }).wrap(async (..._args: unknown[]) => void (made = true));
    const result = wrapped(...args(aborter.signal));
    aborter.abort(new Error("enough"));
    await expect(result).rejects.toThrow("enough");
    expect([made, clock.pending]).toEqual([false, 0]);
  });
});

describe("faults that only a fetch can meet", () => {
  it("a status before the call is the whole answer; after it the call was made", async () => {
    await using api = await flakyApi();
    const before = await always({ status: 503, headers: { "retry-after": "3" }, body: "sorry" }).fetch(fetch)(api.url, { method: "POST" });
    expect([before.status, before.headers.get("retry-after"), await before.text()]).toEqual([503, "3", "sorry"]);
    expect(api.ledger.summary().effects).toBe(0);

    const after = await always({ status: 500, at: "after" }).fetch(fetch)(api.url, { method: "POST" });
    expect(after.status).toBe(500);
    expect(api.ledger.summary().effects).toBe(1);
  });

  it("a reset in mid-body gives the head and half of the body, then breaks", async () => {
    await using api = await flakyApi({ endpoints: { "GET /": { answer: { status: 202, text: "0123456789" } } } });
    const response = await always({ reset: "body" }).fetch(fetch)(api.url);
    expect([response.status, response.url]).toEqual([202, `${api.url}/`]);
    const reader = response.body!.getReader();
    expect(new TextDecoder().decode((await reader.read()).value)).toBe("01234");
    await expect(reader.read()).rejects.toMatchObject({ message: "terminated", cause: { code: "ECONNRESET" } });
  });

  it("cannot be put into a function, and say so when it is wrapped", () => {
    for (const fault of [{ status: 500 }, { reset: "body" }] as const) {
      expect(() => chaos({ faults: [{ delay: 1 }, fault], rate: 1 }).wrap(counted().fn)).toThrow("faults[1]");
    }
  });
});

describe("chance", () => {
  const faults: ChaosFault[] = [{ error: "ECONNRESET" }, { error: "ETIMEDOUT", at: "after" }];

  it("hits the share of the calls that it is given, each fault as often as the others", async () => {
    const wrapped = chaos({ faults, rate: 0.2, enabled: true, random: seededRandom(5) });
    const call = wrapped.wrap(counted().fn);
    await Promise.allSettled(Array.from({ length: 5_000 }, () => call()));
    const { calls, injected, byFault } = wrapped.counts;
    expect(calls).toBe(5_000);
    expect(Math.abs(injected - 1_000)).toBeLessThan(90);
    expect(Math.abs(byFault["error:ECONNRESET"]! - injected / 2)).toBeLessThan(70);
    expect(byFault["error:ECONNRESET"]! + byFault["error:ETIMEDOUT"]!).toBe(injected);
  });

  it("is the same for the same seed", async () => {
    const day = async (seed: number): Promise<string[]> => {
      const call = chaos({ faults, rate: 0.5, enabled: true, random: seededRandom(seed) }).wrap(counted().fn);
      return (await Promise.allSettled(Array.from({ length: 40 }, () => call()))).map((outcome) => outcome.status);
    };
    expect(await day(1)).toEqual(await day(1));
    expect(await day(1)).not.toEqual(await day(2));
  });

  it("leaves out the calls that do not qualify, and does not count them", async () => {
    const wrapped = always({ error: "ECONNRESET" }, { when: (path) => path === "/hit" });
    const call = wrapped.wrap((path: string) => Promise.resolve(path));
    expect(await call("/spared")).toBe("/spared");
    await expect(call("/hit")).rejects.toThrow("ECONNRESET");
    expect(wrapped.counts).toMatchObject({ calls: 1, injected: 1 });
  });
});

describe("whoever listens", () => {
  it("is told of every fault", async () => {
    const seen: ChaosInjection[] = [];
    const fault = { reset: "before" } as const;
    const call = always(fault, { clock: manualClock(7), onFault: (injection) => seen.push(injection) }).wrap(counted().fn);
    await Promise.allSettled([call(), call()]);
    expect(seen).toEqual([
      { fault, name: "reset:before", call: 1, at: 7 },
      { fault, name: "reset:before", call: 2, at: 7 },
    ]);
  });

  it("cannot break the call", async () => {
    const call = always({ delay: 0 }, { onFault: () => expect.fail("a broken listener") }).wrap(counted().fn);
    expect(await call()).toBe("done");
    expect(warnings.join("")).toContain("a broken listener");
  });
});

describe("options that are wrong", () => {
  it.each([
    ["faults", { faults: [] }],
    ["faults", {}],
    ["faults[0]", { faults: [{}] }],
    ["faults[0]", { faults: [{ delay: 1, status: 500 }] }],
    ["faults[0].error", { faults: [{ error: "it broke" }] }],
    ["faults[0].at", { faults: [{ error: "ECONNREFUSED", at: "after" }] }],
    ["faults[0].at", { faults: [{ delay: 1, at: "after" }] }],
    ["faults[0].delay", { faults: [{ delay: ["2s", "1s"] }] }],
    ["faults[0].status", { faults: [{ status: 99 }] }],
    ["faults[0].body", { faults: [{ status: 204, body: "x" }] }],
    ["faults[0].reset", { faults: [{ reset: "sometimes" }] }],
    ["rate", { rate: 1.5 }],
    ["rate", { rate: undefined }],
    ["enabled", { enabled: "yes" }],
    ["when", { when: "GET" }],
    ["chance", { chance: 1 }],
  ])("are named by their path (%s), also while it is off", (path, wrong) => {
    const options = path === "faults" && !("faults" in wrong) ? { rate: 1 } : { faults: [{ delay: 1 }], rate: 1, ...wrong };
    expect(() => chaos(options as ChaosOptions)).toThrow(expect.objectContaining({ code: "config", path }));
  });
});
