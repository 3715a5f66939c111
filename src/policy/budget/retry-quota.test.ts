import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { resolveRetryQuota, RetryQuota, type RetryQuotaOptions } from "./retry-quota.ts";

const quotaOf = (limit: number): RetryQuota => new RetryQuota(resolveRetryQuota({ by: "user", limit, per: "1m" }));

describe("a retry quota", () => {
  it("counts each value of its label apart", () => {
    const quota = quotaOf(2);
    quota.withdraw("ada", 0);
    quota.withdraw("ada", 1);
    expect([quota.available("ada", 2), quota.available("grace", 2)]).toEqual([0, 2]);
  });

  it("slides: a retry is free again when its own minute is over", () => {
    const quota = quotaOf(2);
    quota.withdraw("ada", 0);
    quota.withdraw("ada", 30_000);
    expect([59_999, 60_000, 89_999, 90_000].map((now) => quota.available("ada", now))).toEqual([0, 1, 1, 2]);
  });

  it("reads its label from a call's own labels, and leaves calls without it alone", () => {
    const quota = quotaOf(1);
    expect(quota.valueOf({ user: "ada", lead: "42" })).toBe("ada");
    expect(quota.valueOf({ lead: "42" })).toBeUndefined();
    expect(quota.valueOf(undefined)).toBeUndefined();
    expect(new RetryQuota(resolveRetryQuota({ by: "toString", limit: 1, per: 1 })).valueOf({})).toBeUndefined();
  });

  it("remembers ten thousand values at once and forgets the one unused longest", () => {
    const quota = quotaOf(1);
    for (let user = 0; user < 10_000; user += 1) quota.withdraw(`user ${user}`, 0);
    quota.withdraw("user 0", 1);
    quota.withdraw("one more", 2);
    expect([quota.available("user 0", 3), quota.available("user 1", 3), quota.available("user 2", 3)]).toEqual([0, 1, 0]);
  });

  it("tells what it allows, in words", () => {
    expect(quotaOf(20).name).toBe("user ≤ 20 per 1m");
  });

  it("allows no more than its limit in any window, for any load", () => {
    const step = fc.record({ after: fc.nat({ max: 20_000 }), user: fc.constantFrom("a", "b") });
    fc.assert(
      fc.property(fc.nat({ max: 4 }), fc.array(step, { maxLength: 80 }), (limit, steps) => {
        const quota = quotaOf(limit);
        const retries: { at: number; user: string }[] = [];
        let now = 0;
        for (const { after, user } of steps) {
          now += after;
          if (quota.available(user, now) === 0) continue;
          quota.withdraw(user, now);
          retries.push({ at: now, user });
        }
        for (const { at, user } of retries) {
          const within = retries.filter((one) => one.user === user && one.at > at - 60_000 && one.at <= at).length;
          expect(within).toBeLessThanOrEqual(limit);
        }
      }),
    );
  });
});

describe("options of a retry quota", () => {
  it.each<[string, unknown, string]>([
    ["null", null, "at"],
    ["the label alone", "user", "at"],
    ["an option that nobody knows", { by: "user", limit: 1, per: 1, burst: 1 }, "at.burst"],
    ["no label", { limit: 1, per: 1 }, "at.by"],
    ["an empty label", { by: "", limit: 1, per: 1 }, "at.by"],
    ["no limit", { by: "user", per: 1 }, "at.limit"],
    ["a negative limit", { by: "user", limit: -1, per: 1 }, "at.limit"],
    ["a limit that nobody could keep count of", { by: "user", limit: 1e9, per: 1 }, "at.limit"],
    ["no time", { by: "user", limit: 1 }, "at.per"],
    ["a time of 0", { by: "user", limit: 1, per: 0 }, "at.per"],
  ])("are refused with %s, by path", (_, options, path) => {
    expect(() => resolveRetryQuota(options as RetryQuotaOptions, "at")).toThrow(expect.objectContaining({ code: "config", path }));
  });
});
