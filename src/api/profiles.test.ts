import { describe, expect, test } from "vitest";
import { profiles, type ProfileName } from "./profiles.ts";
import { resolveApi } from "./resolve-api.ts";

/** The top of each step, which is what full jitter draws from. */
const top = (): number => 1;

interface Expected {
  readonly maxAttempts: number;
  /** Waits before the second, third… try with the dice at their highest. */
  readonly waits: readonly number[];
  /** The wait far out: the cap. */
  readonly last: number;
  readonly attempts: readonly number[];
  readonly totalMs: number;
}

const TABLE: Readonly<Record<ProfileName, Expected>> = {
  interactive: { maxAttempts: 4, waits: [100, 200, 400], last: 10_000, attempts: [Infinity], totalMs: 10_000 },
  crm: { maxAttempts: 6, waits: [2_000, 4_000, 8_000, 16_000, 32_000], last: 60_000, attempts: [30_000], totalMs: 600_000 },
  enrichment: { maxAttempts: 6, waits: [1_000, 2_000, 4_000, 8_000, 16_000], last: 60_000, attempts: [30_000], totalMs: 600_000 },
  sequencer: { maxAttempts: 6, waits: [500, 1_000, 2_000, 4_000, 8_000], last: 30_000, attempts: [30_000], totalMs: 600_000 },
  webhook: { maxAttempts: 3, waits: [200, 400], last: 2_000, attempts: [10_000], totalMs: 30_000 },
  llm: { maxAttempts: 4, waits: [1_000, 2_000, 4_000], last: 60_000, attempts: [180_000], totalMs: 900_000 },
  billing: { maxAttempts: 5, waits: [500, 1_000, 2_000, 4_000], last: 30_000, attempts: [30_000], totalMs: 600_000 },
  job: {
    maxAttempts: 4,
    waits: [30_000, 90_000, 180_000],
    last: 180_000,
    attempts: [300_000, 300_000, 600_000, 600_000],
    totalMs: 2_700_000,
  },
};

describe("the profile", () => {
  test.each(Object.entries(TABLE))("%s is what its name promises", (name, expected) => {
    const { policy } = resolveApi("it", { profile: name as ProfileName }).settings("GET /x");
    expect(policy.maxAttempts).toBe(expected.maxAttempts);
    expect(expected.waits.map((_wait, retry) => policy.backoff(retry, 0, top))).toEqual(expected.waits);
    expect(policy.backoff(30, 0, top)).toBe(expected.last);
    expect(policy.attemptTimeoutsMs).toEqual(expected.attempts);
    expect(policy.totalMs).toBe(expected.totalMs);
  });

  test("list is complete, and frozen", () => {
    expect(Object.keys(TABLE)).toEqual(Object.keys(profiles));
    expect(Object.isFrozen(profiles)).toBe(true);
  });

  test("only llm may repeat a write, and only billing has a limit of its own", () => {
    const apis = Object.keys(profiles).map((name) => resolveApi(name, { profile: name as ProfileName }));
    expect(apis.filter((api) => api.settings("POST /x").repeatable).map(({ name }) => name)).toEqual(["llm"]);
    expect(apis.filter((api) => api.rateLimits.length > 0).map(({ name }) => name)).toEqual(["billing"]);
    expect(apis.find(({ name }) => name === "billing")?.rateLimits).toEqual([
      { limit: 2, perMs: 1_000, burst: 40, scope: "api", counts: "cost" },
    ]);
  });

  test("job leaves time for all its tries and waits", () => {
    const { waits, attempts, totalMs } = TABLE.job;
    const longest = [...waits, ...attempts].reduce((sum, ms) => sum + ms, 0);
    expect(totalMs).toBeGreaterThanOrEqual(longest);
  });

  test.each(Object.keys(TABLE))("%s waits under full jitter, or by its schedule", (name) => {
    const { policy } = resolveApi("it", { profile: name as ProfileName }).settings("GET /x");
    const scheduled = name === "job";
    expect(policy.backoff(1, 0, () => 0)).toBe(scheduled ? 90_000 : 0);
  });
});
