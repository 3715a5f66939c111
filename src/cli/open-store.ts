import type { Holdfast } from "../client/holdfast.ts";
import type { Store } from "../ports/store.ts";
import { ConfigError } from "../core/errors.ts";
import { loadConfig } from "./config-file.ts";
import { chosenStore, storeFactory, targetOf } from "./store-factory.ts";

/** Where a command finds what it works on. */
export interface StoreOptions {
  readonly store?: string;
  readonly config?: string;
}

/** What a command needs: to look at the store, or also to send requests, which takes the APIs' definitions. */
export type Need = "store" | "apis";

/** Opens an engine for a command, gives it to `work`, and closes it, whatever happens. `fresh`: the config's store may be made now. */
export async function withHoldfast<Result>(
  options: StoreOptions,
  need: Need,
  work: (hf: Holdfast, store: Store) => Promise<Result>,
  { fresh = false }: { readonly fresh?: boolean } = {},
): Promise<Result> {
  const loaded = options.store !== undefined && need === "store" ? undefined : await loadConfig(options.config);
  if (need === "apis" && loaded === undefined) {
    throw new ConfigError({
      path: "--config",
      message: "sending takes the APIs' definitions, for their limits and credentials; name the config with --config",
    });
  }
  const factory =
    fresh && options.store === undefined && loaded !== undefined
      ? await storeFactory(targetOf(loaded))
      : await chosenStore(options.store, loaded);
  // Loaded when there is something to open: help, and a name with a typo, do without the engine.
  const { createHoldfast } = await import("../client/holdfast.ts");
  const store = await factory();
  const hf = await createHoldfast({ apis: loaded?.config.apis ?? {}, store: async () => store, pipelines: loaded?.config.pipelines ?? [] });
  try {
    return await work(hf, store);
  } finally {
    await hf.close();
  }
}
