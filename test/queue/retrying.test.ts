import { describe, expect, it } from "vitest";
import { bench, CRM, hang, KEYED, reset } from "./bench.ts";

const UNAVAILABLE = (headers: Record<string, string> = {}): Response => Response.json({ error: "down" }, { status: 503, headers });

describe("a retry", () => {
  it("is a row with a due time, after the API's own backoff, until the attempts are used up", async () => {
    const { hf, sent, close, until, events } = await bench({
      apis: { crm: { ...KEYED, retry: { maxAttempts: 4, backoff: { base: "2s", factor: 3, cap: "10s", jitter: "none" } } } },
      answer: () => UNAVAILABLE(),
    });
    const operation = await hf.enqueue("crm", "POST /contacts", { json: { email: "a@x.test" }, labels: { lead: "42" } });
    await until(() => sent.length === 1);
    const parked = await hf.operations.get(operation.id);
    expect(parked).toMatchObject({ state: "parked", because: { code: "backoff", attempt: 1, maxAttempts: 4, delayMs: 2_000 } });
    await until(async () => (await hf.operations.stats()).dead === 1);
    expect(sent.map(({ at }) => at)).toEqual([0, 2_000, 8_000, 18_000]);
    // One key at every attempt: the operation's own id where none was given.
    expect(new Set(sent.map(({ key }) => key))).toEqual(new Set([operation.id]));
    expect(new Set(sent.map(({ headers }) => headers.get("x-request-id")))).toEqual(new Set([operation.id]));

    const letter = await hf.deadLetters.get(operation.id);
    expect(letter).toMatchObject({
      reason: "exhausted",
      because: { code: "attempts-exhausted", attempt: 4, maxAttempts: 4 },
      labels: { lead: "42" },
      idempotencyKey: operation.id,
      state: "open",
      request: { method: "POST", url: "https://crm.test/contacts" },
    });
    expect(new TextDecoder().decode(letter.request?.body)).toBe('{"email":"a@x.test"}');
    expect(letter.attempts.map(({ attempt, verdict }) => [attempt, verdict.status])).toEqual([
      [1, 503],
      [2, 503],
      [3, 503],
      [4, 503],
    ]);
    expect(letter.attempts.map(({ because }) => because.code)).toEqual(["backoff", "backoff", "backoff", "attempts-exhausted"]);
    expect(letter.attempts.every(({ bodyExcerpt }) => bodyExcerpt === '{"error":"down"}')).toBe(true);
    expect((await hf.operations.get(operation.id)).attempts).toEqual(letter.attempts);
    await expect(operation.result()).rejects.toMatchObject({ code: "operation-failed", state: "dead", operation: operation.id });
    const count = (wanted: string): number => events.filter(({ name }) => name === wanted).length;
    expect([count("attempt:settled"), count("retry:scheduled"), count("dead-letter:added"), count("operation:settled")]).toEqual([
      4, 3, 1, 4,
    ]);
    await close();
  });

  it("carries the last backoff along, across processes, for decorrelated jitter", async () => {
    const delays: number[] = [];
    const retry = { maxAttempts: 8, backoff: { base: "1s", cap: "10m", jitter: "decorrelated" } } as const;
    const first = await bench({ apis: { crm: { ...KEYED, retry } }, answer: () => UNAVAILABLE(), seed: 7 });
    const { id } = await first.hf.enqueue("crm", "POST /contacts", { json: 1 });
    await first.until(() => first.sent.length === 4);
    await first.close();
    // Another process goes on where this one stopped.
    const second = await bench({ ...first, apis: { crm: { ...KEYED, retry } }, answer: () => UNAVAILABLE(), seed: 8 });
    second.hf.work();
    await second.until(async () => (await second.hf.operations.stats()).dead === 1, 86_400_000);
    const { attempts } = await second.hf.deadLetters.get(id);
    for (const { because } of attempts.slice(0, -1)) delays.push(because.delayMs ?? 0);
    expect(delays).toHaveLength(7);
    for (const [index, delay] of delays.entries()) {
      const before = delays[index - 1] ?? 1_000;
      expect(delay).toBeGreaterThanOrEqual(1_000);
      expect(delay).toBeLessThanOrEqual(3 * before);
    }
    // Without the memory of the delay before, none could exceed three times the base.
    expect(Math.max(...delays)).toBeGreaterThan(3_000);
    await second.close();
  });

  it("waits as long as the other side asks, however long that is", async () => {
    const { hf, sent, close, until } = await bench({
      apis: { crm: KEYED },
      answer: ({ nth }) => (nth === 1 ? Response.json({}, { status: 429, headers: { "retry-after": "7200" } }) : Response.json({ id: 1 })),
    });
    const operation = await hf.enqueue("crm", "POST /contacts", { json: 1 });
    await until(() => sent.length === 1);
    expect(await hf.operations.get(operation.id)).toMatchObject({
      state: "parked",
      because: { code: "hint-over-maximum", hintMs: 7_200_000 },
    });
    await until(() => sent.length === 2, 10_000_000);
    expect(sent[1]?.at).toBeGreaterThanOrEqual(7_200_000);
    expect(sent[1]?.at).toBeLessThanOrEqual(7_920_100);
    expect((await operation.result()).status).toBe(200);
    await close();
  });

  it("goes at once after a refused credential was replaced; refused again, that is the end", async () => {
    let token = 0;
    const auth = { type: "bearer", token: async () => `token-${(token += 1)}-of-somebody` } as const;
    const ok = await bench({
      apis: { crm: { ...KEYED, auth } },
      answer: ({ headers }) => Response.json({}, { status: headers.get("authorization") === "Bearer token-2-of-somebody" ? 200 : 401 }),
    });
    const operation = await ok.hf.enqueue("crm", "POST /contacts", { json: 1 });
    expect((await ok.during(operation.result())).status).toBe(200);
    expect(ok.clock.monotonic()).toBeLessThan(100);
    const { attempts } = await ok.hf.operations.get(operation.id);
    expect(attempts.map(({ verdict, because }) => [verdict.kind, because.code])).toEqual([
      ["unauthorized", "token-expired"],
      ["success", "answered"],
    ]);
    expect(ok.events.filter(({ name }) => name === "credential:refreshed")).toHaveLength(1);
    await ok.close();

    const never = await bench({ apis: { crm: { ...KEYED, auth } }, answer: () => Response.json({}, { status: 401 }) });
    const refused = await never.hf.enqueue("crm", "POST /contacts", { json: 1 });
    await expect(never.during(refused.result())).rejects.toMatchObject({ because: { code: "permanent-after-refresh" } });
    expect(never.sent).toHaveLength(2);
    await never.close();
  });

  it("is made of a credential that cannot be had, too: nothing was sent, and the attempts are bounded", async () => {
    const auth = {
      type: "bearer",
      token: async (): Promise<string> => {
        throw new Error("the token service is down");
      },
    } as const;
    const { hf, sent, close, until } = await bench({ apis: { crm: { ...CRM, auth, retry: { maxAttempts: 3 } } } });
    const { id } = await hf.enqueue("crm", "POST /contacts", { json: 1 });
    await until(async () => (await hf.operations.stats()).dead === 1);
    expect(sent).toHaveLength(0);
    const letter = await hf.deadLetters.get(id);
    expect(letter.reason).not.toBe("outcome-unknown");
    expect(letter.attempts.length).toBeLessThanOrEqual(3);
    expect(letter.attempts.every(({ verdict }) => verdict.effect === "none")).toBe(true);
    await close();
  });
});

