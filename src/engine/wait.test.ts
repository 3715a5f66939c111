import { getEventListeners } from "node:events";
import { describe, expect, it } from "vitest";
import { manualClock } from "../testing/manual-clock.ts";
import { createRuntime } from "./runtime.ts";
import { hasLeft, pause, within, type Waiting } from "./wait.ts";

function setUp(cutAt: number = Number.POSITIVE_INFINITY): {
  clock: ReturnType<typeof manualClock>;
  controller: AbortController;
  waiting: Waiting;
} {
  const clock = manualClock();
  const controller = new AbortController();
  return { clock, controller, waiting: { runtime: createRuntime(clock, () => 0), callerSignal: controller.signal, cutAt } };
}

describe("a pause", () => {
  it("ends when its time is over, with or without somebody who could leave", async () => {
    const { clock, waiting } = setUp();
    const ended: string[] = [];
    void pause(waiting, 100).then(() => ended.push("one"));
    void pause({ ...waiting, callerSignal: undefined }, 50).then(() => ended.push("other"));
    await clock.advance(99);
    expect(ended).toEqual(["other"]);
    await clock.advance(1);
    expect([ended, clock.pending]).toEqual([["other", "one"], 0]);
  });

  it("ends when the caller leaves, and at once where it has left", async () => {
    const { clock, controller, waiting } = setUp();
    const first = pause(waiting, 100);
    controller.abort();
    await first;
    await pause(waiting, 100);
    expect([clock.pending, hasLeft(waiting)]).toEqual([0, true]);
  });

  it("shares one listener with all others under its signal", async () => {
    const { clock, controller, waiting } = setUp();
    const all = Array.from({ length: 1_000 }, () => pause(waiting, 100));
    expect(getEventListeners(controller.signal, "abort")).toHaveLength(1);
    await clock.advance(100);
    await Promise.all(all);
  });
});

describe("somebody else's promise", () => {
  it("is what it is while the call lasts", async () => {
    const { clock, waiting } = setUp(1_000);
    await expect(within(waiting, Promise.resolve(1))).resolves.toBe(1);
    await expect(within(waiting, Promise.reject(new Error("no")))).rejects.toThrow("no");
    const unbound = Promise.resolve(2);
    expect(within({ ...waiting, callerSignal: undefined, cutAt: Number.POSITIVE_INFINITY }, unbound)).toBe(unbound);
    expect(clock.pending).toBe(0);
  });

  it("is waited for until the call's time is up, and nobody hears of what comes later", async () => {
    const { clock, waiting } = setUp(1_000);
    let fail: (error: Error) => void = () => undefined;
    const waited = within(waiting, new Promise<never>((_, reject) => (fail = reject))).catch((error: unknown) => error);
    await clock.advance(1_000);
    expect(await waited).toMatchObject({ code: "deadline", cut: false });
    fail(new Error("too late"));
    await clock.advance(0);
    expect(clock.pending).toBe(0);
  });

  it("is waited for until the caller leaves", async () => {
    const { clock, controller, waiting } = setUp(1_000);
    const waited = within(waiting, new Promise<never>(() => undefined)).catch((error: unknown) => error);
    controller.abort("gone");
    expect(await waited).toBe("gone");
    await expect(within(waiting, new Promise<never>(() => undefined))).rejects.toBe("gone");
    expect(clock.pending).toBe(0);
  });
});
