import { durationMs, MAX_DELAY_MS } from "../core/duration.ts";
import type { Duration } from "../core/duration.ts";
import type { Clock, TimerHandle } from "../ports/clock.ts";

/** A clock that stands still until a test moves it. */
export interface ManualClock extends Clock {
  /**
   * Moves time on and fires every timer that falls due, in order, letting promises settle between them, so that a loop of
   * waits runs as it would in real time. What a timer throws comes out of it; time then stands at that timer.
   */
  advance(by: Duration): Promise<void>;
  /** Moves on to the next timer, however far; answers false when there is none. */
  next(): Promise<boolean>;
  /** Steps the wall clock alone, as an NTP correction or a user does; the monotonic clock does not notice. */
  stepWall(ms: number): void;
  /** Timers that are set and have not fired. */
  readonly pending: number;
}

interface ManualTimer {
  readonly at: number;
  readonly order: number;
  readonly callback: () => void;
}

/** Lets everything that is already settled run its continuations, however long the chain: they all come before an immediate. */
function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/**
 * Makes a manual clock. `now` is its first wall-clock instant (default 2026-01-15T12:00:00Z).
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { retry } from "holdfast";
 * import { manualClock } from "holdfast/testing";
 *
 * const clock = manualClock();
 * let calls = 0;
 * const result = retry(async () => {
 *   calls += 1;
 *   if (calls < 3) throw new Error("not yet");
 *   return "done";
 * }, { maxAttempts: 3, clock });
 * await clock.advance(60_000);
 * assert.equal(await result, "done");
 * ```
 */
export function manualClock(now: number = Date.UTC(2026, 0, 15, 12)): ManualClock {
  let elapsed = 0;
  let wall = now;
  let order = 0;
  const timers = new Set<ManualTimer>();

  const earliest = (): ManualTimer | undefined => {
    let first: ManualTimer | undefined;
    for (const timer of timers) {
      if (!first || timer.at < first.at || (timer.at === first.at && timer.order < first.order)) first = timer;
    }
    return first;
  };
  const moveTo = (instant: number): void => {
    if (instant <= elapsed) return;
    wall += instant - elapsed;
    elapsed = instant;
  };

  return {
    now: () => Math.floor(wall),
    monotonic: () => elapsed,
    setTimer(callback, ms): TimerHandle {
      // NaN counts as no wait at all, as it does for setTimeout; as an instant it would never come.
      const delayMs = ms > 0 ? Math.min(ms, MAX_DELAY_MS) : 0;
      const timer: ManualTimer = { at: elapsed + delayMs, order: (order += 1), callback };
      timers.add(timer);
      return timer;
    },
    clearTimer(handle) {
      timers.delete(handle as ManualTimer);
    },
    async advance(by) {
      const target = elapsed + durationMs(by, "by");
      await settle();
      for (let timer = earliest(); timer && timer.at <= target; timer = earliest()) {
        timers.delete(timer);
        moveTo(timer.at);
        timer.callback();
        await settle();
      }
      moveTo(target);
      await settle();
    },
    async next() {
      await settle();
      const timer = earliest();
      if (!timer) return false;
      timers.delete(timer);
      moveTo(timer.at);
      timer.callback();
      await settle();
      return true;
    },
    stepWall(ms) {
      wall += ms;
    },
    get pending() {
      return timers.size;
    },
  };
}
