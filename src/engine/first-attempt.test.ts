import { describe, expect, it } from "vitest";
import { retry } from "../client/retry.ts";
import { sleep } from "../ports/clock.ts";
import { manualClock } from "../testing/manual-clock.ts";

describe("the first attempt", () => {
  it("takes what is no promise for an answer", async () => {
    expect(await retry(() => 42)).toBe(42);
  });

  it("waits for anything that has a then", async () => {
    const thenable = { then: (resolve: (value: number) => void) => resolve(42) } as unknown as Promise<number>;
    expect(await retry(() => thenable)).toBe(42);
    expect(await retry(() => thenable, { timeout: { attempt: "1s" } })).toBe(42);
  });

  it.each([
    ["without a timeout", {}],
    ["under a timeout", { timeout: { attempt: "1s" } } as const],
  ])("is judged like any other when its function throws at once, %s", async (_, options) => {
    let calls = 0;
    const value = await retry(
      ({ attempt }) => {
        calls += 1;
        if (attempt === 1) throw new Error("not yet");
        return "done";
      },
      { ...options, backoff: { base: 0, jitter: "none" } },
    );
    expect([value, calls]).toEqual(["done", 2]);
  });

  it("rejects, and does not throw, where its caller has gone before it began", async () => {
    const reason = new Error("gone");
    const settled = retry(() => 42, { signal: AbortSignal.abort(reason) });
    await expect(settled).rejects.toBe(reason);
  });
});

describe("a call on whose time nothing hangs", () => {
  it("reads no clock until it fails", async () => {
    let readings = 0;
    const clock = manualClock();
    const watched = {
      ...clock,
      monotonic: () => {
        readings += 1;
        return clock.monotonic();
      },
    };
    await retry(async () => 42, { clock: watched });
    expect(readings).toBe(0);
    await retry(async () => 42, { clock: watched, timeout: { total: "1m" } });
    expect(readings).toBeGreaterThan(0);
  });

  it("has its whole default time left after a first attempt that took long", async () => {
    const clock = manualClock();
    let calls = 0;
    const settled = retry(
      async () => {
        calls += 1;
        if (calls === 1) await sleep(clock, 600_000);
        if (calls < 3) throw new Error("not yet");
        return "done";
      },
      { clock, backoff: [1_000] },
    );
    await clock.advance("11m");
    expect(await settled).toBe("done");
  });

  it("ends when that time is over", async () => {
    const clock = manualClock();
    let calls = 0;
    const settled = retry(
      async () => {
        calls += 1;
        throw new Error("down");
      },
      { clock, maxAttempts: 100, backoff: ["50s"] },
    ).catch((error: unknown) => error);
    await clock.advance("10m");
    expect(await settled).toEqual(new Error("down"));
    // At 0, 50 and 100 s; the next would start at 150 s, after the two minutes.
    expect(calls).toBe(3);
  });
});
