import { MAX_DELAY_MS } from "../../core/duration.ts";
import type { Clock } from "../../ports/clock.ts";

/** The machine's own time. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  setTimer: (callback, ms) => setTimeout(callback, Math.min(ms, MAX_DELAY_MS)),
  clearTimer: (handle) => clearTimeout(handle as ReturnType<typeof setTimeout>),
  hold(handle, alive) {
    // Browsers give a number, which holds nothing alive.
    if (typeof handle !== "object" || handle === null) return;
    if (alive) (handle as NodeJS.Timeout).ref();
    else (handle as NodeJS.Timeout).unref();
  },
};
