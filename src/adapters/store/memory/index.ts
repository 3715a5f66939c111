import { ConfigError, StoreError } from "../../../core/errors.ts";
import type { Store, StoreFactory } from "../../../ports/store.ts";
import { asynchronous } from "../asynchronous.ts";
import { deadLetters } from "./dead-letters.ts";
import { idempotency } from "./idempotency.ts";

export interface MemoryOptions {
  /**
   * Dead letters that it holds at most; more are refused with a `StoreError`, none is dropped.
   *
   * @default 100_000
   */
  readonly maxDeadLetters?: number;
}

/**
 * Keeps everything in this process: for tests, for simulations, and for services that may forget at a restart.
 *
 * What it keeps belongs to the value that `memory()` gave. Engines that are given the same value share it, and it can be
 * opened again after `close()`, so that a test can restart an engine on what it left. It stays in bounds: expired answers
 * of idempotency keys are swept as the map grows, and dead letters are refused, never dropped, over `maxDeadLetters`.
 */
export function memory(options: MemoryOptions = {}): StoreFactory {
  const { maxDeadLetters = 100_000, ...unknown } = options;
  for (const name of Object.keys(unknown)) {
    throw new ConfigError({ path: `memory.${name}`, message: `memory() has no option ${JSON.stringify(name)}; it has maxDeadLetters` });
  }
  if (!Number.isInteger(maxDeadLetters) || maxDeadLetters < 1) {
    throw new ConfigError({
      path: "memory.maxDeadLetters",
      message: `memory.maxDeadLetters is a whole number from 1 up, not ${String(maxDeadLetters)}`,
    });
  }
  const kept = { idempotency: idempotency(), deadLetters: deadLetters(maxDeadLetters) };

  return async (): Promise<Store> => {
    let closed = false;
    const guard = (): void => {
      if (closed) throw new StoreError("the memory store is closed; open it again with the function that memory() gave");
    };
    return {
      name: "memory",
      idempotency: asynchronous(kept.idempotency, guard),
      deadLetters: asynchronous(kept.deadLetters, guard),
      check: async () => {
        guard();
        return { ok: true, faults: [], facts: { durable: false } };
      },
      close: async () => {
        closed = true;
      },
    };
  };
}
