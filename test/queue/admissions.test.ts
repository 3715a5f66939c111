import { describe, expect, it } from "vitest";
import type { OperationStore } from "../../src/ports/operation-store.ts";
import { rateExcess } from "../../src/testing/rate-excess.ts";
import { bench, CRM, gate, hang, turn, type Sent } from "./bench.ts";

/** Counts what is leased at most, and what was asked for at most. */
function watched(seen: { most: number; leased: number; claims: number }) {
  return (store: OperationStore): OperationStore => ({
    ...store,
    async claim(request) {
      const claimed = await store.claim(request);
      seen.claims += 1;
      seen.leased += claimed.length;
      seen.most = Math.max(seen.most, seen.leased);
      return claimed;
    },
    async settle(settlements) {
      const results = await store.settle(settlements);
      seen.leased -= settlements.length;
      return results;
    },
  });
}

describe("the worker claims only what its lane lets go", () => {
  it("no more than there are rate tokens, over any stretch of time", async () => {
    const seen = { most: 0, leased: 0, claims: 0 };
    const { hf, close, sent, until, clock } = await bench({
      apis: { crm: { ...CRM, rateLimit: { limit: 2, per: "1s", burst: 5 } } },
      between: watched(seen),
    });
    await Promise.all(Array.from({ length: 40 }, (_, index) => hf.enqueue("crm", "POST /contacts", { json: { index } })));
    await until(() => sent.length === 40);
    expect(seen.most).toBeLessThanOrEqual(5);
    expect(
      rateExcess(
        sent.map(({ at }) => at),
        { limit: 2, per: "1s", burst: 5 },
      ),
    ).toBe(0);
    // And no slower than it may: 5 at once, then two a second.
    expect(clock.monotonic()).toBeLessThanOrEqual(17_600);
    await close();
  });

  it("counts what an endpoint costs", async () => {
    const { hf, close, sent, clock } = await bench({
      apis: { crm: { ...CRM, rateLimit: { limit: 1, per: "1s", burst: 6 }, endpoints: { "POST /batch": { cost: 3 } } } },
    });
    await Promise.all(Array.from({ length: 5 }, (_, index) => hf.enqueue("crm", "POST /batch", { json: { index } })));
    await turn(clock);
    expect(sent).toHaveLength(2);
    await clock.advance("3s");
    expect(sent).toHaveLength(3);
    await close();
  });

  it("shares permits with calls that wait for their answer", async () => {
    let inFlight = 0;
    let most = 0;
    const doors: PromiseWithResolvers<void>[] = [];
    const answer = async (): Promise<Response> => {
      most = Math.max(most, (inFlight += 1));
      const door = gate();
      doors.push(door);
      await door.promise;
      inFlight -= 1;
      return Response.json({});
    };
    const { hf, close, sent, clock } = await bench({ apis: { crm: { ...CRM, concurrency: 3 } }, answer });
    const inline = [0, 1].map((index) => hf.fetch("crm")("/contacts", { method: "POST", body: JSON.stringify({ inline: index }) }));
    await turn(clock);
    await Promise.all(Array.from({ length: 5 }, (_, index) => hf.enqueue("crm", "POST /contacts", { json: { index } })));
    await turn(clock);
    expect(sent).toHaveLength(3);
    // A permit that an inline call gives back is found although nobody tells the worker.
    doors[0]?.resolve();
    await clock.advance(50);
    expect(sent).toHaveLength(4);
    for (let index = 1; index < 7; index += 1) {
      doors[index]?.resolve();
      await clock.advance(50);
    }
    await Promise.all(inline);
    expect(most).toBe(3);
    expect(sent).toHaveLength(7);
    await close();
  });

  it("gives back admissions that it found no work for", async () => {
    let hidden = 0;
    const { hf, close, sent, clock } = await bench({
      apis: { crm: { ...CRM, rateLimit: { limit: 1, per: "1h", burst: 3 } } },
      // Another process was faster: the backlog is there, the work is not.
      between: (store) => ({
        ...store,
        backlog: async (now) =>
          hidden > 0
            ? [{ api: "crm", endpoint: "POST /contacts", partition: "", due: 3, leased: 0, parked: 0, paused: false }]
            : store.backlog(now),
        claim: async (request) => {
          if (hidden === 0) return await store.claim(request);
          hidden -= 1;
          return [];
        },
      }),
    });
    hidden = 3;
    hf.work();
    await clock.advance("5s");
    expect(hidden).toBe(0);
    const answers = await Promise.all([1, 2, 3].map((n) => hf.fetch("crm")("/contacts", { method: "POST", body: `{"n":${n}}` })));
    expect(answers.map(({ status }) => status)).toEqual([201, 201, 201]);
    expect(sent).toHaveLength(3);
    await close();
  });

  it("does not hammer a store whose backlog and claims disagree", async () => {
    let claims = 0;
    let reads = 0;
    const { hf, close, clock } = await bench({
      between: (store) => ({
        ...store,
        async backlog() {
          reads += 1;
          return [{ api: "crm", endpoint: "POST /contacts", partition: "", due: 3, leased: 0, parked: 0, paused: false }];
        },
        async claim() {
          claims += 1;
          return [];
        },
      }),
    });
    hf.work();
    await clock.advance("1m");
    expect(claims).toBeLessThan(60);
    expect(reads).toBeLessThan(120);
    await close();
  });
});

