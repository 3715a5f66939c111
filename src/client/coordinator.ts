import { ConfigError } from "../core/errors.ts";
import type { CoordinatorFactory } from "../ports/coordinator.ts";
import type { Store } from "../ports/store.ts";

/** What processes share their lanes by, if they do. Where it cannot be opened, neither is the store left open. */
export async function openCoordinator(
  given: "store" | CoordinatorFactory | undefined,
  store: Store,
): Promise<Awaited<ReturnType<CoordinatorFactory>> | undefined> {
  try {
    if (given !== "store") return await given?.();
    if (store.coordinator !== undefined) return store.coordinator;
    throw new ConfigError({
      path: "coordinator",
      message: `coordinator is "store", and the store ${store.name} is none; use sqlite() or postgres()`,
    });
  } catch (error) {
    await store.close();
    throw error;
  }
}
