import { systemClock } from "../adapters/clock/system.ts";
import { ConfigError } from "../core/errors.ts";
import { loadConfig } from "./config-file.ts";
import type { StoreOptions } from "./open-store.ts";
import { chosenStore, storeFactory, targetOf } from "./store-factory.ts";

/** What is not delivered by then is told as it stands, and taken out of the queue: an old test is no news. */
const PATIENCE_MS = 15_000;

/** What became of a test at one sink. */
export interface SinkResult {
  readonly sink: string;
  readonly delivered: boolean;
  readonly ms: number;
  /** Why it was not. */
  readonly because?: string;
}

/** Sends a test to every sink of the config, through the queue of the store as any notice goes, and waits for the ends. @throws ConfigError */
export async function testLocally({ store, config }: StoreOptions): Promise<readonly SinkResult[]> {
  const loaded = await loadConfig(config);
  const alerts = loaded?.config.alerts;
  if (loaded === undefined || alerts === undefined) {
    throw new ConfigError({
      path: "alerts",
      message:
        loaded === undefined
          ? "there is no config here; name the one with the sinks with --config"
          : `${loaded.file} has no alerts, so there is nobody to tell`,
    });
  }
  const factory = store === undefined ? await storeFactory(targetOf(loaded)) : await chosenStore(store, loaded);
  const { createHoldfast } = await import("../client/holdfast.ts");
  // No API of the config: the work that waits for them in the store is not this command's.
  const hf = await createHoldfast({ apis: {}, store: factory, alerts, history: false });
  const patience = new AbortController();
  const timer = systemClock.setTimer(() => patience.abort(), PATIENCE_MS);
  const startedAt = systemClock.monotonic();
  try {
    const tested = (await hf.alerts?.test()) ?? [];
    return await Promise.all(
      tested.map(async ({ sink, operation }): Promise<SinkResult> => {
        try {
          await operation.result({ signal: patience.signal });
          return { sink, delivered: true, ms: Math.round(systemClock.monotonic() - startedAt) };
        } catch {
          const { attempts } = await hf.operations.get(operation.id);
          await hf.operations.cancel([operation.id], "the test was given up");
          return {
            sink,
            delivered: false,
            ms: Math.round(systemClock.monotonic() - startedAt),
            because: attempts.at(-1)?.verdict.because ?? "nobody has tried it",
          };
        }
      }),
    );
  } finally {
    systemClock.clearTimer(timer);
    await hf.close({ grace: 0 });
  }
}
