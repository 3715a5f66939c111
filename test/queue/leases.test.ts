import { describe, expect, it } from "vitest";
import { memory } from "../../src/adapters/store/memory/index.ts";
import type { OperationStore } from "../../src/ports/operation-store.ts";
import { manualClock } from "../../src/testing/manual-clock.ts";
import { bench, CRM, Freezer, gate, KEYED, turn, type Bench } from "./bench.ts";

/** One holder is stopped past its lease, another works on the same operation, and then the first one wakes up with an answer. */
async function twoHolders(change: (store: OperationStore) => OperationStore): Promise<{ id: string; stopped: Bench; other: Bench }> {
  const clock = manualClock();
  const store = memory();
  const freezer = new Freezer();
  const common = { apis: { crm: KEYED }, clock, store, worker: { lease: "5s" } } as const;
  const [first, second] = [gate<Response>(), gate<Response>()];
  const stopped = await bench({ ...common, between: (kept) => freezer.between(change(kept)), answer: () => first.promise });
  const { id } = await stopped.hf.enqueue("crm", "POST /contacts", { json: 1 });
  await turn(clock);
  freezer.freeze();
  const other = await bench({ ...common, answer: () => second.promise });
  other.hf.work();
  await other.until(() => other.sent.length === 1);
  first.resolve(Response.json({ message: "no" }, { status: 422 }));
  await turn(clock);
  freezer.thaw();
  await turn(clock);
  second.resolve(Response.json({ by: "other" }));
  await turn(clock);
  await stopped.close();
  await other.close();
  return { id, stopped, other: await bench({ ...common }) };
}

describe("a lease", () => {
  it("is extended as long as the attempt lasts", async () => {
    const clock = manualClock();
    const store = memory();
    const slow = await bench({
      apis: { crm: CRM },
      clock,
      store,
      worker: { lease: "30s" },
      answer: () => new Promise((resolve) => clock.setTimer(() => resolve(Response.json({})), 600_000)),
    });
    const other = await bench({ apis: { crm: CRM }, clock, store, worker: { lease: "30s" } });
    const operation = await slow.hf.enqueue("crm", "POST /contacts", { json: 1 });
    await turn(clock);
    other.hf.work();
    expect((await slow.during(operation.result())).status).toBe(200);
    expect([slow.sent.length, other.sent.length]).toEqual([1, 0]);
    expect((await slow.hf.operations.get(operation.id)).attempts).toHaveLength(1);
    await slow.close();
    await other.close();
  });

  it("that ran out: its holder settles, and changes nothing", async () => {
    const { id, stopped, other } = await twoHolders((store) => store);
    expect(stopped.events.filter(({ name }) => name === "operation:settled").map(({ event }) => event)).toEqual([
      {
        id,
        lane: { api: "crm", endpoint: "POST /contacts", partition: "" },
        state: "dead",
        applied: false,
        ageMs: expect.any(Number) as number,
      },
    ]);
    expect(stopped.events.some(({ name }) => name === "dead-letter:added")).toBe(false);
    expect(await other.hf.operations.get(id)).toMatchObject({ state: "succeeded", attempts: [{ attempt: 1 }] });
    expect((await other.hf.deadLetters.list()).items).toEqual([]);
    expect(await (await other.hf.operations.result(id)).json()).toEqual({ by: "other" });
  });

  it("that ran out, with a settle that is not fenced: then it would bury what another has done", async () => {
    const { id, other } = await twoHolders((store) => ({
      ...store,
      settle: async ([settlement]) => {
        const { claim } = (await store.get(settlement!.id))!;
        return await store.settle([{ ...settlement!, claim }]);
      },
    }));
    expect((await other.hf.operations.get(id)).state).toBe("dead");
  });

  it("that ran out before anything was sent: nothing is sent, by any clock", async () => {
    for (const kind of ["stopped process", "stepped clock"] as const) {
      const clock = manualClock();
      const store = memory();
      const freezer = new Freezer();
      const token = gate<string>();
      const test = await bench({
        apis: { crm: { ...CRM, auth: { type: "bearer", token: () => token.promise } } },
        clock,
        store,
        between: freezer.between,
        worker: { lease: "5s" },
      });
      const { id } = await test.hf.enqueue("crm", "POST /contacts", { json: 1 });
      await turn(clock);
      freezer.freeze();
      // It stops between its claim and the wire.
      if (kind === "stopped process") await clock.advance("20s");
      else clock.stepWall(20_000);
      token.resolve("a token that took its time");
      await turn(clock);
      expect(test.sent, kind).toHaveLength(0);
      freezer.thaw();
      // Handed back unused; the next claim sends it.
      await test.until(async () => (await test.hf.operations.get(id)).state !== "leased", 60_000);
      await test.until(async () => ["succeeded", "dead"].includes((await test.hf.operations.get(id)).state), 60_000);
      expect(test.sent.length, kind).toBeLessThanOrEqual(1);
      await test.close();
    }
  });

  it("of another process is not taken back while it lives", async () => {
    const clock = manualClock();
    const store = memory();
    const doors = gate();
    const apis = { crm: CRM };
    const answer = async (): Promise<Response> => {
      await doors.promise;
      return Response.json({});
    };
    const both = await Promise.all([0, 1].map(() => bench({ apis, clock, store, answer, worker: { lease: "3s", laneConcurrency: 5 } })));
    for (const { hf } of both) hf.work();
    await Promise.all(Array.from({ length: 8 }, (_, index) => both[0]!.hf.enqueue("crm", "POST /contacts", { json: index })));
    await clock.advance("1m");
    doors.resolve();
    await both[0]!.until(async () => (await both[0]!.hf.operations.stats()).succeeded === 8);
    expect(both[0]!.sent.length + both[1]!.sent.length).toBe(8);
    expect(both.every(({ sent }) => sent.length > 0)).toBe(true);
    for (const { close } of both) await close();
  });
});
