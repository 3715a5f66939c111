import { describe, expect, it } from "vitest";
import { memory } from "../../src/adapters/store/memory/index.ts";
import { createHoldfast, type Holdfast, type HoldfastOptions } from "../../src/client/holdfast.ts";
import type { Store } from "../../src/ports/store.ts";
import { manualClock, type ManualClock } from "../../src/testing/manual-clock.ts";

const T0 = Date.UTC(2026, 0, 15, 12);

/** A store that several engines hold, as processes hold a file; it stays open until the test ends. */
async function sharedStore(): Promise<Store> {
  const store = await memory()();
  return { ...store, close: async () => {} };
}

interface Process {
  readonly hf: Holdfast;
  readonly clock: ManualClock;
  /** What the other side answers. */
  answer: () => Response;
}

async function process(store: Store, options: Partial<HoldfastOptions> = {}, clock: ManualClock = manualClock(T0)): Promise<Process> {
  const self: { answer: () => Response; hf?: Holdfast } = { answer: () => Response.json({}) };
  const breaker = { window: 4, minimumCalls: 4, openFor: "30s" } as const;
  const hf = await createHoldfast({
    apis: {
      crm: { baseUrl: "https://crm.example.com", retry: { maxAttempts: 1 }, breaker },
      mail: { baseUrl: "https://mail.example.com" },
    },
    store: async () => store,
    transport: async () => {
      await clock.advance(0);
      return self.answer();
    },
    clock,
    random: () => 0.5,
    ...options,
  });
  return Object.assign(self, { hf, clock });
}

const read = (hf: Holdfast, api = "crm"): Promise<unknown> =>
  hf
    .fetch(api)("/contacts")
    .catch((error: unknown) => error);

async function counted(hf: Holdfast, window: string | undefined = "1h"): Promise<Record<string, number[]>> {
  const { items } = await (hf.history as NonNullable<Holdfast["history"]>).apis(window === undefined ? {} : { window: window as "1h" });
  return Object.fromEntries(items.map(({ api, points }) => [api, points.map(({ calls }) => calls)]));
}

function sumOf(numbers: readonly number[] = []): number {
  return numbers.reduce((sum, number) => sum + number, 0);
}

