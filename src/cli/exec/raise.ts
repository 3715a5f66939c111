import { systemClock } from "../../adapters/clock/system.ts";
import type { AlertOptions } from "../../client/alert-options.ts";
import type { EventMap } from "../../ports/events.ts";
import type { StoreFactory } from "../../ports/store.ts";

/** What is not delivered by then waits in the queue. */
const PATIENCE_MS = 30_000;

/**
 * Tells the sinks of the config of runs that were given up. Each notice is an operation of the store's queue. Answers how many were not
 * delivered in half a minute: the next `holdfast exec` that has something to tell sends them, or a `holdfast serve` over this store.
 */
export async function raiseAlerts(
  alerts: AlertOptions,
  store: StoreFactory,
  letters: readonly EventMap["dead-letter:added"][],
): Promise<number> {
  const { createHoldfast } = await import("../../client/holdfast.ts");
  const hf = await createHoldfast({ apis: {}, store, alerts });
  const patience = new AbortController();
  const timer = systemClock.setTimer(() => patience.abort(), PATIENCE_MS);
  try {
    const told = await Promise.all(
      letters.map(async ({ id, endpoint, title }) => await hf.alerts?.givenUp({ subject: `exec ${endpoint}`, words: title, letter: id })),
    );
    const operations = told.flatMap((one) => one ?? []);
    const ends = await Promise.allSettled(operations.map((operation) => operation.result({ signal: patience.signal })));
    return ends.filter(({ status }) => status === "rejected").length;
  } finally {
    systemClock.clearTimer(timer);
    await hf.close({ grace: 0 });
  }
}
