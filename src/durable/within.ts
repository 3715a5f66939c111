import { sleep, type Clock } from "../ports/clock.ts";

/** Waits for a promise, so long; answers whether it came. */
export async function within(clock: Clock, promise: Promise<void>, ms: number): Promise<boolean> {
  const came = new AbortController();
  const late = sleep(clock, ms, came.signal).then(
    () => false,
    () => true,
  );
  const inTime = await Promise.race([promise.then(() => true), late]);
  came.abort();
  return inTime;
}
