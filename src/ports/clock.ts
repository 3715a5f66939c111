import { MAX_DELAY_MS } from "../core/duration.ts";

/** A timer that was set; only the clock that made it can read it. */
export type TimerHandle = unknown;

/**
 * Time, as the engine sees it. `now` is for instants that outlive the process or are told to people; `monotonic` is for
 * every measurement and wait, because wall clocks step.
 */
export interface Clock {
  /** Wall clock: milliseconds since 1970. */
  now(): number;
  /** Milliseconds from an arbitrary start; never goes back. */
  monotonic(): number;
  /** Calls back once after `ms` (clamped to {@link MAX_DELAY_MS}). A pending timer keeps the process alive. */
  setTimer(callback: () => void, ms: number): TimerHandle;
  /** Forgets a timer; a timer that has fired, or was cleared before, is ignored. */
  clearTimer(handle: TimerHandle): void;
  /**
   * Whether a pending timer keeps the process alive (it does unless told otherwise). Left out by clocks that hold nothing
   * alive anyway.
   */
  hold?(handle: TimerHandle, alive: boolean): void;
}

/**
 * Waits `ms`, or rejects with the signal's reason as soon as it aborts. The listener is taken off again, so that many
 * waits may share one long-lived signal.
 */
export function sleep(clock: Clock, ms: number, signal?: AbortSignal): Promise<undefined> {
  const delayMs = Math.min(Math.max(0, ms), MAX_DELAY_MS);
  return signal === undefined ? sleepThrough(clock, delayMs) : sleepUnlessAborted(clock, delayMs, signal);
}

function sleepThrough(clock: Clock, delayMs: number): Promise<undefined> {
  return new Promise((resolve) => {
    clock.setTimer(() => resolve(undefined), delayMs);
  });
}

function sleepUnlessAborted(clock: Clock, delayMs: number, signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(signal.reason as Error);
      return;
    }
    const onAbort = (): void => {
      clock.clearTimer(timer);
      reject(signal.reason as Error);
    };
    const timer = clock.setTimer(() => {
      signal.removeEventListener("abort", onAbort);
      resolve(undefined);
    }, delayMs);
    signal.addEventListener("abort", onAbort, { once: true });
  });
}
