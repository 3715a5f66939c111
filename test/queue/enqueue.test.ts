import { describe, expect, it } from "vitest";
import { memory } from "../../src/adapters/store/memory/index.ts";
import { createHoldfast } from "../../src/client/holdfast.ts";
import { manualClock } from "../../src/testing/manual-clock.ts";
import { bench, CRM, hang, KEYED, turn } from "./bench.ts";

describe("enqueue()", () => {
  it("keeps the request as it will be sent, and sends it so", async () => {
    const { hf, sent, close, during } = await bench({ apis: { crm: { ...CRM, keepHeaders: ["x-account"] } } });
    const operation = await hf.enqueue("crm", "POST /contacts?notify=no", {
      body: new URLSearchParams({ email: "a@x.test" }),
      headers: { "x-account": "7", "content-type": "application/x-www-form-urlencoded" },
      labels: { lead: "42" },
      partition: "seven",
      flow: "imports",
      priority: 3,
    });
    const { operation: kept } = await hf.operations.get(operation.id);
    expect(kept).toMatchObject({
      endpoint: "POST /contacts",
      partition: "seven",
      flow: "imports",
      priority: 3,
      labels: { lead: "42" },
      request: { method: "POST", url: "https://crm.test/contacts?notify=no" },
    });
    expect(Object.fromEntries(kept.request.headers)).toEqual({ "x-account": "7", "content-type": "application/x-www-form-urlencoded" });
    expect(new TextDecoder().decode(kept.request.body)).toBe("email=a%40x.test");

    const json = await hf.enqueue("crm", "PUT /contacts/7", { json: { name: "Ada" } });
    await during(json.result());
    const request = sent.find(({ method }) => method === "PUT");
    expect(request).toMatchObject({ path: "/contacts/7", body: { name: "Ada" } });
    expect(request?.headers.get("content-type")).toBe("application/json");
    expect(request?.headers.get("x-request-id")).toBe(json.id);
    await close(0);
  });

  it("takes one operation for each key: the same payload gets the first, another one is refused", async () => {
    const { hf, sent, close, during } = await bench({ apis: { crm: KEYED } });
    const first = await hf.enqueue("crm", "POST /contacts", { json: { email: "a", tags: [1, 2] }, key: ["a"] });
    const second = await hf.enqueue("crm", "POST /contacts", { json: { tags: [1, 2], email: "a" }, key: ["a"] });
    expect([first.known, second.known, second.id]).toEqual([false, true, first.id]);
    expect((await during(second.result())).status).toBe(201);
    const third = await hf.enqueue("crm", "POST /contacts", { json: { email: "a", tags: [1, 2] }, key: ["a"] });
    expect([third.known, third.id]).toEqual([true, first.id]);
    expect((await third.result()).status).toBe(201);
    await expect(hf.enqueue("crm", "POST /contacts", { json: { email: "b" }, key: ["a"] })).rejects.toMatchObject({
      code: "idempotency-mismatch",
    });
    expect(sent).toHaveLength(1);
    await close();
  });

  it("of fifty at a time shares one write", async () => {
    const batches: number[] = [];
    const { hf, close } = await bench({
      between: (store) => ({
        ...store,
        async accept(operations) {
          batches.push(operations.length);
          return await store.accept(operations);
        },
      }),
    });
    const operations = await Promise.all(
      Array.from({ length: 50 }, (_, index) => hf.enqueue("crm", "POST /contacts", { json: { index } })),
    );
    expect(batches).toEqual([50]);
    expect(new Set(operations.map(({ id }) => id)).size).toBe(50);
    await close(0);
  });

  it("stands in no task: neither its deadline nor its budget is that of what comes later", async () => {
    const clock = manualClock();
    const { hf, close, during } = await bench({
      clock,
      apis: { crm: { ...KEYED, retry: { maxAttempts: 3, backoff: { base: "10s", jitter: "none" } } } },
      answer: ({ nth }) => (nth < 3 ? Response.json({}, { status: 503 }) : Response.json({})),
    });
    const inside = await hf.task({ retries: 0, deadline: "1s" }, () => hf.enqueue("crm", "POST /contacts", { json: 1 }));
    const outside = await hf.enqueue("crm", "POST /contacts", { json: 2 });
    expect((await during(inside.result())).status).toBe(200);
    expect((await during(outside.result())).status).toBe(200);
    await close();
  });

  it.each([
    ["an unknown option", { jsn: {} }, "enqueue.jsn"],
    ["two bodies", { json: 1, body: "1" }, "enqueue.body"],
    ["a key that is empty", { key: "" }, "enqueue.key"],
    ["key parts that are empty", { key: [""] }, "key"],
    ["a key that is a number", { key: 7 }, "enqueue.key"],
    ["a priority that is no whole number", { priority: 1.5 }, "enqueue.priority"],
    ["a label that is no text", { labels: { lead: 42 } }, "enqueue.labels.lead"],
    ["a header that would be lost", { headers: { "x-secret": "s" } }, "enqueue.headers.x-secret"],
    ["JSON that is none", { json: 1n }, "enqueue.json"],
    ["a function as JSON", { json: () => 1 }, "enqueue.json"],
    ["a time over before it is due", { delay: "1m", expiresIn: "30s" }, "enqueue.expiresIn"],
    ["a partition that is no text", { partition: 7 }, "enqueue.partition"],
  ])("refuses %s, and names it", async (_what, options, path) => {
    const { hf, close } = await bench();
    await expect(hf.enqueue("crm", "POST /contacts", options as object)).rejects.toMatchObject({ code: "config", path });
    expect((await hf.operations.stats()).ready).toBe(0);
    await close();
  });

  it.each([
    ["GET /contacts", { json: 1 }, "enqueue.body"],
    ["/contacts", {}, "enqueue.endpoint"],
    ["post /contacts", {}, "enqueue.endpoint"],
    ["POST https://elsewhere.test/contacts", {}, "apis.crm.baseUrl"],
  ])("refuses %s", async (endpoint, options, path) => {
    const { hf, close } = await bench();
    await expect(hf.enqueue("crm", endpoint, options)).rejects.toMatchObject({ code: "config", path });
    await expect(hf.enqueue("nobody", "POST /x")).rejects.toMatchObject({ code: "unknown-api" });
    await close();
  });

  it("asks for a key where the API does", async () => {
    const { hf, close } = await bench({ apis: { crm: { ...CRM, idempotency: { required: true } } } });
    await expect(hf.enqueue("crm", "POST /contacts", { json: 1 })).rejects.toMatchObject({ code: "config", path: "enqueue.key" });
    await hf.enqueue("crm", "GET /contacts");
    await close(0);
  });

  it("needs a store with a queue", async () => {
    const store = memory();
    const hf = await createHoldfast({
      apis: { crm: CRM },
      store: async () => {
        const { operations: _queue, ...rest } = await store();
        return rest;
      },
    });
    await expect(hf.enqueue("crm", "POST /contacts")).rejects.toMatchObject({ code: "store" });
    await hf.close();
  });
});

