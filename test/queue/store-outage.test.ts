import { describe, expect, it } from "vitest";
import { StoreError } from "../../src/core/errors.ts";
import type { OperationStore } from "../../src/ports/operation-store.ts";
import { manualClock } from "../../src/testing/manual-clock.ts";
import { bench, CRM, KEYED } from "./bench.ts";

/** A store whose verbs fail while `down` says so; after they were done, or before. */
function failing(down: Set<string>, calls: Map<string, number>, when: "before" | "after") {
  return (store: OperationStore): OperationStore => {
    const wrapped: Record<string, unknown> = { ...store };
    for (const [name, verb] of Object.entries(store) as [string, (...args: unknown[]) => unknown][]) {
      if (name === "onWork") continue;
      wrapped[name] = async (...args: unknown[]): Promise<unknown> => {
        calls.set(name, (calls.get(name) ?? 0) + 1);
        if (!down.has(name)) return await verb(...args);
        if (when === "after") await verb(...args);
        throw new StoreError("the connection to the store is gone");
      };
    }
    return wrapped as unknown as OperationStore;
  };
}

describe.each(["before", "after"] as const)("a store that fails for a while, %s it has done its work", (when) => {
  for (const verb of ["backlog", "claim", "settle", "extend", "reap", "get", "sweep"]) {
    it(`${verb}: loses nothing, doubles nothing, and is not asked without end`, async () => {
      const down = new Set<string>();
      const calls = new Map<string, number>();
      const attempts = new Map<string, number>();
      const clock = manualClock();
      const { hf, sent, close, until, events } = await bench({
        clock,
        apis: { crm: { ...KEYED, retry: { backoff: { base: "1s", jitter: "none" } } } },
        worker: { lease: "10s" },
        between: failing(down, calls, when),
        answer: ({ key, nth }): Response | Promise<Response> => {
          attempts.set(key ?? "", (attempts.get(key ?? "") ?? 0) + 1);
          if (nth > 1) return Response.json({});
          return new Promise((_resolve, reject) => clock.setTimer(() => reject(new TypeError("fetch failed")), 5_000));
        },
      });
      const first = await Promise.all(Array.from({ length: 20 }, (_, index) => hf.enqueue("crm", "POST /contacts", { json: index })));
      down.add(verb);
      calls.clear();
      const second = await Promise.all(
        Array.from({ length: 20 }, (_, index) => hf.enqueue("crm", "POST /contacts", { json: 100 + index })),
      );
      await clock.advance("1m");
      // Each operation's own settle is tried again and again, in batches; anything else far less.
      expect(calls.get(verb) ?? 0).toBeLessThan(["settle", "get"].includes(verb) ? 2_000 : 200);
      expect(verb === "sweep" || events.some(({ name }) => name === "store:failed")).toBe(true);
      down.clear();
      await until(async () => (await hf.operations.stats()).succeeded === 40, 600_000);
      for (const { id } of [...first, ...second]) expect(attempts.get(id)).toBeGreaterThanOrEqual(2);
      // Only where what was done could not be told in time may it have been sent once more, under its key.
      const most = verb === "settle" ? 160 : 80;
      expect(sent.length).toBeGreaterThanOrEqual(80);
      expect(sent.length).toBeLessThanOrEqual(most);
      const views = await Promise.all([...first, ...second].map(({ id }) => hf.operations.get(id)));
      expect(views.every(({ state }) => state === "succeeded")).toBe(true);
      await close();
    });
  }
});

describe("a store that fails while a write of a key-blind API is on its way", () => {
  it.each(["settle", "get", "extend"])("%s: it is not sent again", async (verb) => {
    const down = new Set<string>();
    const clock = manualClock();
    const { hf, sent, close, until } = await bench({
      clock,
      apis: { crm: CRM },
      worker: { lease: "5s" },
      between: failing(down, new Map(), "before"),
      answer: async () => {
        down.add(verb);
        return await new Promise((_resolve, reject) => clock.setTimer(() => reject(new TypeError("fetch failed")), 1_000));
      },
    });
    const { id } = await hf.enqueue("crm", "POST /contacts", { json: 1 });
    await clock.advance("30s");
    down.clear();
    await until(async () => (await hf.operations.get(id)).state === "dead");
    expect(sent).toHaveLength(1);
    expect(await hf.deadLetters.get(id)).toMatchObject({ reason: "outcome-unknown" });
    await close();
  });
});

