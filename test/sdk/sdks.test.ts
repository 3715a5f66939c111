import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";
import { Stripe } from "stripe";
import { describe, expect, test } from "vitest";
import { systemClock } from "../../src/adapters/clock/system.ts";
import type { ApiOptions } from "../../src/api/api-options.ts";
import { createHoldfast, type Holdfast } from "../../src/client/holdfast.ts";
import { explain } from "../../src/core/explain.ts";
import type { Clock } from "../../src/ports/clock.ts";
import { flakyApi, type FlakyApi, type RuleScript } from "../../src/testing/index.ts";
import { FAST } from "../client/engines.ts";
import { BAD_DAY, CHUNKS, SCRIPT } from "./providers.ts";

interface Door {
  readonly api: FlakyApi;
  readonly hf: Holdfast<"llm" | "stripe">;
}

const FIVE = { maxAttempts: 5, backoff: { base: 5, cap: 10 } } as const;

/** An API, an engine in front of it, and both closed at the end. */
async function opened(
  rules: readonly RuleScript[],
  retry: NonNullable<ApiOptions["retry"]> = FIVE,
  clock: Clock = systemClock,
): Promise<Door & AsyncDisposable> {
  const api = await flakyApi({ ...SCRIPT, rules });
  // On the fast clock two minutes, the default, are over in two seconds.
  const common = { retry, breaker: false, retryBudget: false, timeout: { total: "2h" } } as const;
  const hf = await createHoldfast({
    clock,
    apis: { llm: { ...common, baseUrl: api.url, repeatable: true }, stripe: { ...common, baseUrl: api.url, idempotency: {} } },
  });
  return {
    api,
    hf,
    async [Symbol.asyncDispose]() {
      await hf.close();
      await api.close();
    },
  };
}

function openai(
  { api, hf }: Door,
  options: { readonly maxRetries?: number; readonly timeout?: number; readonly path?: string } = {},
): OpenAI {
  const { maxRetries = 0, path = "/v1", ...rest } = options;
  return new OpenAI({ apiKey: "sk-test", baseURL: `${api.url}${path}`, fetch: hf.fetch("llm"), maxRetries, logLevel: "off", ...rest });
}

function anthropic({ api, hf }: Door, options: { readonly maxRetries?: number; readonly path?: string } = {}): Anthropic {
  const { maxRetries = 0, path = "" } = options;
  return new Anthropic({ apiKey: "sk-test", baseURL: `${api.url}${path}`, fetch: hf.fetch("llm"), maxRetries, logLevel: "off" });
}

function stripe({ api, hf }: Door, maxNetworkRetries = 0): Stripe {
  const httpClient = Stripe.createFetchHttpClient(hf.fetch("stripe"));
  return new Stripe("sk_test_1", { httpClient, host: "127.0.0.1", port: api.port, protocol: "http", maxNetworkRetries, telemetry: false });
}

const chat = { model: "gpt-test", messages: [{ role: "user" as const, content: "Hello" }] };
const message = { model: "claude-test", max_tokens: 16, messages: [{ role: "user" as const, content: "Hello" }] };

const failure = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => expect.fail("it resolved"),
    (error: unknown) => error,
  );

const endings = ({ api }: Door): readonly unknown[] => api.ledger.requests().map(({ ending, status }) => status ?? ending);

describe("through 503s, resets and 429s, with the SDK's own retries off", () => {
  test.concurrent("OpenAI completes", async () => {
    await using door = await opened(BAD_DAY, FIVE, FAST);
    const completion = await openai(door).chat.completions.create(chat);
    expect(completion.choices[0]?.message.content).toBe("Holdfast!");
    expect(endings(door)).toEqual([503, "reset", "reset", 429, 200]);
  });

  test.concurrent("OpenAI streams", async () => {
    await using door = await opened(BAD_DAY, FIVE, FAST);
    const client = openai(door, { path: "/stream" });
    const chunks: string[] = [];
    for await (const chunk of await client.chat.completions.create({ ...chat, stream: true }))
      chunks.push(chunk.choices[0]?.delta.content ?? "");
    expect(chunks).toEqual(CHUNKS);
    expect(endings(door)).toEqual([503, "reset", "reset", 429, 200]);
  });

  test.concurrent("Anthropic completes", async () => {
    await using door = await opened(BAD_DAY, FIVE, FAST);
    const answer = await anthropic(door).messages.create(message);
    expect(answer.content).toEqual([{ type: "text", text: "Holdfast!" }]);
    expect(endings(door)).toEqual([503, "reset", "reset", 429, 200]);
  });

  test.concurrent("Anthropic streams", async () => {
    await using door = await opened(BAD_DAY, FIVE, FAST);
    const client = anthropic(door, { path: "/stream" });
    const texts: string[] = [];
    for await (const event of await client.messages.create({ ...message, stream: true })) {
      if (event.type === "content_block_delta" && event.delta.type === "text_delta") texts.push(event.delta.text);
    }
    expect(texts).toEqual(CHUNKS);
    expect(endings(door)).toEqual([503, "reset", "reset", 429, 200]);
  });

  test.concurrent("Stripe creates one customer, under one key", async () => {
    await using door = await opened(BAD_DAY, FIVE, FAST);
    const customer = await stripe(door).customers.create({ email: "ada@example.com" });
    expect(customer).toMatchObject({ id: "cus_1", email: "ada@example.com" });
    expect(endings(door)).toEqual([503, "reset", "reset", 429, 200]);
    expect(new Set(door.api.ledger.requests().map(({ key }) => key)).size).toBe(1);
    expect([...door.api.ledger.effects().values()]).toEqual([1]);
  });

  test.concurrent("Stripe reads", async () => {
    await using door = await opened(BAD_DAY, FIVE, FAST);
    expect(await stripe(door).customers.retrieve("cus_1")).toMatchObject({ id: "cus_1" });
  });

  test.concurrent("a key that the user gives to Stripe's SDK is answered from our side the second time", async () => {
    await using door = await opened([]);
    const client = stripe(door);
    const create = (): Promise<Stripe.Customer> => client.customers.create({ email: "ada@example.com" }, { idempotencyKey: "order-7" });
    expect((await create()).id).toBe((await create()).id);
    expect(door.api.ledger.requests()).toHaveLength(1);
  });
});

