import { describe, expect, it } from "vitest";
import { resolveCallPolicy, type AttemptOptions } from "./call-policy.ts";

const PATH = { retry: "apis.crm.retry.", timeout: "apis.crm.timeout.", rest: "apis.crm." };
const resolve = (options: unknown): ReturnType<typeof resolveCallPolicy> => resolveCallPolicy(options as AttemptOptions, PATH);

describe("what is said of attempts and waits", () => {
  it.each<[string, unknown, string]>([
    ["no attempts", { maxAttempts: 0 }, "apis.crm.retry.maxAttempts"],
    ["half an attempt", { maxAttempts: 1.5 }, "apis.crm.retry.maxAttempts"],
    ["attempts without end", { maxAttempts: Number.POSITIVE_INFINITY }, "apis.crm.retry.maxAttempts"],
    ["as good as without end", { maxAttempts: 1_001 }, "apis.crm.retry.maxAttempts"],
    ["attempts in words", { maxAttempts: "3" }, "apis.crm.retry.maxAttempts"],
    ["a wrong backoff", { backoff: { base: -1 } }, "apis.crm.retry.backoff.base"],
    ["a backoff in a word", { backoff: "fast" }, "apis.crm.retry.backoff"],
    ["a wrong wait in a list", { backoff: ["1s", "x"] }, "apis.crm.retry.backoff[1]"],
    ["no time for an attempt", { timeout: { attempt: 0 } }, "apis.crm.timeout.attempt"],
    ["a wrong time for one", { timeout: { attempt: "soon" } }, "apis.crm.timeout.attempt"],
    ["no times", { timeout: { attempt: [] } }, "apis.crm.timeout.attempt"],
    ["a wrong time in a list", { timeout: { attempt: ["1s", "0s"] } }, "apis.crm.timeout.attempt[1]"],
    ["no time at all", { timeout: { total: "0s" } }, "apis.crm.timeout.total"],
    ["a total without end", { timeout: { total: Number.POSITIVE_INFINITY } }, "apis.crm.timeout.total"],
    ["a wrong longest hint", { maxHint: "a while" }, "apis.crm.maxHint"],
    ["a wrong longest wait", { maxWait: -1 }, "apis.crm.maxWait"],
  ])("is refused with %s, by path", (_, options, path) => {
    expect(() => resolve(options)).toThrow(expect.objectContaining({ code: "config", path, message: expect.stringContaining(path) }));
  });

  it("is four attempts within two minutes where nothing is said, which cut nothing off", () => {
    expect(resolve({})).toMatchObject({
      maxAttempts: 4,
      attemptTimeoutsMs: [Number.POSITIVE_INFINITY],
      totalMs: 120_000,
      cutAtTotal: false,
      maxHintMs: 60_000,
      maxWaitMs: 60_000,
    });
  });

  it("is completed and frozen", () => {
    const policy = resolve({ maxAttempts: 2, timeout: { attempt: ["1s", Number.POSITIVE_INFINITY], total: "1h" }, maxHint: "5s" });
    expect(policy).toMatchObject({
      maxAttempts: 2,
      attemptTimeoutsMs: [1_000, Number.POSITIVE_INFINITY],
      totalMs: 3_600_000,
      cutAtTotal: true,
      maxHintMs: 5_000,
      maxWaitMs: 5_000,
    });
    expect([Object.isFrozen(policy), Object.isFrozen(policy.attemptTimeoutsMs)]).toEqual([true, true]);
  });
});
