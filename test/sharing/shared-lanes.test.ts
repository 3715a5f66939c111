import { describe, expect, it } from "vitest";
import { memory } from "../../src/adapters/store/memory/index.ts";
import type { ApiOptions } from "../../src/api/api-options.ts";
import { createHoldfast, type Holdfast } from "../../src/client/holdfast.ts";
import type { Coordinator } from "../../src/ports/coordinator.ts";
import { manualClock, type ManualClock } from "../../src/testing/manual-clock.ts";
import { rateExcess } from "../../src/testing/rate-excess.ts";
import { seededRandom } from "../../src/testing/seeded-random.ts";

/** Several engines over one coordinator, in virtual time: what several processes do. */

interface World {
  readonly clock: ManualClock;
  readonly engines: readonly Holdfast<"crm">[];
  /** Monotonic ms at which requests started. */
  readonly starts: readonly number[];
  answer: () => Response | Promise<Response>;
  /** Moves time on until it is settled; answers how many ms that took. */
  during(work: Promise<unknown>): Promise<number>;
}

const SLOW = { limit: 2, per: "1s", burst: 40 } as const;
const QUICK = { limit: 100, per: "1s", burst: 100 } as const;

async function world(api: ApiOptions, coordinator: "store" | "none" | Coordinator = "store", count = 2): Promise<World> {
  const clock = manualClock();
  const store = memory();
  const starts: number[] = [];
  const made: World = {
    clock,
    starts,
    engines: [],
    answer: () => Response.json({}),
    during: async (work) => {
      const from = clock.monotonic();
      const over = new AbortController();
      work.finally(() => over.abort()).catch(() => {});
      await clock.advance(0);
      while (!over.signal.aborted && clock.monotonic() - from < 600_000) await clock.next();
      await work;
      return clock.monotonic() - from;
    },
  };
  const engines = await Promise.all(
    Array.from({ length: count }, (_, index) =>
      createHoldfast({
        apis: { crm: { baseUrl: "https://crm.test", maxWait: "10m", timeout: { total: "10m" }, ...api } },
        store,
        ...(coordinator !== "none" && { coordinator: coordinator === "store" ? ("store" as const) : async () => coordinator }),
        transport: async () => {
          starts.push(clock.monotonic());
          return await made.answer();
        },
        clock,
        random: seededRandom(index + 1),
      }),
    ),
  );
  return Object.assign(made, { engines });
}

const get = async (hf: Holdfast<"crm">): Promise<number> => (await hf.fetch("crm")("/contacts")).status;
const many = (hf: Holdfast<"crm">, count: number): Promise<unknown> => Promise.all(Array.from({ length: count }, () => get(hf)));

