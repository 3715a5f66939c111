import type { ClientOptions as AnthropicOptions } from "@anthropic-ai/sdk";
import type { ClientOptions as OpenAiOptions } from "openai";
import type { Stripe } from "stripe";
import { describe, expectTypeOf, test } from "vitest";
import {
  bearer,
  circuitBreaker,
  createHoldfast,
  defineApi,
  env,
  explain,
  rateLimit,
  retry,
  timeout,
  type AttemptContext,
  type Duration,
  type Explanation,
  type Holdfast,
} from "../../src/index.ts";

declare const hf: Holdfast<"crm" | "billing">;
const work = async (): Promise<number> => 1;

describe("an API's name", () => {
  test("is one of those that were defined", async () => {
    const engine = await createHoldfast({ apis: { crm: { baseUrl: "https://crm.test" }, billing: defineApi({ profile: "billing" }) } });
    expectTypeOf(engine).toEqualTypeOf<Holdfast<"crm" | "billing">>();
    engine.fetch("crm");
    // @ts-expect-error no such API
    engine.fetch("crn");
    // @ts-expect-error no such API
    void engine.call("crn", { operation: "x", effects: "read" }, work);
    // @ts-expect-error no such API
    void engine.enqueue("crn", "POST /x");
  });
});

describe("hf.call", () => {
  test("gives what the function gives", () => {
    expectTypeOf(hf.call("crm", { operation: "x", effects: "read" }, work)).resolves.toBeNumber();
    expectTypeOf(hf.call("crm", { operation: "x", effects: "read" }, ({ attempt }) => `${attempt}`)).resolves.toBeString();
  });

  test("hands the function its attempt", () => {
    void hf.call("crm", { operation: "x", effects: "read" }, (context) => {
      expectTypeOf(context).toEqualTypeOf<AttemptContext>();
      expectTypeOf(context.signal).toEqualTypeOf<AbortSignal>();
      expectTypeOf(context.idempotencyKey).toEqualTypeOf<string | undefined>();
      return 1;
    });
  });

  test("wants to know about effects", () => {
    // @ts-expect-error effects is missing
    void hf.call("crm", { operation: "x" }, work);
    // @ts-expect-error effects is "read" or "write"
    void hf.call("crm", { operation: "x", effects: "both" }, work);
    // @ts-expect-error operation is missing
    void hf.call("crm", { effects: "read" }, work);
  });

  test("refuses a write without a key that may be tried more than once", () => {
    // @ts-expect-error a write without a key, tried as often as the API says
    void hf.call("crm", { operation: "x", effects: "write" }, work);
    // @ts-expect-error a write without a key, tried twice
    void hf.call("crm", { operation: "x", effects: "write", maxAttempts: 2 }, work);
    // The twins.
    void hf.call("crm", { operation: "x", effects: "write", maxAttempts: 1 }, work);
    void hf.call("crm", { operation: "x", effects: "write", idempotencyKey: "k" }, work);
    void hf.call("crm", { operation: "x", effects: "write", idempotencyKey: "k", maxAttempts: 5 }, work);
    void hf.call("crm", { operation: "x", effects: "read", maxAttempts: 5 }, work);
  });

  test("takes a look-up that answers as the function does", () => {
    const keyed = { operation: "x", effects: "write", idempotencyKey: "k" } as const;
    void hf.call("crm", { ...keyed, reconcile: async () => ({ happened: true, value: 1 }) as const }, work);
    void hf.call("crm", { ...keyed, reconcile: async () => ({ happened: "unknown" }) as const }, work);
    // @ts-expect-error the value is not the function's
    void hf.call<number>("crm", { ...keyed, reconcile: async () => ({ happened: true, value: "1" }) as const }, work);
  });

  test("refuses options that it does not know", () => {
    // @ts-expect-error there is no such option
    void hf.call("crm", { operation: "x", effects: "read", maxAttemps: 3 }, work);
  });
});

describe("hf.fetch", () => {
  test("is a fetch", () => {
    expectTypeOf(hf.fetch("crm")).toEqualTypeOf<typeof globalThis.fetch>();
    expectTypeOf(hf.fetch("crm")("/x")).resolves.toEqualTypeOf<Response>();
  });

  test("fits where the SDKs take one", () => {
    expectTypeOf(hf.fetch("crm")).toExtend<NonNullable<OpenAiOptions["fetch"]>>();
    expectTypeOf(hf.fetch("crm")).toExtend<NonNullable<AnthropicOptions["fetch"]>>();
    expectTypeOf(hf.fetch("billing")).toExtend<Parameters<typeof Stripe.createFetchHttpClient>[0]>();
  });

  test("refuses options that it does not know", () => {
    // @ts-expect-error there is no such option
    hf.fetch("crm", { partitions: "a" });
    // @ts-expect-error labels are texts
    hf.fetch("crm", { labels: { lead: 42 } });
    hf.fetch("crm", {
      partition: "a",
      labels: { lead: "42" },
      reconcile: async ({ body }) => ({ happened: body === undefined ? "unknown" : false }),
    });
  });
});

describe("a duration", () => {
  test("is milliseconds, or a number with a unit", () => {
    expectTypeOf(250).toExtend<Duration>();
    expectTypeOf("250ms" as const).toExtend<Duration>();
    expectTypeOf("1.5s" as const).toExtend<Duration>();
    expectTypeOf("24h" as const).toExtend<Duration>();
    expectTypeOf("soon" as const).not.toExtend<Duration>();
    expectTypeOf("10" as const).not.toExtend<Duration>();
  });

  test("of the wrong form is refused wherever one stands", () => {
    // @ts-expect-error no unit
    void retry(work, { timeout: { attempt: "10" } });
    // @ts-expect-error no such unit
    void retry(work, { backoff: { base: "1sec" } });
    // @ts-expect-error a word
    circuitBreaker({ openFor: "half a minute" });
    // @ts-expect-error no number
    rateLimit({ limit: 1, per: "second" });
    // @ts-expect-error a word
    void timeout(work, "soon");
    // @ts-expect-error a word
    void hf.task({ retries: 1, deadline: "tonight" }, work);
    // @ts-expect-error a word
    defineApi({ timeout: { total: "long" } });
  });
});

describe("the rest", () => {
  test("is typed as it is meant", () => {
    expectTypeOf(retry(() => 1)).resolves.toBeNumber();
    expectTypeOf(explain(undefined)).toEqualTypeOf<Explanation | undefined>();
    // @ts-expect-error retries are not optional
    void hf.task({}, work);
    // @ts-expect-error there is no such event
    hf.on("attempt:setled", () => undefined);
    hf.on("attempt:settled", ({ verdict }) => expectTypeOf(verdict.effect).toEqualTypeOf<"none" | "unknown" | "done">());
    defineApi({ auth: bearer(env("TOKEN")) });
    // @ts-expect-error a basic credential has a username
    defineApi({ auth: { type: "basic", password: "x" } });
    // @ts-expect-error there is no such profile
    defineApi({ profile: "crn" });
    // @ts-expect-error which letters is not said in such a way
    void hf.deadLetters.replay({ all: true });
  });
});
