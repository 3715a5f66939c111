import { describe, expect, it } from "vitest";
import { sleep } from "../ports/clock.ts";
import { manualClock } from "./manual-clock.ts";

describe("manualClock", () => {
  it("stands still until it is moved, on both of its faces", async () => {
    const clock = manualClock(1_000);
    await new Promise((resolve) => setImmediate(resolve));
    expect([clock.now(), clock.monotonic()]).toEqual([1_000, 0]);

    await clock.advance("2s");
    expect([clock.now(), clock.monotonic()]).toEqual([3_000, 2_000]);
  });

  it("starts at a fixed instant, so that what tests print does not change with the day", () => {
    expect(new Date(manualClock().now()).toISOString()).toBe("2026-01-15T12:00:00.000Z");
  });

  it("fires what falls due in the order of time, and of setting where the time is the same", async () => {
    const clock = manualClock();
    const fired: string[] = [];
    clock.setTimer(() => fired.push("late"), 20);
    clock.setTimer(() => fired.push("early"), 10);
    clock.setTimer(() => fired.push("early too"), 10);
    clock.setTimer(() => fired.push("not yet"), 21);

    await clock.advance(20);
    expect(fired).toEqual(["early", "early too", "late"]);
    expect(clock.pending).toBe(1);
  });

  it("shows each timer its own instant, not the one that is advanced to", async () => {
    const clock = manualClock(0);
    const seen: number[] = [];
    for (const ms of [5, 15]) clock.setTimer(() => seen.push(clock.now(), clock.monotonic()), ms);
    await clock.advance(100);
    expect(seen).toEqual([5, 5, 15, 15]);
    expect(clock.now()).toBe(100);
  });

  it("runs a loop of waits as real time would: each wait starts where the last one ended", async () => {
    const clock = manualClock();
    const laps: number[] = [];
    const loop = (async () => {
      for (let lap = 0; lap < 3; lap += 1) {
        await sleep(clock, 1_000);
        for (let hop = 0; hop < 50; hop += 1) await Promise.resolve();
        laps.push(clock.monotonic());
      }
    })();

    await clock.advance(2_500);
    expect(laps).toEqual([1_000, 2_000]);
    await clock.advance(500);
    await loop;
    expect(laps).toEqual([1_000, 2_000, 3_000]);
  });

  it("forgets a timer that is cleared, and does not mind one that has fired or is unknown", async () => {
    const clock = manualClock();
    let fired = 0;
    const kept = clock.setTimer(() => (fired += 1), 10);
    const cleared = clock.setTimer(() => (fired += 10), 10);
    clock.clearTimer(cleared);
    await clock.advance(10);
    expect(fired).toBe(1);

    clock.clearTimer(kept);
    clock.clearTimer(undefined);
    expect(clock.pending).toBe(0);
  });

  it("lets a timer that fires clear another one that is due at the same time", async () => {
    const clock = manualClock();
    let fired = false;
    clock.setTimer(() => clock.clearTimer(other), 10);
    const other = clock.setTimer(() => (fired = true), 10);
    await clock.advance(10);
    expect(fired).toBe(false);
  });

  it("jumps to the next timer, however far, and says when there is none", async () => {
    const clock = manualClock();
    let fired = false;
    clock.setTimer(() => (fired = true), 86_400_000);
    expect(await clock.next()).toBe(true);
    expect([fired, clock.monotonic()]).toEqual([true, 86_400_000]);
    expect(await clock.next()).toBe(false);
  });

  it("steps the wall alone, either way, and leaves timers where they are", async () => {
    const clock = manualClock(10_000);
    let fired = false;
    clock.setTimer(() => (fired = true), 1_000);
    clock.stepWall(-4_000);
    expect([clock.now(), clock.monotonic()]).toEqual([6_000, 0]);
    await clock.advance(999);
    expect(fired).toBe(false);
    await clock.advance(1);
    expect(fired).toBe(true);
  });

  it("treats a wait of NaN or less than nothing as none, and one without end as the longest there is", async () => {
    const clock = manualClock();
    const fired: number[] = [];
    for (const ms of [Number.NaN, -5]) clock.setTimer(() => fired.push(ms), ms);
    await clock.advance(0);
    expect(fired).toEqual([Number.NaN, -5]);

    clock.setTimer(() => fired.push(1), Infinity);
    await clock.next();
    expect(clock.monotonic()).toBe(2_147_483_647);
  });

  it.each([-1, Number.NaN, Infinity])("refuses to move by %s", async (by) => {
    const clock = manualClock();
    await expect(clock.advance(by)).rejects.toMatchObject({ code: "config", path: "by" });
    expect(clock.monotonic()).toBe(0);
  });

  it("hands on what a timer throws, with time standing at that timer", async () => {
    const clock = manualClock();
    clock.setTimer(() => {
      throw new Error("boom");
    }, 10);
    await expect(clock.advance(100)).rejects.toThrow("boom");
    expect(clock.monotonic()).toBe(10);
  });
});
