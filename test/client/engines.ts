/** Engines for tests: retries come at once, and every engine is closed. */
import { systemClock } from "../../src/adapters/clock/system.ts";
import type { ApiOptions } from "../../src/api/api-options.ts";
import type { Clock } from "../../src/ports/clock.ts";
import { createHoldfast, type Holdfast, type HoldfastOptions } from "../../src/client/holdfast.ts";

/** Waits of a millisecond or two, which no test notices. */
export const QUICK: NonNullable<ApiOptions["retry"]> = { maxAttempts: 3, backoff: { base: 1, cap: 2 } };

export const FASTER = 50;
const STARTED = systemClock.now();

/** A clock on which a minute takes a second or so: waits that a test must see, but not sit through. */
export const FAST: Clock = {
  now: () => STARTED + (systemClock.now() - STARTED) * FASTER,
  monotonic: () => systemClock.monotonic() * FASTER,
  setTimer: (callback, ms) => systemClock.setTimer(callback, ms / FASTER),
  clearTimer: (handle) => systemClock.clearTimer(handle),
};

export function engineFor(
  baseUrl: string,
  api: Omit<ApiOptions, "baseUrl"> = {},
  options: Partial<HoldfastOptions> = {},
): Promise<Holdfast<"api">> {
  return createHoldfast({ ...options, apis: { api: { baseUrl, retry: QUICK, ...api } } });
}
