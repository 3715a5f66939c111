import { describe, expect, it } from "vitest";
import { memory } from "../../src/adapters/store/memory/index.ts";
import { manualClock } from "../../src/testing/manual-clock.ts";
import { bench, CRM, gate, KEYED, reset, turn } from "./bench.ts";

describe("result()", () => {
  it("gives the answer as it came, any number of times", async () => {
    const { hf, close, during } = await bench({
      answer: () => Response.json({ id: 7 }, { status: 201, headers: { "x-request-id": "theirs", location: "/contacts/7" } }),
    });
    const operation = await hf.enqueue("crm", "POST /contacts", { json: 1 });
    const answers = [await during(operation.result()), await operation.result(), await hf.operations.result(operation.id)];
    for (const answer of answers) {
      expect(answer.status).toBe(201);
      expect(answer.headers.get("location")).toBe("/contacts/7");
      expect(await answer.json()).toEqual({ id: 7 });
    }
    expect(await hf.operations.get(operation.id)).toMatchObject({ attempts: [{ upstreamRequestId: "theirs" }] });
    await close();
  });

  it("comes to who waits in another process, though nobody tells it", async () => {
    const store = memory();
    const clock = manualClock();
    const door = gate();
    const worker = await bench({
      store,
      clock,
      answer: async () => {
        await door.promise;
        return Response.json({ id: 7 });
      },
    });
    const { id } = await worker.hf.enqueue("crm", "POST /contacts", { json: 1 });
    const other = await bench({ store, clock });
    const waiting = other.hf.operations.result(id);
    await clock.advance("2s");
    door.resolve();
    await clock.advance("1s");
    expect(await (await waiting).json()).toEqual({ id: 7 });
    await worker.close();
    await other.close();
  });

  it("is the head alone where the answer was long", async () => {
    const { hf, close, during } = await bench({
      answer: () => Response.json({ text: "x".repeat(100_000) }, { headers: { "x-total": "1" } }),
    });
    const operation = await hf.enqueue("crm", "POST /export", { json: 1 });
    const answer = await during(operation.result());
    expect(answer.headers.get("holdfast-body-not-kept")).toBe("true");
    expect(answer.headers.get("x-total")).toBe("1");
    expect(await answer.text()).toBe("");
    await close();
  });

  it("is told to hundreds who wait, with few looks at the store", async () => {
    let looks = 0;
    const door = gate();
    const { hf, close, clock } = await bench({
      between: (store) => ({
        ...store,
        get: async (id) => {
          looks += 1;
          return await store.get(id);
        },
      }),
      answer: async () => {
        await door.promise;
        return Response.json({});
      },
    });
    const operations = await Promise.all(Array.from({ length: 300 }, (_, index) => hf.enqueue("crm", "POST /contacts", { json: index })));
    const results = Promise.all(operations.map((operation) => operation.result()));
    await clock.advance("10s");
    expect(looks).toBeLessThanOrEqual(300 + 20 * 100);
    door.resolve();
    await clock.advance("1s");
    expect(await results).toHaveLength(300);
    expect(clock.pending).toBeLessThan(5);
    await close();
  });

  it("ends with its caller's signal, and the wait leaves nothing behind", async () => {
    const { hf, close, clock } = await bench();
    const operation = await hf.enqueue("crm", "POST /contacts", { json: 1, delay: "1h" });
    const leaving = new AbortController();
    const waiting = Promise.allSettled([operation.result({ signal: leaving.signal })]);
    await turn(clock);
    leaving.abort(new Error("enough"));
    expect(await waiting).toMatchObject([{ status: "rejected", reason: { message: "enough" } }]);
    await expect(operation.result({ signal: leaving.signal })).rejects.toThrow("enough");
    await close();
  });

  it("of what nobody knows is an error", async () => {
    const { hf, close } = await bench();
    await expect(hf.operations.result("0195b7a0-0000-7000-8000-000000000000")).rejects.toMatchObject({ code: "not-found" });
    await expect(hf.operations.get("0195b7a0-0000-7000-8000-000000000000")).rejects.toMatchObject({ code: "not-found" });
    await close();
  });
});