describe("an attempt", () => {
  it("has its own timeout, which escalates over the claims", async () => {
    const { hf, sent, close, until } = await bench({
      apis: {
        crm: {
          ...KEYED,
          timeout: { attempt: ["5s", "5s", "20s"] },
          retry: { maxAttempts: 3, backoff: { base: "1s", jitter: "none", factor: 1 } },
        },
      },
      answer: hang,
    });
    const { id } = await hf.enqueue("crm", "POST /contacts", { json: 1 });
    await until(async () => (await hf.operations.stats()).dead === 1);
    expect(sent.map(({ at }) => at)).toEqual([0, 6_000, 12_000]);
    const { attempts } = await hf.deadLetters.get(id);
    expect(attempts.map(({ durationMs }) => durationMs)).toEqual([5_000, 5_000, 20_000]);
    await close();
  });

  it("ends although the body of its answer never does", async () => {
    const { hf, close, until } = await bench({
      apis: { crm: { ...KEYED, timeout: { attempt: "5s" }, retry: { maxAttempts: 2, backoff: { base: "1s", jitter: "none" } } } },
      answer: () => new Response(new ReadableStream({ start: (controller) => controller.enqueue(new TextEncoder().encode('{"id":')) })),
    });
    const { id } = await hf.enqueue("crm", "POST /contacts", { json: 1 });
    await until(async () => (await hf.operations.stats()).dead === 1, 60_000);
    expect((await hf.deadLetters.get(id)).attempts.map(({ durationMs }) => durationMs)).toEqual([5_000, 5_000]);
    await close();
  });
});

