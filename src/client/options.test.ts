import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ConfigError, isHoldfastError } from "../core/errors.ts";
import { createHoldfast, type Holdfast } from "./holdfast.ts";
import { retry } from "./retry.ts";
import { retryable } from "./retryable.ts";
import { circuitBreaker, concurrency, rateLimit, timeout } from "./standalone.ts";

let hf: Holdfast<"crm">;

beforeAll(async () => {
  hf = await createHoldfast({ apis: { crm: { baseUrl: "http://crm.test" } }, transport: async () => new Response("{}") });
});

afterAll(() => hf.close());

/** What a program without types may say. */
const any = (value: unknown): never => value as never;
const work = async (): Promise<number> => 1;

/** The error that `run` throws or rejects with. */
async function errorOf(run: () => unknown): Promise<unknown> {
  try {
    await run();
  } catch (error) {
    return error;
  }
  return expect.fail("it was accepted");
}

const controller = new AbortController();

const WRONG: readonly (readonly [path: string, run: () => unknown])[] = [
  // retry()
  ["retry", () => retry(work, any(null))],
  ["retry", () => retry(work, any([]))],
  ["retry.maxAttemps", () => retry(work, any({ maxAttemps: 3 }))],
  ["retry.maxAttempts", () => retry(work, { maxAttempts: 0 })],
  ["retry.maxAttempts", () => retry(work, { maxAttempts: Number.POSITIVE_INFINITY })],
  ["retry.maxAttempts", () => retry(work, any({ maxAttempts: "3" }))],
  ["retry.timeout.atempt", () => retry(work, any({ timeout: { atempt: "1s" } }))],
  ["retry.timeout.attempt", () => retry(work, any({ timeout: { attempt: "1 second" } }))],
  ["retry.timeout.attempt", () => retry(work, { timeout: { attempt: 0 } })],
  ["retry.timeout.attempt", () => retry(work, { timeout: { attempt: [] } })],
  ["retry.timeout.total", () => retry(work, { timeout: { total: -1 } })],
  ["retry.timeout", () => retry(work, any({ timeout: "1s" }))],
  ["retry.backoff.bse", () => retry(work, any({ backoff: { bse: 1 } }))],
  ["retry.backoff.cap", () => retry(work, { backoff: { base: "2s", cap: "1s" } })],
  ["retry.maxHint", () => retry(work, any({ maxHint: "soon" }))],
  ["retry.maxWait", () => retry(work, any({ maxWait: Number.NaN }))],
  ["retry.classify[0].then", () => retry(work, any({ classify: [{ when: { status: 500 }, then: "whatever", because: "x" }] }))],
  ["retry.signal", () => retry(work, any({ signal: controller }))],
  ["retry.retryIf", () => retry(work, any({ retryIf: true }))],
  ["retry.clock", () => retry(work, any({ clock: Date }))],
  ["retry.random", () => retry(work, any({ random: 0.5 }))],
  ["retry.maxAttemps", () => retryable(any({ maxAttemps: 3 }))],
  // The other stand-alone policies
  ["circuitBreaker.failureRat", () => circuitBreaker(any({ failureRat: 0.5 }))],
  ["circuitBreaker.failureRate", () => circuitBreaker({ failureRate: 2 })],
  ["circuitBreaker.clock", () => circuitBreaker(any({ clock: {} }))],
  ["circuitBreaker.for", () => circuitBreaker().open(any({ for: "x" }))],
  ["execute.sgnal", () => circuitBreaker().execute(work, any({ sgnal: controller.signal }))],
  ["execute.signal", () => circuitBreaker().execute(work, any({ signal: controller }))],
  ["rateLimit.limt", () => rateLimit(any({ limt: 1 }))],
  ["rateLimit.limit", () => rateLimit({ limit: 0 })],
  ["rateLimit[1].per", () => rateLimit([{ limit: 1 }, any({ limit: 1, per: "x" })])],
  ["rateLimit[1].brst", () => rateLimit([{ limit: 1 }, any({ limit: 1, brst: 2 })])],
  ["rateLimit", () => rateLimit([])],
  ["rateLimit.clok", () => rateLimit({ limit: 1 }, any({ clok: 1 }))],
  ["acquire.cst", () => rateLimit({ limit: 1 }).acquire(any({ cst: 1 }))],
  ["acquire.cost", () => rateLimit({ limit: 1 }).acquire({ cost: -1 })],
  ["acquire.cost", () => rateLimit({ limit: 1 }).acquire({ cost: Number.NaN })],
  ["acquire.maxWait", () => rateLimit({ limit: 1 }).acquire(any({ maxWait: "x" }))],
  ["tryAcquire.cost", () => rateLimit({ limit: 1 }).tryAcquire(0)],
  ["pause.duration", () => rateLimit({ limit: 1 }).pause(any("x"))],
  ["concurrency.max", () => concurrency(0)],
  ["concurrency.mx", () => concurrency(any({ mx: 1 }))],
  ["concurrency.maxQueue", () => concurrency({ max: 1, maxQueue: -1 })],
  ["concurrency.randm", () => concurrency(1, any({ randm: 1 }))],
  ["timeout.limit", () => timeout(work, any("5 s"))],
  ["timeout.singal", () => timeout(work, "5s", any({ singal: 1 }))],
  // createHoldfast() and what it gives
  ["createHoldfast", () => createHoldfast(any(undefined))],
  ["stores", () => createHoldfast(any({ apis: {}, stores: 1 }))],
  ["apis", () => createHoldfast(any({}))],
  ["apis", () => createHoldfast(any({ apis: ["crm"] }))],
  ["apis.crm.baseUrl", () => createHoldfast({ apis: { crm: { baseUrl: "crm.test" } } })],
  ["apis.crm.retry.maxAttemps", () => createHoldfast({ apis: { crm: any({ retry: { maxAttemps: 3 } }) } })],
  ["store", () => createHoldfast(any({ apis: {}, store: "holdfast.db" }))],
  ["store", () => createHoldfast(any({ apis: {}, store: { name: "opened already" } }))],
  ["transport", () => createHoldfast(any({ apis: {}, transport: {} }))],
  ["createHoldfast.clock", () => createHoldfast(any({ apis: {}, clock: {} }))],
  ["fetch.partitions", () => hf.fetch("crm", any({ partitions: "a" }))],
  ["fetch.partition", () => hf.fetch("crm", any({ partition: 7 }))],
  ["fetch.labels", () => hf.fetch("crm", any({ labels: ["lead"] }))],
  ["fetch.labels.lead", () => hf.fetch("crm", any({ labels: { lead: 42 } }))],
  ["fetch.reconcile", () => hf.fetch("crm", any({ reconcile: true }))],
  ["call", () => hf.call("crm", any(undefined), work)],
  ["call.efects", () => hf.call("crm", any({ operation: "x", effects: "read", efects: "read" }), work)],
  ["call.constructor", () => hf.call("crm", any({ operation: "x", effects: "read", constructor: 1 }), work)],
  ["call.operation", () => hf.call("crm", any({ effects: "read" }), work)],
  ["call.operation", () => hf.call("crm", { operation: "", effects: "read" }, work)],
  ["call.effects", () => hf.call("crm", any({ operation: "x" }), work)],
  ["call.idempotencyKey", () => hf.call("crm", any({ operation: "x", effects: "write" }), work)],
  ["call.idempotencyKey", () => hf.call("crm", { operation: "x", effects: "write", idempotencyKey: "" }, work)],
  ["call.maxAttempts", () => hf.call("crm", any({ operation: "x", effects: "read", maxAttempts: 1.5 }), work)],
  ["call.timeout.attempt", () => hf.call("crm", any({ operation: "x", effects: "read", timeout: { attempt: "x" } }), work)],
  ["call.timeout.atempt", () => hf.call("crm", any({ operation: "x", effects: "read", timeout: { atempt: "1s" } }), work)],
  ["call.cost", () => hf.call("crm", { operation: "x", effects: "read", cost: -1 }, work)],
  ["call.labels.lead", () => hf.call("crm", any({ operation: "x", effects: "read", labels: { lead: 42 } }), work)],
  ["call.signal", () => hf.call("crm", any({ operation: "x", effects: "read", signal: controller }), work)],
  ["call.input", () => hf.call("crm", { operation: "x", effects: "read", input: {} }, work)],
  ["call.reconcile", () => hf.call("crm", any({ operation: "x", effects: "read", reconcile: work }), work)],
  ["on.event", () => hf.on(any("attempt:setled"), () => undefined)],
  ["on.listener", () => hf.on("attempt:settled", any(undefined))],
  ["task.retries", () => hf.task(any({}), work)],
];