describe("what people may do with the queue", () => {
  it("cancel: what has not started never starts; what is under way is not sent again", async () => {
    const clock = manualClock();
    const { hf, sent, close, until } = await bench({
      clock,
      apis: { crm: { ...KEYED, concurrency: 1, retry: { backoff: { base: "5s", jitter: "none" } } } },
      answer: () => new Promise((_resolve, reject) => clock.setTimer(() => reject(new TypeError("fetch failed")), 1_000)),
    });
    const underWay = await hf.enqueue("crm", "POST /contacts", { json: "under way" });
    await until(() => sent.length === 1);
    const ready = await hf.enqueue("crm", "POST /contacts", { json: "ready" });
    const parked = await hf.enqueue("crm", "POST /contacts", { json: "parked", delay: "1h" });
    const gone = "0195b7a0-0000-7000-8000-000000000000";
    expect(await hf.operations.cancel([underWay.id, ready.id, parked.id, gone, ready.id], "the customer asked")).toEqual([
      "requested",
      "cancelled",
      "cancelled",
      "missing",
      "ended",
    ]);
    await expect(ready.result()).rejects.toMatchObject({
      code: "operation-failed",
      state: "cancelled",
      because: { detail: "the customer asked" },
    });
    await clock.advance("1m");
    expect(sent).toHaveLength(1);
    expect(await hf.operations.get(underWay.id)).toMatchObject({ state: "cancelled", attempts: [{ attempt: 1 }] });
    await expect(underWay.result()).rejects.toMatchObject({ state: "cancelled" });
    await close();
  });

  it("pause and resume a lane, in every process", async () => {
    const store = memory();
    const clock = manualClock();
    const [one, two] = await Promise.all([bench({ store, clock }), bench({ store, clock })]);
    const lane = { api: "crm", endpoint: "POST /contacts", partition: "" };
    await one.hf.operations.pause(lane);
    two.hf.work();
    await Promise.all([1, 2, 3].map((n) => one.hf.enqueue("crm", "POST /contacts", { json: n })));
    const other = await one.hf.enqueue("crm", "POST /elsewhere", { json: 1 });
    await one.during(other.result());
    await clock.advance("1m");
    expect([...one.sent, ...two.sent].map(({ path }) => path)).toEqual(["/elsewhere"]);
    expect(await one.hf.operations.backlog()).toMatchObject([{ ...lane, due: 3, paused: true }]);
    await two.hf.operations.resume(lane);
    await one.until(async () => (await one.hf.operations.stats()).succeeded === 4);
    await one.close();
    await two.close();
  });

  it("list by label, state and key; stats; backlog", async () => {
    const { hf, close, clock, until } = await bench({ answer: ({ body }) => (body === "bad" ? reset() : Response.json({})) });
    await hf.enqueue("crm", "POST /contacts", { json: "good", labels: { campaign: "q4", lead: "1" }, key: "k1" });
    await hf.enqueue("crm", "POST /contacts", { json: "bad", labels: { campaign: "q4", lead: "2" } });
    await hf.enqueue("crm", "POST /contacts", { json: "later", labels: { campaign: "q3" }, delay: "1h" });
    await until(async () => (await hf.operations.stats()).dead === 1);
    expect(await hf.operations.stats()).toEqual({ ready: 0, leased: 0, parked: 1, succeeded: 1, dead: 1, cancelled: 0 });
    const found = await hf.operations.list({ labels: { campaign: "q4" } });
    expect(found.items.map(({ operation, state }) => [operation.labels["lead"], state])).toEqual([
      ["2", "dead"],
      ["1", "succeeded"],
    ]);
    expect((await hf.operations.list({ idempotencyKey: "k1" })).items).toHaveLength(1);
    expect((await hf.operations.list({}, { limit: 2 })).next).not.toBeNull();
    expect(await hf.operations.backlog()).toMatchObject([{ parked: 1, due: 0, nextDueAt: clock.now() - clock.monotonic() + 3_600_000 }]);
    await close();
  });

  it("ended operations are swept when their time to be kept is over", async () => {
    const { hf, close, clock, during } = await bench({ apis: { crm: { ...CRM, idempotency: { ttl: "1h" } } } });
    const operation = await hf.enqueue("crm", "POST /contacts", { json: 1, key: "once" });
    await during(operation.result());
    await clock.advance("59m");
    expect((await hf.operations.get(operation.id)).state).toBe("succeeded");
    await clock.advance("3m");
    await expect(hf.operations.get(operation.id)).rejects.toMatchObject({ code: "not-found" });
    expect((await hf.enqueue("crm", "POST /contacts", { json: 1, key: "once" })).known).toBe(false);
    await close(0);
  });
});
