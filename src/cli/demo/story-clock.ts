import { systemClock } from "../../adapters/clock/system.ts";
import type { Clock } from "../../ports/clock.ts";

/**
 * Where the story stood when a stretch of it began, and how fast it goes. Everything in the demo that waits does so in
 * story time: the engine, its profiles and leases, and the four APIs with their windows and limits. `--fast` is therefore
 * one number, and changes no option.
 */
export interface Stretch {
  /** Story time at its beginning, wall-clock ms. */
  readonly storyAt: number;
  /** The machine's time at its beginning, wall-clock ms. */
  readonly machineAt: number;
  /** Story seconds in a second of the machine. */
  readonly speed: number;
}

/** The story's time at an instant of the machine's. */
export function storyTime({ storyAt, machineAt, speed }: Stretch, machineNow: number): number {
  return storyAt + (machineNow - machineAt) * speed;
}

/** A clock that shows story time. Steps of the machine's wall clock after its start do not reach it. */
export function storyClock(stretch: Stretch, machine: Clock = systemClock): Clock {
  const { speed } = stretch;
  const offset = storyTime(stretch, machine.now()) - machine.monotonic() * speed;
  return {
    now: () => Math.floor(offset + machine.monotonic() * speed),
    monotonic: () => machine.monotonic() * speed,
    // Rounded up: a timer that fires early would only be set again.
    setTimer: (callback, ms) => machine.setTimer(callback, Math.ceil(ms / speed)),
    clearTimer: (handle) => machine.clearTimer(handle),
    hold: (handle, alive) => machine.hold?.(handle, alive),
  };
}
