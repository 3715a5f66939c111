import type { Clock, TimerHandle } from "../../ports/clock.ts";

/** The waits that a server has under way, so that closing it ends them all. */
export interface Timers {
  after(ms: number, callback: () => void): void;
  clear(): void;
}

export function timers(clock: Clock): Timers {
  const pending = new Set<{ handle: TimerHandle }>();
  return {
    after(ms, callback) {
      const timer: { handle: TimerHandle } = { handle: undefined };
      timer.handle = clock.setTimer(() => {
        pending.delete(timer);
        callback();
      }, ms);
      pending.add(timer);
    },
    clear() {
      for (const timer of pending) clock.clearTimer(timer.handle);
      pending.clear();
    },
  };
}
