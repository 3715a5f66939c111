import { describe, expect, it } from "vitest";
import { manualClock } from "../../testing/manual-clock.ts";
import { storyClock, storyTime } from "./story-clock.ts";

describe("story time", () => {
  it("goes as many times as fast as it is told to, from where the stretch begins", async () => {
    const machine = manualClock(1_000_000);
    const clock = storyClock({ storyAt: 5_000_000, machineAt: 1_000_000, speed: 10 }, machine);
    expect(clock.now()).toBe(5_000_000);
    const before = clock.monotonic();
    await machine.advance("2s");
    expect(clock.now()).toBe(5_020_000);
    expect(clock.monotonic() - before).toBe(20_000);
  });

  it("is what its timers wait by", async () => {
    const machine = manualClock();
    const clock = storyClock({ storyAt: 0, machineAt: machine.now(), speed: 10 }, machine);
    const fired: string[] = [];
    clock.setTimer(() => fired.push("a second"), 1_000);
    clock.clearTimer(clock.setTimer(() => fired.push("cleared"), 500));
    await machine.advance(99);
    expect(fired).toEqual([]);
    await machine.advance(1);
    expect(fired).toEqual(["a second"]);
  });

  it("does not notice that the machine's wall clock is set", () => {
    const machine = manualClock(1_000_000);
    const clock = storyClock({ storyAt: 0, machineAt: 1_000_000, speed: 1 }, machine);
    machine.stepWall(-3_600_000);
    expect(clock.now()).toBe(0);
  });

  it("of an instant of the machine's is told without a clock", () => {
    expect(storyTime({ storyAt: 100, machineAt: 1_000, speed: 10 }, 1_050)).toBe(600);
  });
});