describe("an operation that expires", () => {
  it("is not sent after its time", async () => {
    const { hf, sent, close, until, clock } = await bench({ apis: { crm: { ...CRM, concurrency: 1 } }, answer: hang });
    await hf.enqueue("crm", "POST /contacts", { json: "first, and it hangs" });
    const late = await hf.enqueue("crm", "POST /contacts", { json: "late", expiresIn: "10s" });
    await clock.advance("20s");
    expect(sent).toHaveLength(1);
    sent[0]?.signal.dispatchEvent(new Event("abort"));
    await until(async () => (await hf.operations.get(late.id)).state === "dead");
    expect(sent).toHaveLength(1);
    expect(await hf.deadLetters.get(late.id)).toMatchObject({ reason: "expired", attempts: [], because: { code: "deadline" } });
    await close();
  });

  it("does not rest beyond it: the end comes with the last attempt, not at its next turn", async () => {
    const { hf, close, until, clock } = await bench({
      apis: { crm: { ...KEYED, retry: { backoff: { base: "8s", jitter: "none" } } } },
      answer: () => UNAVAILABLE({ "retry-after": "600" }),
    });
    const { id } = await hf.enqueue("crm", "POST /contacts", { json: 1, expiresIn: "1m" });
    await until(async () => (await hf.operations.stats()).dead === 1);
    expect(clock.monotonic()).toBeLessThan(1_000);
    expect(await hf.deadLetters.get(id)).toMatchObject({ reason: "expired", attempts: [{ attempt: 1 }], because: { code: "deadline" } });
    await close();
  });

  it("an attempt under way is not cut off by it", async () => {
    const { hf, close, clock, during } = await bench({
      apis: { crm: KEYED },
      answer: () => new Promise((resolve) => clock.setTimer(() => resolve(Response.json({})), 30_000)),
    });
    const operation = await hf.enqueue("crm", "POST /contacts", { json: 1, expiresIn: "10s" });
    expect((await during(operation.result())).status).toBe(200);
    await close();
  });
});

describe("what ends at the first attempt", () => {
  it("a refusal that no retry can change", async () => {
    const { hf, sent, close, until } = await bench({ answer: () => Response.json({ message: "no such field" }, { status: 422 }) });
    const { id } = await hf.enqueue("crm", "POST /contacts", { json: 1 });
    await until(async () => (await hf.operations.stats()).dead === 1);
    expect(sent).toHaveLength(1);
    expect(await hf.deadLetters.get(id)).toMatchObject({ reason: "permanent", attempts: [{ verdict: { status: 422 } }] });
    await close();
  });

  it("an unknown outcome of a write that the API cannot tell from its repeat", async () => {
    const { hf, sent, close, until } = await bench({ answer: reset });
    const { id } = await hf.enqueue("crm", "POST /contacts", { json: 1, key: "a key that the API knows nothing of" });
    await until(async () => (await hf.operations.stats()).dead === 1);
    expect(sent).toHaveLength(1);
    expect(await hf.deadLetters.get(id)).toMatchObject({ reason: "outcome-unknown", attempts: [{ verdict: { effect: "unknown" } }] });
    await close();
  });
});