describe("an option that makes no sense", () => {
  test.each(WRONG)("is refused by its path: %s (%#)", async (path, run) => {
    const error = await errorOf(run);
    expect(error).toBeInstanceOf(ConfigError);
    expect(error).toMatchObject({ code: "config", path });
    // The text names it too, and says what to do.
    expect((error as ConfigError).message).toContain(path.split(".").at(-1));
    expect((error as ConfigError).message.length).toBeGreaterThan(20);
  });

  test("of a promise's function is told by the promise, not beside it", async () => {
    for (const run of [
      () => retry(work, { maxAttempts: 0 }),
      () => hf.call("crm", any({ operation: "x" }), work),
      () => hf.call(any("nobody"), { operation: "x", effects: "read" }, work),
      () => hf.task(any({}), work),
      () => timeout(work, any("x")),
      () => circuitBreaker().execute(work, any({ x: 1 })),
      () => rateLimit({ limit: 1 }).acquire(any({ x: 1 })),
    ]) {
      const promise = run();
      expect(promise).toBeInstanceOf(Promise);
      expect(isHoldfastError(await errorOf(() => promise))).toBe(true);
    }
  });

  test("is refused in a literal that is like one before it but for that option", async () => {
    for (let call = 0; call < 3; call += 1) {
      expect(await hf.call("crm", { operation: "x", effects: "read" }, work)).toBe(1);
      expect(await errorOf(() => hf.call("crm", any({ operation: "x", effects: "read", maxAttemps: 3 }), work))).toMatchObject({
        path: "call.maxAttemps",
      });
      expect(await retry(work, { maxAttempts: 3 })).toBe(1);
      expect(await errorOf(() => retry(work, any({ maxAttempts: 3, attempts: 3 })))).toMatchObject({ path: "retry.attempts" });
    }
  });
});

describe("an engine that was closed", () => {
  test("refuses calls, and is closed again without harm", async () => {
    const closed = await createHoldfast({ apis: { crm: {} } });
    await closed.close();
    await closed.close();
    expect(await errorOf(() => closed.fetch("crm")("http://crm.test"))).toMatchObject({ code: "closed" });
    expect(await errorOf(() => closed.call("crm", { operation: "x", effects: "read" }, work))).toMatchObject({ code: "closed" });
    expect(await errorOf(() => closed.close(any({ grce: 1 })))).toMatchObject({ path: "close.grce" });
  });
});
