import { afterEach, describe, expect, test } from "vitest";
import { memory } from "../../src/adapters/store/memory/index.ts";
import type { ApiOptions } from "../../src/api/api-options.ts";
import { createHoldfast, type Holdfast, type HoldfastOptions } from "../../src/client/holdfast.ts";
import { manualClock } from "../../src/testing/index.ts";

let hf: Holdfast<"crm">;
let answers: (number | "reset")[];

afterEach(() => hf.close());

async function open(api: Partial<ApiOptions> = {}, options: Partial<HoldfastOptions> = {}): Promise<void> {
  hf = await createHoldfast({
    apis: { crm: { baseUrl: "http://crm.test", retry: { maxAttempts: 3, backoff: { base: 1, cap: 1 } }, ...api } },
    metrics: true,
    transport: async () => {
      const answer = answers.shift() ?? 200;
      if (answer === "reset") throw Object.assign(new TypeError("fetch failed"), { cause: { code: "ECONNRESET" } });
      return Response.json({}, { status: answer });
    },
    ...options,
  });
}

const post = (): Promise<unknown> =>
  hf
    .fetch("crm")("/contacts", { method: "POST", body: "{}" })
    .catch((error: unknown) => error);

/** Samples by name and labels. */
async function samples(): Promise<ReadonlyMap<string, number>> {
  const lines = (await hf.metrics()).split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(
    lines.map((line) => {
      const at = line.lastIndexOf(" ");
      return [line.slice(0, at).replace(/api="crm",endpoint="POST \/contacts",?/, ""), Number(line.slice(at + 1))] as const;
    }),
  );
}

describe("hf.metrics()", () => {
  test("is an error where nothing is counted", async () => {
    await open({}, { metrics: false });
    await expect(hf.metrics()).rejects.toMatchObject({ code: "config", path: "metrics" });
    const apis = { crm: { baseUrl: "http://crm.test" } };
    await expect(createHoldfast({ apis, metrics: "yes" as unknown as boolean })).rejects.toMatchObject({ path: "metrics" });
  });

  test("counts attempts, calls, retries and dead letters", async () => {
    answers = [200, 429, 200, 422, 429, 429, 429];
    await open();
    for (let nth = 0; nth < 4; nth += 1) await post();
    const seen = await samples();
    for (const [name, value] of [
      ['holdfast_attempt_duration_seconds_count{verdict="success"}', 2],
      ['holdfast_attempt_duration_seconds_count{verdict="throttled"}', 4],
      ['holdfast_attempt_duration_seconds_count{verdict="permanent"}', 1],
      ['holdfast_call_duration_seconds_count{outcome="succeeded"}', 2],
      ['holdfast_call_duration_seconds_count{outcome="failed"}', 2],
      ['holdfast_retried_calls_total{outcome="succeeded"}', 1],
      ['holdfast_retried_calls_total{outcome="failed"}', 1],
      ['holdfast_retries_total{because="backoff"}', 3],
      ['holdfast_failed_calls_total{because="permanent"}', 1],
      ['holdfast_failed_calls_total{because="attempts-exhausted"}', 1],
      ['holdfast_dead_letters_total{reason="permanent"}', 1],
      ['holdfast_dead_letters_total{reason="exhausted"}', 1],
      ["holdfast_breaker_state{}", 0],
      ["holdfast_lane_in_flight{}", 0],
    ] as const) {
      expect(seen.get(name), name).toBe(value);
    }
    expect(seen.get("holdfast_retry_budget_available{}")).toBeGreaterThan(0);
  });

  test("tells of a breaker that opens, and of what it refuses", async () => {
    answers = ["reset", "reset"];
    await open({ breaker: { minimumCalls: 2, window: 2 }, retry: { maxAttempts: 1 } });
    for (let nth = 0; nth < 3; nth += 1) await post();
    const seen = await samples();
    expect(seen.get("holdfast_breaker_state{}")).toBe(2);
    expect(seen.get('holdfast_breaker_changes_total{to="open"}')).toBe(1);
    expect(seen.get('holdfast_call_duration_seconds_count{outcome="refused"}')).toBe(1);
    expect(seen.get('holdfast_failed_calls_total{because="breaker-open"}')).toBe(1);
  });

  test("measures how long calls wait for their lane", async () => {
    answers = [];
    const clock = manualClock();
    await open({ rateLimit: [{ limit: 1, per: "1s", burst: 1 }] }, { clock });
    const calls = [post(), post(), post()];
    await clock.advance("5s");
    await Promise.all(calls);
    const seen = await samples();
    expect(seen.get("holdfast_admission_wait_seconds_count{}")).toBe(2);
    expect(seen.get("holdfast_admission_wait_seconds_sum{}")).toBeCloseTo(3, 1);
  });

  test("tells of the queue: what stands in it, for how long, and how long it took", async () => {
    answers = [201, 422];
    const clock = manualClock();
    await open({}, { clock, store: memory() });
    await hf.enqueue("crm", "POST /contacts", { json: 1 });
    await hf.enqueue("crm", "POST /contacts", { json: 2 });
    await hf.enqueue("crm", "POST /contacts", { json: 3, delay: "1h" });
    await clock.advance("10s");
    const seen = await samples();
    expect(seen.get('holdfast_operations_settled_total{state="succeeded"}')).toBe(1);
    expect(seen.get('holdfast_operation_duration_seconds_count{state="dead"}')).toBe(1);
    expect(seen.get('holdfast_queue_operations{state="parked"}')).toBe(1);
    expect(seen.get("holdfast_queue_oldest_due_seconds{}")).toBe(0);
    const { endpoint, api } = { api: "crm", endpoint: "POST /contacts" };
    await hf.operations.pause({ api, endpoint, partition: "" });
    await clock.advance("2h");
    const later = await samples();
    expect(later.get('holdfast_queue_operations{state="due"}')).toBe(1);
    expect(later.get("holdfast_queue_oldest_due_seconds{}")).toBe(3_610);
  });

  test("leaves out what a store does not answer, and reads it no more often than every five seconds", async () => {
    answers = [];
    const clock = manualClock();
    const opened = await memory()();
    let asked = 0;
    const backlog = (): Promise<never> => {
      asked += 1;
      return Promise.reject(new Error("no store here"));
    };
    const store = { ...opened, operations: { ...opened.operations!, backlog } };
    await open({}, { clock, store: async () => store });
    await post();
    const all = [await samples(), await samples()];
    expect(asked).toBe(1);
    expect(all[1]!.get('holdfast_call_duration_seconds_count{outcome="succeeded"}')).toBe(1);
    await clock.advance("5s");
    await samples();
    expect(asked).toBe(2);
  });

  test("has no account, key or id in a label", async () => {
    answers = [422];
    await open();
    const secret = "acct-4711";
    await hf.fetch("crm", { partition: secret })("/contacts/0195b7a2-7a62-7000-8000-000000000001", {
      method: "POST",
      headers: { "idempotency-key": secret },
      body: secret,
    });
    const text = await hf.metrics();
    expect(text).toContain('endpoint="POST /contacts/{id}"');
    expect(text).not.toContain(secret);
  });
});
