import { describe, expect, it } from "vitest";
import { memory } from "../../src/adapters/store/memory/index.ts";
import { manualClock } from "../../src/testing/manual-clock.ts";
import { bench, CRM, gate, hang, KEYED, turn, type Sent } from "./bench.ts";

const slow =
  (clock: ReturnType<typeof manualClock>, ms: number) =>
  ({ signal }: Sent): Promise<Response> =>
    new Promise((resolve, reject) => {
      const timer = clock.setTimer(() => resolve(Response.json({ late: true })), ms);
      signal.addEventListener("abort", () => {
        clock.clearTimer(timer);
        reject(signal.reason as Error);
      });
    });

describe("close()", () => {
  it("lets what is under way end within its grace, and takes nothing new", async () => {
    const clock = manualClock();
    const store = memory();
    const { hf, sent, close } = await bench({ clock, store, answer: slow(clock, 5_000), worker: { concurrency: 4, laneConcurrency: 4 } });
    await Promise.all(Array.from({ length: 10 }, (_, index) => hf.enqueue("crm", "POST /contacts", { json: index })));
    await turn(clock);
    expect(sent).toHaveLength(4);
    const before = clock.monotonic();
    await close("10s");
    expect(clock.monotonic() - before).toBe(5_000);
    const after = await bench({ clock, store });
    expect(await after.hf.operations.stats()).toMatchObject({ succeeded: 4, ready: 6, leased: 0, parked: 0, dead: 0 });
    after.hf.work();
    await after.until(async () => (await after.hf.operations.stats()).succeeded === 10);
    expect(after.sent).toHaveLength(6);
    await after.close();
  });

  it("then aborts: what may be sent again is handed back, the rest is in doubt and says so", async () => {
    const clock = manualClock();
    const store = memory();
    const apis = { keyed: { ...KEYED, baseUrl: "https://keyed.test" }, blind: { ...CRM, baseUrl: "https://blind.test" } };
    const { hf, sent, close } = await bench({ clock, store, apis, answer: hang });
    const keyed = await hf.enqueue("keyed", "POST /contacts", { json: 1 });
    const blind = await hf.enqueue("blind", "POST /contacts", { json: 2 });
    await turn(clock);
    expect(sent).toHaveLength(2);
    const before = clock.monotonic();
    await close("3s");
    expect(clock.monotonic() - before).toBe(3_000);
    expect(sent.every(({ signal }) => signal.aborted)).toBe(true);
    const after = await bench({ clock, store, apis });
    expect(await after.hf.operations.get(keyed.id)).toMatchObject({ state: "ready", attempts: [{ verdict: { kind: "cancelled" } }] });
    expect(await after.hf.deadLetters.get(blind.id)).toMatchObject({
      reason: "outcome-unknown",
      attempts: [{ verdict: { kind: "cancelled", effect: "unknown" } }],
    });
    after.hf.work();
    await after.until(async () => (await after.hf.operations.get(keyed.id)).state === "succeeded");
    expect(after.sent.map(({ key }) => key)).toEqual([keyed.id]);
    await after.close();
  });

  it("then aborts: what has a reconcile is asked by the next process", async () => {
    const clock = manualClock();
    const store = memory();
    const apis = { crm: { ...CRM, endpoints: { "POST /contacts": { reconcile: async () => ({ happened: true }) as const } } } };
    const { hf, close } = await bench({ clock, store, apis, answer: hang });
    const { id } = await hf.enqueue("crm", "POST /contacts", { json: 1 });
    await turn(clock);
    await close(0);
    const after = await bench({ clock, store, apis });
    after.hf.work();
    await after.until(async () => (await after.hf.operations.get(id)).state === "succeeded");
    expect(after.sent).toHaveLength(0);
    await after.close();
  });

  it("hands back what was not on its way yet, and that is no doubt", async () => {
    const clock = manualClock();
    const store = memory();
    const token = gate<string>();
    const apis = { crm: { ...CRM, auth: { type: "bearer", token: () => token.promise } as const } };
    const { hf, sent, close } = await bench({ clock, store, apis });
    const { id } = await hf.enqueue("crm", "POST /contacts", { json: 1 });
    await turn(clock);
    await close("1s");
    token.resolve("too late for this process");
    await turn(clock);
    expect(sent).toHaveLength(0);
    const after = await bench({ clock, store });
    expect((await after.hf.operations.get(id)).state).toBe("ready");
    after.hf.work();
    await after.until(async () => (await after.hf.operations.get(id)).state === "succeeded");
    await after.close();
  });

  it("hands back what a claim brings that was under way", async () => {
    const clock = manualClock();
    const store = memory();
    const door = gate();
    const claiming = gate();
    const { hf, sent } = await bench({
      clock,
      store,
      between: (operations) => ({
        ...operations,
        async claim(request) {
          const claimed = await operations.claim(request);
          claiming.resolve();
          await door.promise;
          return claimed;
        },
      }),
    });
    const { id } = await hf.enqueue("crm", "POST /contacts", { json: 1 });
    await claiming.promise;
    const closing = hf.close();
    await turn(clock);
    door.resolve();
    await closing;
    expect(sent).toHaveLength(0);
    const after = await bench({ clock, store });
    expect(await after.hf.operations.get(id)).toMatchObject({ state: "ready", attempts: [] });
    await after.close();
  });

  it("does not wait for ever for a store that hangs; what was done is in doubt then, and not lost", async () => {
    const clock = manualClock();
    const store = memory();
    const { hf, close } = await bench({
      clock,
      store,
      between: (operations) => ({ ...operations, settle: () => new Promise(() => undefined) }),
      apis: { crm: KEYED },
    });
    const { id } = await hf.enqueue("crm", "POST /contacts", { json: 1 });
    await turn(clock);
    const before = clock.monotonic();
    await close("1s");
    expect(clock.monotonic() - before).toBeLessThan(20_000);
    const after = await bench({ clock, store, apis: { crm: KEYED } });
    after.hf.work();
    await after.until(async () => (await after.hf.operations.get(id)).state === "succeeded");
    await after.close();
  });

  it("refuses what comes later, lets go of who waits, and may be called twice", async () => {
    const { hf, clock, close } = await bench({ answer: hang });
    const operation = await hf.enqueue("crm", "POST /contacts", { json: 1 });
    const later = await hf.enqueue("crm", "POST /contacts", { json: 2, delay: "1h" });
    await turn(clock);
    const waiting = Promise.allSettled([later.result()]);
    const again = hf.close({ grace: 0 });
    await close(0);
    await again;
    expect(await waiting).toMatchObject([{ status: "rejected", reason: { code: "closed" } }]);
    await expect(hf.enqueue("crm", "POST /contacts", {})).rejects.toMatchObject({ code: "closed" });
    await expect(operation.result()).rejects.toMatchObject({ code: "closed" });
    expect(() => hf.work()).toThrow(expect.objectContaining({ code: "closed" }));
    expect(clock.pending).toBe(0);
  });
});
