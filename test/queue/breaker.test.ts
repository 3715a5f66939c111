import { describe, expect, it } from "vitest";
import { bench, CRM, reset, type Bench } from "./bench.ts";

const BREAKING = { ...CRM, breaker: { window: 10, minimumCalls: 10, openFor: "30s" as const }, retry: { maxAttempts: 6 }, idempotency: {} };

function changes({ events }: Bench): string[] {
  return events.flatMap(({ name, event }) => (name === "breaker:changed" && "to" in event ? [event.to] : []));
}

describe("an open breaker", () => {
  it("keeps its lane's work where it is: nothing is claimed, no attempt is used up", async () => {
    let down = true;
    let claimed = 0;
    const test = await bench({
      apis: { crm: BREAKING },
      worker: { laneConcurrency: 5 },
      answer: () => (down ? Response.json({}, { status: 503 }) : Response.json({})),
      between: (store) => ({
        ...store,
        async claim(request) {
          const operations = await store.claim(request);
          claimed += operations.length;
          return operations;
        },
      }),
    });
    const { hf, sent, clock, until, close } = test;
    const operations = await Promise.all(Array.from({ length: 100 }, (_, index) => hf.enqueue("crm", "POST /contacts", { json: index })));
    await until(() => changes(test).includes("open"));
    const [sentThen, claimedThen] = [sent.length, claimed];
    expect(sentThen).toBeLessThanOrEqual(15);
    await clock.advance("29s");
    expect(sent).toHaveLength(sentThen);
    expect(claimed).toBe(claimedThen);

    // Half-open: one real operation goes as the probe. It fails, and the lane rests for longer.
    await clock.advance("5s");
    expect(sent).toHaveLength(sentThen + 1);
    expect(claimed).toBe(claimedThen + 1);
    expect(changes(test).slice(-2)).toEqual(["half-open", "open"]);
    await clock.advance("50s");
    expect(sent).toHaveLength(sentThen + 1);

    // Well again: the next probe closes it, and everything is done. No operation has more attempts than the other side saw of it.
    down = false;
    await until(async () => (await hf.operations.stats()).succeeded === 100);
    const views = await Promise.all(operations.map(({ id }) => hf.operations.get(id)));
    expect(views.reduce((sum, { attempts }) => sum + attempts.length, 0)).toBe(sent.length);
    expect(views.filter(({ attempts }) => attempts.length === 1).length).toBeGreaterThanOrEqual(80);
    await close();
  });

  it("drains at a ramp once it has closed", async () => {
    let down = false;
    const test = await bench({
      apis: { crm: BREAKING },
      answer: () => (down ? Response.json({}, { status: 503 }) : Response.json({})),
    });
    const { hf, sent, clock, until, close } = test;
    // Forty a second while all is well.
    for (let index = 0; index < 400; index += 1) {
      await hf.enqueue("crm", "POST /contacts", { json: index });
      await clock.advance(25);
    }
    expect(sent).toHaveLength(400);
    down = true;
    await Promise.all(Array.from({ length: 500 }, (_, index) => hf.enqueue("crm", "POST /contacts", { json: -index - 1 })));
    await until(() => changes(test).includes("open"));
    down = false;
    await until(() => changes(test).includes("closed"));
    const closedAt = clock.monotonic();
    await until(async () => (await hf.operations.stats()).succeeded === 900);
    const within = (fromMs: number, toMs: number): number =>
      sent.filter(({ at }) => at >= closedAt + fromMs && at < closedAt + toMs).length;
    // A quarter of the last healthy rate in the first second, twice that in the next, and so on.
    expect(within(0, 1_000)).toBeGreaterThanOrEqual(8);
    expect(within(0, 1_000)).toBeLessThanOrEqual(15);
    expect(within(1_000, 2_000)).toBeLessThanOrEqual(30);
    expect(within(2_000, 3_000)).toBeLessThanOrEqual(60);
    await close();
  });

  it("is not fed by what the worker gives back, and a probe that is not used frees its place", async () => {
    let down = true;
    let hide = false;
    const test = await bench({
      apis: { crm: BREAKING },
      answer: () => (down ? reset() : Response.json({})),
      between: (store) => ({ ...store, claim: async (request) => (hide ? [] : store.claim(request)) }),
    });
    const { hf, sent, clock, until, close } = test;
    await Promise.all(Array.from({ length: 30 }, (_, index) => hf.enqueue("crm", "POST /contacts", { json: index })));
    await until(() => changes(test).includes("open"));
    down = false;
    // The probe's place is taken for an operation that is not there any more.
    hide = true;
    const sentThen = sent.length;
    await clock.advance("40s");
    expect(changes(test).at(-1)).toBe("half-open");
    expect(sent).toHaveLength(sentThen);
    hide = false;
    await until(async () => (await hf.operations.stats()).succeeded === 30, 600_000);
    expect(changes(test).at(-1)).toBe("closed");
    await close();
  });
});
