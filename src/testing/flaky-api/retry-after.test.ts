import { describe, expect, it } from "vitest";
import { manualClock } from "../manual-clock.ts";
import { flakyApi } from "./flaky-api.ts";
import { retryAfterHeader } from "./retry-after.ts";
import type { RetryAfterScript } from "./script.ts";

const NOW = Date.UTC(2026, 0, 15, 12);

describe("the ways to say when to come back", () => {
  it.each([
    ["seconds", "retry-after", "90"],
    ["decimal", "retry-after", "90"],
    ["imf-date", "retry-after", "Thu, 15 Jan 2026 12:01:30 GMT"],
    ["rfc850-date", "retry-after", "Thursday, 15-Jan-26 12:01:30 GMT"],
    ["asctime-date", "retry-after", "Thu Jan 15 12:01:30 2026"],
    ["milliseconds", "retry-after-ms", "90000"],
    ["ratelimit", "ratelimit", '"default";r=0;t=90'],
    ["reset-epoch", "x-ratelimit-reset", "1768478490"],
    ["reset-seconds", "x-ratelimit-reset", "90"],
  ] as const)("%s", (form, header, value) => {
    expect(retryAfterHeader(form, 90_000, NOW)).toEqual([header, value]);
  });

  it("round up, so that who obeys is never early; decimals and milliseconds need not", () => {
    expect(retryAfterHeader("seconds", 1_001, NOW)[1]).toBe("2");
    expect(retryAfterHeader("imf-date", 1, NOW)[1]).toBe("Thu, 15 Jan 2026 12:00:01 GMT");
    expect(retryAfterHeader("decimal", 1_500, NOW)[1]).toBe("1.5");
    expect(retryAfterHeader("milliseconds", 0.4, NOW)[1]).toBe("1");
  });

  it("pad the day of an asctime date with a space", () => {
    expect(retryAfterHeader("asctime-date", 0, Date.UTC(2026, 1, 3, 4, 5, 6))[1]).toBe("Tue Feb  3 04:05:06 2026");
  });
});

describe("retryAfter in a rule", () => {
  const hint = async (retryAfter: RetryAfterScript, scale = 1): Promise<[string, string]> => {
    await using api = await flakyApi({ rules: [{ then: { status: 429, retryAfter } }], scale }, { clock: manualClock() });
    const { headers } = await fetch(api.url);
    for (const name of ["retry-after", "retry-after-ms", "x-ratelimit-reset"]) {
      const value = headers.get(name);
      if (value !== null) return [name, value];
    }
    throw new Error("no hint was sent");
  };

  it("is in whole seconds where only a time is said", async () => {
    expect(await hint("30s")).toEqual(["retry-after", "30"]);
  });

  it("takes another form by name, measured from the server's own clock", async () => {
    expect(await hint({ in: "90s", as: "imf-date" })).toEqual(["retry-after", "Thu, 15 Jan 2026 12:01:30 GMT"]);
    expect(await hint({ in: "250ms", as: "milliseconds" })).toEqual(["retry-after-ms", "250"]);
  });

  it.each(["-1", "0x10", "120abc", "", "soon"])("can be malformed: %j goes out as it stands", async (raw) => {
    expect(await hint({ raw })).toEqual(["retry-after", raw]);
  });

  it("follows the scale", async () => {
    expect(await hint({ in: "90s", as: "decimal" }, 0.1)).toEqual(["retry-after", "9"]);
  });
});
