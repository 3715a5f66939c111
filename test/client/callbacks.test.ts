import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createHoldfast } from "../../src/client/holdfast.ts";
import { egress } from "../../src/adapters/transport/egress/egress.ts";
import { SCHEMES } from "../../src/policy/webhook/schemes.ts";
import { utf8 } from "../../src/policy/webhook/encoding.ts";
import { flakyApi, type FlakyApi } from "../../src/testing/flaky-api/flaky-api.ts";
import { serve, type TestServer } from "./receiver.ts";

const SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const BACKOFF = { maxAttempts: 4, backoff: { base: "5ms" } } as const;

let api: FlakyApi;
let receiver: TestServer;

beforeAll(async () => {
  api = await flakyApi({ rules: [{ when: { endpoint: "POST /refused" }, then: { status: 422 } }] });
  receiver = await serve();
});

afterAll(async () => {
  await receiver.close();
  await api.close();
});

describe("a callback", () => {
  it("tells each end once, signed, though its receiver fails at first; and is an operation of its own", async () => {
    receiver.answers = [500, 503];
    const hf = await createHoldfast({ apis: { crm: { baseUrl: api.url, retry: BACKOFF } }, callbacks: { secret: SECRET, retry: BACKOFF } });
    const callback = `${receiver.url}/done?for=42`;
    const good = await hf.enqueue("crm", "POST /contacts", { json: { n: 1 }, labels: { lead: "42" }, callback });
    await good.result();
    const bad = await hf.enqueue("crm", "POST /refused", { json: {}, callback });
    await bad.result().catch(() => undefined);
    const late = await hf.enqueue("crm", "POST /contacts", { json: {}, delay: "1h", callback });
    await hf.operations.cancel([late.id], "not wanted any more");
    await expect.poll(() => receiver.taken.length, { timeout: 10_000 }).toBe(3);

    const told = receiver.taken.map(({ body }) => JSON.parse(body) as { type: string; data: { id: string } });
    expect(told.toSorted((a, b) => a.type.localeCompare(b.type))).toMatchObject([
      { type: "operation.cancelled", data: { id: late.id, state: "cancelled" } },
      { type: "operation.dead", data: { id: bad.id, reason: "permanent", deadLetter: bad.id } },
      { type: "operation.succeeded", data: { id: good.id, labels: { lead: "42" }, answer: { status: 201 } } },
    ]);
    const [first] = receiver.taken;
    const request = { method: "POST", url: "", headers: new Headers(first!.headers), body: utf8(first!.body) };
    const verified = await SCHEMES["standard-webhooks"](request, { secrets: [SECRET], now: Date.now(), toleranceMs: 60_000 });
    expect(verified.state).toBe("verified");
    // Every try of one callback goes under one id.
    expect(receiver.received.length).toBe(5);
    expect(new Set(receiver.received.map(({ headers }) => headers["webhook-id"])).size).toBe(3);
    await hf.close();
  });

  it("to where only we can reach is not sent, where the egress guard carries it", async () => {
    const before = receiver.received.length;
    const guard = egress();
    const hf = await createHoldfast({
      apis: { crm: { baseUrl: api.url } },
      callbacks: { secret: SECRET, retry: { maxAttempts: 1 }, transport: guard.transport },
    });
    const operation = await hf.enqueue("crm", "POST /contacts", { json: {}, callback: receiver.url });
    await operation.result();
    await expect
      .poll(async () => (await hf.deadLetters.list()).items.map((letter) => letter.api), { timeout: 10_000 })
      .toEqual(["@callback"]);
    expect(receiver.received.length).toBe(before);
    await hf.close();
    guard.close();
  });

  it("that could not be signed, or holds a credential, is refused", async () => {
    const unsigned = await createHoldfast({ apis: { crm: { baseUrl: api.url } } });
    await expect(unsigned.enqueue("crm", "POST /contacts", { callback: receiver.url })).rejects.toMatchObject({ path: "enqueue.callback" });
    for (const callback of ["ftp://x.test/", "https://a:b@x.test/", "/done"]) {
      await expect(unsigned.enqueue("crm", "POST /contacts", { callback })).rejects.toMatchObject({ path: "enqueue.callback" });
    }
    await unsigned.close();
    await expect(createHoldfast({ apis: {}, callbacks: { secret: [] } })).rejects.toMatchObject({ path: "callbacks.secret" });
  });
});
