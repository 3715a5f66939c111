import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import { manualClock } from "../manual-clock.ts";
import { rateExcess } from "../rate-excess.ts";
import { flakyApi } from "./flaky-api.ts";
import type { FlakyApi } from "./flaky-api.ts";
import type { LimitScript } from "./script.ts";
import { tokenBucket } from "./token-bucket.ts";

const running: FlakyApi[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((api) => api.close()));
});

const clock = manualClock();

async function apiWith(...limits: LimitScript[]): Promise<FlakyApi> {
  const api = await flakyApi({ endpoints: { "GET /a": {}, "GET /b": {} }, limits }, { clock });
  running.push(api);
  return api;
}

async function statuses(api: FlakyApi, count: number, path = "/a", headers: Record<string, string> = {}): Promise<number[]> {
  const seen: number[] = [];
  for (let number = 0; number < count; number += 1) seen.push((await fetch(api.url + path, { headers })).status);
  return seen;
}

describe("a token bucket", () => {
  const rates = fc.record({
    limit: fc.integer({ min: 1, max: 50 }),
    perMs: fc.integer({ min: 1, max: 60_000 }),
    burst: fc.integer({ min: 1, max: 60 }),
  });
  const gaps = fc.array(fc.oneof(fc.constant(0), fc.double({ min: 0, max: 5_000, noNaN: true })), { maxLength: 300 });

  it("never lets more than burst + rate · t start in any interval", () => {
    fc.assert(
      fc.property(rates, gaps, (rate, gaps) => {
        const bucket = tokenBucket(rate);
        const starts: number[] = [];
        let now = 0;
        for (const gap of gaps) {
          now += gap;
          if (bucket.waitMs(now) > 0) continue;
          bucket.take(now);
          starts.push(now);
        }
        expect(rateExcess(starts, { limit: rate.limit, per: rate.perMs, burst: rate.burst })).toBeLessThan(1e-6);
      }),
    );
  });

  it("refuses nobody who comes when it said, so that it is not safe by being shut", () => {
    fc.assert(
      fc.property(rates, (rate) => {
        const bucket = tokenBucket(rate);
        let now = 0;
        for (let call = 0; call < 200; call += 1) {
          now += bucket.waitMs(now);
          expect(bucket.waitMs(now)).toBe(0);
          bucket.take(now);
        }
        // 200 calls take just as long as the rate says, less the burst.
        expect(now).toBeCloseTo(Math.max(0, ((200 - rate.burst) * rate.perMs) / rate.limit), 3);
      }),
    );
  });
});

describe("a limit", () => {
  it("answers 429 with the time until a token is there, and keeps to it", async () => {
    const api = await apiWith({ limit: 2, per: "1m", burst: 3 });
    expect(await statuses(api, 4)).toEqual([200, 200, 200, 429]);
    const refused = await fetch(`${api.url}/a`);
    expect([refused.headers.get("retry-after"), await refused.json()]).toMatchObject(["30", { error: { code: "RATE_LIMITED" } }]);
    await clock.advance("29.999s");
    expect(await statuses(api, 1)).toEqual([429]);
    await clock.advance("1ms");
    expect(await statuses(api, 2)).toEqual([200, 429]);
  });

  it("has its limit for its burst where none is said", async () => {
    expect(await statuses(await apiWith({ limit: 2, per: "1s" }), 3)).toEqual([200, 200, 429]);
  });

  it("is one for the API, one per endpoint, or one per account", async () => {
    const whole = await apiWith({ limit: 1, per: "1m" });
    expect([...(await statuses(whole, 1, "/a")), ...(await statuses(whole, 1, "/b"))]).toEqual([200, 429]);

    const endpoint = await apiWith({ limit: 1, per: "1m", scope: "endpoint" });
    expect([...(await statuses(endpoint, 1, "/a")), ...(await statuses(endpoint, 2, "/b"))]).toEqual([200, 200, 429]);

    const account = await apiWith({ limit: 1, per: "1m", scope: "header.x-account" });
    const one = await statuses(account, 2, "/a", { "x-account": "one" });
    expect([...one, ...(await statuses(account, 1, "/b", { "x-account": "two" }))]).toEqual([200, 429, 200]);
  });

  it("may be for some endpoints only", async () => {
    const api = await apiWith({ limit: 1, per: "1m", endpoint: "GET /a" });
    expect(await statuses(api, 3, "/b")).toEqual([200, 200, 200]);
    expect(await statuses(api, 2, "/a")).toEqual([200, 429]);
  });

  it("takes no token where another limit refuses", async () => {
    const api = await apiWith({ name: "second", limit: 1, per: "1s" }, { name: "day", limit: 2, per: "24h" });
    expect(await statuses(api, 3)).toEqual([200, 429, 429]);
    await clock.advance("1s");
    expect(await statuses(api, 1)).toEqual([200]);
    await clock.advance("1s");
    expect(await statuses(api, 1)).toEqual([429]);
    expect(api.ledger.summary().limits).toEqual({ second: 2, day: 1 });
  });

  it("says when to come back in another form, or not at all", async () => {
    const dated = await apiWith({ limit: 1, per: "1m", retryAfter: "ratelimit" });
    await statuses(dated, 1);
    expect((await fetch(`${dated.url}/a`)).headers.get("ratelimit")).toBe('"default";r=0;t=60');

    const silent = await apiWith({ limit: 1, per: "1m", retryAfter: "none" });
    await statuses(silent, 1);
    expect((await fetch(`${silent.url}/a`)).headers.get("retry-after")).toBeNull();
  });

  it("can announce what is left", async () => {
    const api = await apiWith({ limit: 2, per: "10s", announce: true });
    const left = async () => (await fetch(`${api.url}/a`)).headers.get("x-ratelimit-remaining");
    expect([await left(), await left(), await left()]).toEqual(["1", "0", "0"]);
    const { headers } = await fetch(`${api.url}/a`);
    expect([headers.get("x-ratelimit-limit"), headers.get("x-ratelimit-reset")]).toEqual(["2", "10"]);
  });

  it("leaves the instants in the ledger, so that a test can hold a client to the bound", async () => {
    const bound = { limit: 1, per: "1s", burst: 2 } as const;
    const api = await apiWith(bound);
    await statuses(api, 3);
    await clock.advance("1s");
    await statuses(api, 2);

    const requests = api.ledger.requests();
    const accepted = requests.filter((request) => request.limit === undefined);
    expect(
      rateExcess(
        accepted.map((request) => request.at),
        bound,
      ),
    ).toBe(0);
    // The client did not keep to it, and the ledger shows that too.
    expect(
      rateExcess(
        requests.map((request) => request.at),
        bound,
      ),
    ).toBe(2);
  });
});