describe("a rate limit that two processes share", () => {
  it.each([
    ["2/s with a burst of 40", SLOW, 60, 42_000],
    ["100/s", QUICK, 300, 6_000],
    ["one at a time", { limit: 5, per: "1s", burst: 1 }, 20, 8_500],
  ] as const)("is kept by both together: %s", async (_name, rateLimit, each, mostMs) => {
    const { engines, starts, during } = await world({ rateLimit });
    const tookMs = await during(Promise.all(engines.map((hf) => many(hf, each))));
    expect(starts).toHaveLength(2 * each);
    expect(rateExcess(starts, rateLimit)).toBeLessThanOrEqual(0);
    expect(tookMs).toBeLessThan(mostMs);
  });

  it("is not kept by two that do not share it", async () => {
    const { engines, starts, during } = await world({ rateLimit: SLOW }, "none");
    await during(Promise.all(engines.map((hf) => many(hf, 60))));
    expect(rateExcess(starts, SLOW)).toBeGreaterThan(30);
  });

  it("is all the other's when one is gone with the tokens that it held", async () => {
    const { clock, engines, starts, during } = await world({ rateLimit: QUICK });
    const [lost, left] = engines as [Holdfast<"crm">, Holdfast<"crm">];
    await during(get(lost));
    await clock.advance(2_000);
    const tookMs = await during(many(left, 300));
    expect(tookMs).toBeLessThan(3_000);
    expect(rateExcess(starts, QUICK)).toBeLessThanOrEqual(0);
  });

  it("is paused for both by one's 429", async () => {
    const made = await world({ rateLimit: QUICK, retry: { maxAttempts: 1 } });
    const [one, other] = made.engines as [Holdfast<"crm">, Holdfast<"crm">];
    await made.during(many(other, 1));
    await made.clock.advance(1_000);
    made.answer = () => new Response("", { status: 429, headers: { "retry-after": "5" } });
    await made.during(get(one));
    made.answer = () => Response.json({});
    // What the other holds has expired by then.
    await made.clock.advance(300);
    expect(await made.during(get(other))).toBeGreaterThan(4_000);
  });

  it("holds for each process by itself while nobody answers, and together again when somebody does", async () => {
    const store = await memory()();
    let down = true;
    const coordinator: Coordinator = {
      exchange: (requests) => (down ? Promise.reject(new Error("gone")) : (store.coordinator as Coordinator).exchange(requests)),
      sweep: async () => 0,
    };
    const { clock, engines, starts, during } = await world({ rateLimit: SLOW }, coordinator);
    expect(await during(many(engines[0] as Holdfast<"crm">, 40))).toBeLessThan(100);
    expect(rateExcess(starts, SLOW)).toBeLessThanOrEqual(0);
    down = false;
    await clock.advance(60_000);
    const before = starts.length;
    await during(Promise.all(engines.map((hf) => many(hf, 40))));
    expect(rateExcess(starts.slice(before), SLOW)).toBeLessThanOrEqual(0);
  });

  it("does not hang on a coordinator that never answers", async () => {
    const { engines, during } = await world({ rateLimit: SLOW }, { exchange: () => new Promise(() => {}), sweep: async () => 0 });
    expect(await during(many(engines[0] as Holdfast<"crm">, 10))).toBeLessThan(1_500);
    expect(await during((engines[0] as Holdfast<"crm">).close())).toBeLessThan(1_500);
  });
});

describe("a breaker that two processes share", () => {
  const breaker = { minimumCalls: 5, window: 10, openFor: "10s" } as const;

  it("is open for both when one has found the other side failing, and closed for both when one has found it well", async () => {
    const made = await world({ breaker, retry: { maxAttempts: 1 } });
    const [one, other] = made.engines as [Holdfast<"crm">, Holdfast<"crm">];
    const modes = (): (string | undefined)[] => made.engines.map((hf) => hf.lanes()[0]?.breaker);
    await made.during(Promise.all([get(one), get(other)]));
    made.answer = () => new Response("", { status: 503 });
    for (let call = 0; call < 5; call += 1) await made.during(get(one).catch(() => 0));
    expect(modes()).toEqual(["open", "closed"]);
    await made.clock.advance(1_000);
    expect(modes()).toEqual(["open", "open"]);
    const before = made.starts.length;
    await expect(get(other)).rejects.toMatchObject({ code: "circuit-open" });
    expect(made.starts).toHaveLength(before);

    made.answer = () => Response.json({});
    await made.clock.advance(12_000);
    expect(await made.during(get(one))).toBeLessThan(1_000);
    await made.clock.advance(1_000);
    expect(await get(other)).toBe(200);
    expect(modes()).toEqual(["closed", "closed"]);
  });

  it("stays each one's own without a coordinator", async () => {
    const made = await world({ breaker, retry: { maxAttempts: 1 } }, "none");
    const [one, other] = made.engines as [Holdfast<"crm">, Holdfast<"crm">];
    await made.during(Promise.all([get(one), get(other)]));
    made.answer = () => new Response("", { status: 503 });
    for (let call = 0; call < 6; call += 1) await made.during(get(one).catch(() => 0));
    await made.clock.advance(2_000);
    expect(made.engines.map((hf) => hf.lanes()[0]?.breaker)).toEqual(["open", "closed"]);
  });
});

describe("the option coordinator", () => {
  it("is a factory or the store, if that is one", async () => {
    const apis = { crm: { baseUrl: "https://crm.test" } };
    await expect(createHoldfast({ apis, coordinator: "redis" as unknown as "store" })).rejects.toMatchObject({ path: "coordinator" });
    const store = await memory()();
    const { coordinator: _none, ...without } = store;
    await expect(createHoldfast({ apis, store: async () => without, coordinator: "store" })).rejects.toMatchObject({ path: "coordinator" });
  });
});
