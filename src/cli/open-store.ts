import { createHoldfast, type Holdfast } from "../client/holdfast.ts";
import { ConfigError } from "../core/errors.ts";
import { existingStore, loadConfig, storeOf } from "./config-file.ts";

/** Where a command finds what it works on. */
export interface StoreOptions {
  readonly store?: string;
  readonly config?: string;
}

/** What a command needs: to look at the store, or also to send requests, which takes the APIs' definitions. */
export type Need = "store" | "apis";

/** Opens an engine for a command, gives it to `work`, and closes it, whatever happens. */
export async function withHoldfast<Result>(options: StoreOptions, need: Need, work: (hf: Holdfast) => Promise<Result>): Promise<Result> {
  const loaded = options.store !== undefined && need === "store" ? undefined : await loadConfig(options.config);
  if (need === "apis" && loaded === undefined) {
    throw new ConfigError({
      path: "--config",
      message: "sending again takes the APIs' definitions, for their limits and credentials; name the config with --config",
    });
  }
  const fromConfig = options.store === undefined && loaded?.config.store !== undefined;
  const store = fromConfig && loaded !== undefined ? storeOf(loaded) : existingStore(options.store ?? "holdfast.db");
  const hf = await createHoldfast({ apis: loaded?.config.apis ?? {}, store });
  try {
    return await work(hf);
  } finally {
    await hf.close();
  }
}