describe("no lane holds up another", () => {
  const apis = {
    dead: { baseUrl: "https://dead.test", timeout: { attempt: "30s" } },
    well: { ...CRM, baseUrl: "https://well.test" },
  } as const;
  const answer = (request: Sent): Response | Promise<Response> =>
    request.path.startsWith("/dead") ? hang(request) : Response.json({ ok: true });

  it("a dead one with 10,000 items costs a healthy one no time, before and after its breaker opens", { timeout: 60_000 }, async () => {
    const { hf, close, clock, during, events } = await bench({ apis, answer });
    const lots = Array.from({ length: 10_000 }, (_, index) => hf.enqueue("dead", "POST /dead", { json: index }));
    await Promise.all(lots);
    const latencies: number[] = [];
    for (let round = 0; round < 60; round += 1) {
      const before = clock.monotonic();
      const operation = await hf.enqueue("well", "POST /well", { json: round });
      await during(operation.result());
      latencies.push(clock.monotonic() - before);
      await clock.advance("1s");
    }
    expect(Math.max(...latencies)).toBe(0);
    expect(events.some(({ name, event }) => name === "breaker:changed" && "to" in event && event.to === "open")).toBe(true);
    // What the dead lane had under way when it died is all that was tried, and its probes.
    expect((await hf.operations.stats()).ready).toBeGreaterThan(9_900);
    await close(0);
  });

  it("as many hanging lanes as could take every place leave some for a healthy one", async () => {
    const hanging = Object.fromEntries(
      Array.from(
        { length: 6 },
        (_, index) => [`dead${index}`, { baseUrl: `https://dead${index}.test`, breaker: false, timeout: { attempt: "10m" } }] as const,
      ),
    );
    const { hf, close, clock, sent, during } = await bench({ apis: { ...hanging, well: apis.well }, answer });
    for (const name of Object.keys(hanging)) {
      await Promise.all(Array.from({ length: 100 }, (_, index) => hf.enqueue(name, "POST /dead", { json: index })));
    }
    await clock.advance("1s");
    // 200 places, and four for each of the lanes that came too late.
    expect(sent).toHaveLength(200 + 2 * 4);
    const before = clock.monotonic();
    const operations = await Promise.all(Array.from({ length: 20 }, (_, index) => hf.enqueue("well", "POST /well", { json: index })));
    await during(Promise.all(operations.map((operation) => operation.result())));
    expect(clock.monotonic() - before).toBe(0);
    await close(0);
  });

  it("starts each round with another lane", async () => {
    const order: string[] = [];
    const names = ["a", "b", "c"];
    const { hf, close, clock } = await bench({
      apis: Object.fromEntries(names.map((name) => [name, { ...CRM, baseUrl: `https://${name}.test` }])),
      worker: { concurrency: 1, laneConcurrency: 1 },
      answer: ({ path }) => {
        order.push(path);
        return Response.json({});
      },
    });
    await Promise.all(
      names.flatMap((name) => Array.from({ length: 10 }, (_, index) => hf.enqueue(name, `POST /${name}`, { json: index }))),
    );
    await clock.advance("1s");
    expect(order).toHaveLength(30);
    for (const name of names) {
      const places = order.map((path, index) => (path === `/${name}` ? index : -1)).filter((place) => place >= 0);
      expect(places[0]).toBeLessThan(6);
      expect(places[9]).toBeGreaterThan(20);
    }
    await close();
  });
});