describe("what happened lately", () => {
  it("is counted in steps of time, by API, the step under way included", async () => {
    const { hf, clock } = await process(await sharedStore());
    await read(hf);
    await read(hf, "mail");
    await clock.advance("2m");
    await read(hf);
    await read(hf);
    const { from, to, stepMs, items } = await (hf.history as NonNullable<Holdfast["history"]>).apis({ window: "5m" });
    expect([stepMs, to - from]).toEqual([10_000, 310_000]);
    const [crm, mail] = items;
    expect([crm?.api, mail?.api]).toEqual(["crm", "mail"]);
    expect(crm?.points.filter(({ calls }) => calls > 0).map(({ at, calls, verdicts }) => [at - T0, calls, verdicts])).toEqual([
      [0, 1, { success: 1 }],
      [120_000, 2, { success: 2 }],
    ]);
    expect(crm?.points.at(-1)?.p95).toBeGreaterThan(0);
    expect(crm?.points[0]?.p50).toBeNull();
    await hf.close();
  });

  it("outlives its process, and those of several processes over a store are added up", async () => {
    const store = await sharedStore();
    const first = await process(store);
    for (let call = 0; call < 3; call += 1) await read(first.hf);
    await first.hf.close();
    const second = await process(store);
    await read(second.hf);
    await second.clock.advance("11s");
    const third = await process(store, {}, second.clock);
    await read(third.hf);
    expect(sumOf((await counted(third.hf))["crm"])).toBe(5);
    expect(sumOf((await counted(third.hf, "24h"))["crm"])).toBe(5);
    // The one that is asked knows what it has not written yet; the other's is there after ten seconds.
    expect(sumOf((await counted(second.hf))["crm"])).toBe(4);
    await third.clock.advance("11s");
    expect(sumOf((await counted(second.hf))["crm"])).toBe(5);
    await second.hf.close();
    await third.hf.close();
  });

  it("keeps a day, and no more", async () => {
    const store = await sharedStore();
    const { hf, clock } = await process(store);
    for (let hour = 0; hour < 30; hour += 1) {
      await read(hf);
      await clock.advance("1h");
    }
    expect(sumOf((await counted(hf, "24h"))["crm"])).toBe(24);
    expect(sumOf((await counted(hf, "1h"))["crm"])).toBe(1);
    const kept = await Promise.all(
      ["history-10s", "history-5m"].map(async (kind) => (await store.documents!.list(kind, { limit: 200 })).items.length),
    );
    expect(kept[0]).toBeLessThan(5);
    expect(kept[1]).toBeLessThan(30);
    await hf.close();
  });

  it("a process in which nothing happens writes nothing, and keeps no timer", async () => {
    const store = await sharedStore();
    const { hf, clock } = await process(store);
    const idle = clock.pending;
    await read(hf);
    expect(clock.pending).toBeGreaterThan(idle);
    await clock.advance("25s");
    expect(clock.pending).toBe(idle);
    const writes: unknown[] = [];
    const { write } = store.documents!;
    store.documents!.write = async (changes) => {
      writes.push(changes);
      return await write(changes);
    };
    await clock.advance("1h");
    expect(writes).toEqual([]);
    await hf.close();
  });

  it("tells how a breaker changed, and which lanes there are, to whoever opens the store later", async () => {
    const store = await sharedStore();
    const first = await process(store);
    first.answer = () => new Response("", { status: 503 });
    for (let call = 0; call < 5; call += 1) await read(first.hf);
    await first.clock.advance("40s");
    first.answer = () => Response.json({});
    await read(first.hf);
    await first.hf.close();

    const later = await process(store, { apis: {} }, first.clock);
    const lane = { api: "crm", endpoint: "GET /contacts", partition: "" };
    const { changes, points } = await later.hf.history!.lane(lane, { window: "10m" });
    expect(changes.map(({ at, from, to }) => [at - T0, from, to])).toEqual([
      [0, "closed", "open"],
      [40_000, "open", "half-open"],
      [40_000, "half-open", "closed"],
    ]);
    expect(changes[0]?.because).toContain("100 % of the last calls failed");
    expect(sumOf(points.map(({ verdicts }) => verdicts["transient"] ?? 0))).toBe(4);
    expect(sumOf(points.map(({ refused }) => refused))).toBe(1);
    expect(await later.hf.history!.lanes()).toMatchObject([{ ...lane, lastChange: { to: "closed" } }]);
    await later.hf.close();
  });

  it("knows what stood in the store, from the step in which it changed", async () => {
    const store = await sharedStore();
    const { hf, clock } = await process(store);
    await clock.advance("20s");
    for (const key of ["a", "b"]) await hf.enqueue("crm", "POST /contacts", { json: {}, key: [key], delay: "1h" });
    await read(hf);
    await clock.advance("60s");
    const { items } = await hf.history!.apis({ window: "2m" });
    const parked = items.find(({ api }) => api === "crm")?.points.map(({ standing }) => standing?.parked ?? null);
    expect(parked?.slice(-8)).toEqual([null, 2, 2, 2, 2, 2, 2, 2]);
    await hf.close();
  });

  it("a store that fails meanwhile gets it later", async () => {
    const store = await sharedStore();
    const { hf, clock } = await process(store);
    const { write } = store.documents!;
    let failing = true;
    const failures: unknown[] = [];
    hf.on("store:failed", ({ error }) => failures.push(error));
    store.documents!.write = async (changes) => {
      if (failing) throw new Error("disk full");
      return await write(changes);
    };
    await read(hf);
    await clock.advance("15s");
    expect(failures.length).toBeGreaterThan(0);
    failing = false;
    await read(hf);
    await clock.advance("15s");
    const other = await process(store, {}, clock);
    expect(sumOf((await counted(other.hf))["crm"])).toBe(2);
    await hf.close();
    await other.hf.close();
  });

  it("is off where it was switched off or nothing is kept, and windows are bounded", async () => {
    const store = await sharedStore();
    expect((await process(store, { history: false })).hf.history).toBeUndefined();
    await expect(createHoldfast({ apis: {}, history: true })).rejects.toThrow("there is no store to keep it in");
    await expect(createHoldfast({ apis: {}, history: "yes" as never })).rejects.toThrow('history is "yes"; give true or false');
    const { hf } = await process(store);
    await expect(hf.history!.apis({ window: "2d" })).rejects.toThrow('history.window is "2d"; give more than nothing and at most "24h"');
    await hf.close();
  });
});