describe("an operation of another process", () => {
  it("whose API is not defined here is left to those who know it", async () => {
    const store = memory();
    const clock = manualClock();
    const knows = await bench({ store, clock, apis: { crm: CRM, erp: { ...CRM, baseUrl: "https://erp.test" } }, answer: hang });
    await turn(clock);
    const other = await bench({ store, clock, apis: { erp: { ...CRM, baseUrl: "https://erp.test" } } });
    const mine = await other.hf.enqueue("erp", "POST /orders", { json: 1 });
    await other.during(mine.result());
    // Enqueued by a process that ends at once.
    const { id } = await knows.hf.enqueue("crm", "POST /contacts", { json: 1, delay: "1s" });
    await knows.close(0);
    await clock.advance("1m");
    expect((await other.hf.operations.get(id)).state).toBe("parked");
    expect(other.sent).toHaveLength(1);
    await other.close();
  });

  it("is not sent where its API has moved to: its credential would follow it", async () => {
    const store = memory();
    const clock = manualClock();
    const before = await bench({ store, clock, apis: { crm: { ...CRM, baseUrl: "https://old.test" } } });
    const { id } = await before.hf.enqueue("crm", "POST /contacts", { json: 1, delay: "1s" });
    await before.close();
    const after = await bench({
      store,
      clock,
      apis: { crm: { ...CRM, baseUrl: "https://new.test", auth: { type: "bearer", token: "secret" } } },
    });
    after.hf.work();
    await after.until(async () => (await after.hf.operations.get(id)).state === "dead");
    expect(after.sent).toHaveLength(0);
    expect(await after.hf.deadLetters.get(id)).toMatchObject({
      reason: "permanent",
      because: { detail: expect.stringContaining("https://old.test") as string },
    });
    await after.close();
  });
});
