import { describe, expect, it } from "vitest";
import { bench, CRM, gate } from "./bench.ts";

const ONE_BY_ONE = { crm: { ...CRM, concurrency: 1 } };

describe("the order of a lane", () => {
  it("is that of priority, then of acceptance", async () => {
    const door = gate();
    const order: unknown[] = [];
    const { hf, close, until } = await bench({
      apis: ONE_BY_ONE,
      answer: async ({ body }) => {
        order.push(body);
        await door.promise;
        return Response.json({});
      },
    });
    await hf.enqueue("crm", "POST /x", { json: "under way" });
    await until(() => order.length === 1);
    for (const [name, priority] of Object.entries({ a: 0, b: -1, c: 5, d: 0, e: 5 }))
      await hf.enqueue("crm", "POST /x", { json: name, priority });
    door.resolve();
    await until(() => order.length === 6);
    expect(order.slice(1)).toEqual(["c", "e", "a", "d", "b"]);
    await close();
  });

  it("goes round its flows, so that a flood of one does not starve another", async () => {
    const order: string[] = [];
    const { hf, close, until } = await bench({
      apis: { crm: { ...CRM, rateLimit: { limit: 10, per: "1s", burst: 1 } } },
      answer: ({ body }) => {
        order.push(body as string);
        return Response.json({});
      },
    });
    await Promise.all(Array.from({ length: 500 }, (_, index) => hf.enqueue("crm", "POST /x", { json: `flood ${index}`, flow: "flood" })));
    await Promise.all(Array.from({ length: 5 }, (_, index) => hf.enqueue("crm", "POST /x", { json: `drop ${index}`, flow: "drop" })));
    await until(() => order.filter((body) => body.startsWith("drop")).length === 5);
    expect(order.length).toBeLessThanOrEqual(12);
    await close(0);
  });

  it("lets nothing go before its time", async () => {
    const { hf, sent, close, until, clock } = await bench();
    const before = clock.monotonic();
    await hf.enqueue("crm", "POST /x", { json: "later", delay: "90s" });
    await hf.enqueue("crm", "POST /x", { json: "now" });
    await until(() => sent.length === 2);
    expect(sent.map(({ at, body }) => [body, at - before])).toEqual([
      ["now", 0],
      ["later", 90_000],
    ]);
    await close();
  });
});