describe("what is given up", () => {
  test.concurrent("comes out as the SDK's own error, explained", async () => {
    await using door = await opened([{ then: { reset: "before" } }], { maxAttempts: 2, backoff: { base: 1, cap: 1 } });
    const error = await failure(openai(door).chat.completions.create(chat));
    expect(error).toBeInstanceOf(OpenAI.APIConnectionError);
    expect(explain(error)).toMatchObject({ attempts: 2, because: { code: "attempts-exhausted" } });
  });

  test.concurrent("comes out with the other side's own words", async () => {
    await using door = await opened([{ then: { status: 400, json: { error: { message: "no such model", code: "model_not_found" } } } }]);
    const error = await failure(openai(door).chat.completions.create(chat));
    expect(error).toBeInstanceOf(OpenAI.BadRequestError);
    expect(error).toMatchObject({ status: 400, code: "model_not_found" });
    expect(door.api.ledger.requests()).toHaveLength(1);
  });

  test.concurrent("of a Stripe write is kept as a dead letter that can be sent again under its key", async () => {
    await using door = await opened([{ then: { status: 503 } }], { maxAttempts: 2, backoff: { base: 1, cap: 1 } });
    await failure(stripe(door).customers.create({ email: "ada@example.com" }));
    door.api.setRules([]);
    const [letter] = (await door.hf.deadLetters.list()).items;
    expect(letter).toMatchObject({ endpoint: "POST /v1/customers", reason: "exhausted" });
    expect(await door.hf.deadLetters.replay({ filter: {} })).toMatchObject({ resolved: 1 });
    expect(new Set(door.api.ledger.requests().map(({ key }) => key))).toEqual(new Set([letter?.idempotencyKey]));
  });
});

// The SDKs sleep a second or so between their own tries: all of this happens at the same time.
describe("with the SDK's own retries left on, no more goes over the wire than our attempts", () => {
  const three = { maxAttempts: 3, backoff: { base: 1, cap: 1 } } as const;
  const calls: readonly [string, (door: Door) => Promise<unknown>][] = [
    ["OpenAI", (door) => openai(door, { maxRetries: 2 }).chat.completions.create(chat)],
    ["Anthropic", (door) => anthropic(door, { maxRetries: 2 }).messages.create(message)],
    ["Stripe", (door) => stripe(door, 2).customers.create({ email: "ada@example.com" })],
    [
      "Stripe, under a key of the user's",
      (door) => stripe(door, 2).customers.create({ email: "a@example.com" }, { idempotencyKey: "order-7" }),
    ],
  ];

  test.concurrent.for(calls)("%s, against 503s", async ([, call]) => {
    await using door = await opened([{ then: { status: 503 } }], three);
    await failure(call(door));
    expect(door.api.ledger.requests()).toHaveLength(3);
  });

  test.concurrent.for(calls)("%s, against resets", async ([, call]) => {
    await using door = await opened([{ then: { reset: "after" } }], three);
    const told: unknown[] = [];
    door.hf.on("nesting:detected", (event) => told.push(event));
    await failure(call(door));
    expect(door.api.ledger.requests()).toHaveLength(3);
    // The twin: the SDK did come back, twice, and was told.
    expect(told).toHaveLength(2);
    expect(door.api.ledger.doubled()).toEqual([]);
  });

  test.concurrent("OpenAI, whose own timeout ends our calls", async () => {
    await using door = await opened([{ then: { hang: true } }], { maxAttempts: 2, backoff: { base: 1, cap: 1 } });
    const error = await failure(openai(door, { maxRetries: 2, timeout: 300 }).chat.completions.create(chat));
    expect(error).toBeInstanceOf(OpenAI.APIConnectionTimeoutError);
    // On a busy machine its time may be over before the first is there.
    expect(door.api.ledger.requests().length).toBeLessThanOrEqual(2);
  });

  test.concurrent("and one that we leave to the SDK is the SDK's", async () => {
    await using door = await opened([{ when: { nth: [1, 2] }, then: { reset: "before" } }], { maxAttempts: 1 });
    const completion = await openai(door, { maxRetries: 2 }).chat.completions.create(chat);
    expect(completion.id).toBe("chatcmpl-1");
    expect(door.api.ledger.requests()).toHaveLength(3);
  });
});
