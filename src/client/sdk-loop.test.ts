import { describe, expect, test } from "vitest";
import type { HttpRequest } from "./http-request.ts";
import { sdkLoopOf, SdkLoops, type LoopFailure, type SdkLoop } from "./sdk-loop.ts";

function request(headers: Record<string, string>, body: string | null = '{"a":1}'): HttpRequest {
  return {
    method: "POST",
    url: "http://api.test/v1/things",
    path: "/v1/things",
    headers: new Headers(headers),
    body,
    replayable: true,
    signal: undefined,
    rest: {},
  };
}

const failure: LoopFailure = {
  attempts: 3,
  explanation: { attempts: 3, outcome: "failed", because: { code: "attempts-exhausted" } },
  outcome: { threw: true, error: new Error("down") },
};

const loopOf = (headers: Record<string, string>, body?: string): SdkLoop => sdkLoopOf(request(headers, body)) as SdkLoop;

describe("a request", () => {
  test.each<[string, Record<string, string>, number | undefined]>([
    ["OpenAI's and Anthropic's first try", { "x-stainless-retry-count": "0" }, 0],
    ["their third", { "x-stainless-retry-count": "2" }, 2],
    ["AWS's first try", { "amz-sdk-request": "attempt=1; max=3" }, 0],
    ["AWS's third", { "amz-sdk-request": "attempt=3; max=3", "amz-sdk-invocation-id": "i" }, 2],
    ["Stripe's, which does not count", { "x-stripe-client-user-agent": "{}", "idempotency-key": "k" }, undefined],
  ])("tells of the loop that it comes from: %s", (_, headers, retry) => {
    expect(loopOf(headers).retry).toBe(retry);
  });

  test.each<[string, Record<string, string>]>([
    ["of nobody's", {}],
    ["with a key of its own", { "idempotency-key": "k" }],
    ["of Stripe's without a key", { "x-stripe-client-user-agent": "{}" }],
    ["with a count that is none", { "x-stainless-retry-count": "many" }],
  ])("comes from no loop: %s", (_, headers) => {
    expect(sdkLoopOf(request(headers))).toBeUndefined();
  });
});

describe("a failure", () => {
  test("is recalled by the next try of the same request, and by no other", async () => {
    const loops = new SdkLoops();
    await loops.remember(loopOf({ "x-stainless-retry-count": "0" }), failure, 0);
    expect(await loops.recall(loopOf({ "x-stainless-retry-count": "1" }), 1_000)).toBe(failure);
    expect(await loops.recall(loopOf({ "x-stainless-retry-count": "1" }, '{"a":2}'), 1_000)).toBeUndefined();
    expect(await loops.recall(loopOf({ "x-stainless-retry-count": "1", authorization: "Bearer another" }), 1_000)).toBeUndefined();
  });

  test("is not recalled by a first try: that is another operation", async () => {
    const loops = new SdkLoops();
    await loops.remember(loopOf({ "x-stainless-retry-count": "0" }), failure, 0);
    expect(await loops.recall(loopOf({ "x-stainless-retry-count": "0" }), 1_000)).toBeUndefined();
  });

  test.each<[string, Record<string, string>, number]>([
    ["a loop that counts", { "x-stainless-retry-count": "1" }, 120_000],
    ["a key that Stripe's SDK made", { "x-stripe-client-user-agent": "{}", "idempotency-key": "stripe-node-retry-1" }, 120_000],
    ["a key that may come again by its user's will", { "x-stripe-client-user-agent": "{}", "idempotency-key": "order-7" }, 6_000],
  ])("is forgotten in time: %s", async (_, headers, withinMs) => {
    const loops = new SdkLoops();
    await loops.remember(loopOf(headers), failure, 0);
    expect(await loops.recall(loopOf(headers), withinMs)).toBe(failure);
    expect(await loops.recall(loopOf(headers), withinMs + 1)).toBeUndefined();
  });

  test("of a payload that cannot be told from others is not remembered, and nothing else comes of it", async () => {
    const loops = new SdkLoops();
    const deep = `${"[".repeat(500)}${"]".repeat(500)}`;
    await loops.remember(loopOf({ "x-stainless-retry-count": "0" }), failure, 0);
    await loops.remember(loopOf({ "x-stainless-retry-count": "0" }, deep), failure, 0);
    expect(await loops.recall(loopOf({ "x-stainless-retry-count": "1" }, deep), 0)).toBeUndefined();
  });

  test("is one of a bounded number", async () => {
    const loops = new SdkLoops();
    const nth = (index: number): SdkLoop => loopOf({ "amz-sdk-request": "attempt=2", "amz-sdk-invocation-id": `${index}` });
    for (let index = 0; index < 1_200; index += 1) await loops.remember(nth(index), failure, 0);
    expect(await loops.recall(nth(0), 0)).toBeUndefined();
    expect(await loops.recall(nth(1_199), 0)).toBe(failure);
  });
});