describe("a store that takes no settlements", () => {
  it("is not buried under what waits to be written: the lane stops at twice what it may carry out", async () => {
    const down = new Set(["settle"]);
    const { hf, sent, close, until, clock } = await bench({
      between: failing(down, new Map(), "before"),
      worker: { laneConcurrency: 10, concurrency: 40 },
    });
    await Promise.all(Array.from({ length: 100 }, (_, index) => hf.enqueue("crm", "POST /contacts", { json: index })));
    await clock.advance("30s");
    expect(sent).toHaveLength(20);
    down.clear();
    await until(async () => (await hf.operations.stats()).succeeded === 100);
    expect(sent).toHaveLength(100);
    await close();
  });
});

describe("a claim whose answer is lost", () => {
  it("is no doubt: what it leased is handed back by the one who knows that nothing was sent", async () => {
    const down = new Set(["claim"]);
    const { hf, sent, close, until, clock } = await bench({ between: failing(down, new Map(), "after"), worker: { lease: "30s" } });
    const operations = await Promise.all(Array.from({ length: 5 }, (_, index) => hf.enqueue("crm", "POST /contacts", { json: index })));
    await clock.advance("3s");
    expect(sent).toHaveLength(0);
    down.clear();
    await until(async () => (await hf.operations.stats()).succeeded === 5);
    // Without waiting for any lease.
    expect(clock.monotonic()).toBeLessThan(10_000);
    expect(sent).toHaveLength(5);
    expect((await hf.operations.get(operations[0]!.id)).attempts).toHaveLength(1);
    await close();
  });
});

describe("a settlement that the store will never take", () => {
  it("does not keep others from being written", async () => {
    const { hf, close, until } = await bench({
      between: (store) => ({
        ...store,
        async settle(settlements) {
          for (const { outcome } of settlements) {
            if (outcome.state === "dead" && outcome.letter.labels["bad"] === "yes") throw new StoreError("no such byte in UTF-8");
          }
          return await store.settle(settlements);
        },
      }),
      answer: ({ body }) => Response.json({}, { status: body === "bad" ? 422 : 200 }),
    });
    const bad = await hf.enqueue("crm", "POST /contacts", { json: "bad", labels: { bad: "yes" } });
    await Promise.all(Array.from({ length: 49 }, (_, index) => hf.enqueue("crm", "POST /contacts", { json: index })));
    await until(async () => (await hf.operations.stats()).succeeded === 49, 60_000);
    expect((await hf.operations.get(bad.id)).state).toBe("leased");
    await close(0);
  });
});

describe("enqueue", () => {
  it("fails when the store does: nothing is acknowledged that is not kept", async () => {
    const down = new Set(["accept"]);
    const { hf, close, until } = await bench({ between: failing(down, new Map(), "before") });
    await expect(hf.enqueue("crm", "POST /contacts", { json: 1 })).rejects.toMatchObject({ code: "store" });
    down.clear();
    const { known } = await hf.enqueue("crm", "POST /contacts", { json: 1, key: ["1"] });
    expect(known).toBe(false);
    await until(async () => (await hf.operations.stats()).succeeded === 1);
    await close();
  });

  it("that failed after the commit can be repeated under its key", async () => {
    const down = new Set(["accept"]);
    const { hf, sent, close, until } = await bench({ between: failing(down, new Map(), "after") });
    await expect(hf.enqueue("crm", "POST /contacts", { json: 1, key: ["1"] })).rejects.toMatchObject({ code: "store" });
    down.clear();
    expect((await hf.enqueue("crm", "POST /contacts", { json: 1, key: ["1"] })).known).toBe(true);
    await until(async () => (await hf.operations.stats()).succeeded === 1);
    expect(sent).toHaveLength(1);
    await close();
  });
});
