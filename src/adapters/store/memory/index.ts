import { ConfigError, StoreError } from "../../../core/errors.ts";
import type { Store, StoreFactory } from "../../../ports/store.ts";
import { asynchronous } from "../asynchronous.ts";
import { withInboxNotice, withNotice, WorkNotice } from "../work-notice.ts";
import { coordinator } from "./coordinator.ts";
import { deadLetters } from "./dead-letters.ts";
import { documents } from "./documents.ts";
import { idempotency } from "./idempotency.ts";
import { inbox } from "./inbox.ts";
import { operations } from "./operations/index.ts";
import { steps } from "./steps.ts";
import { watermarks } from "./watermarks.ts";

export interface MemoryOptions {
  /**
   * Dead letters that it holds at most; more are refused with a `StoreError`, none is dropped.
   *
   * @default 100_000
   */
  readonly maxDeadLetters?: number;
  /**
   * Operations that have not ended which its queue holds at most; more are refused with a `StoreError`.
   *
   * @default 100_000
   */
  readonly maxOperations?: number;
}

const DEFAULTS: Required<MemoryOptions> = { maxDeadLetters: 100_000, maxOperations: 100_000 };

/**
 * Keeps everything in this process: for tests, for simulations, and for services that may forget at a restart.
 *
 * What it keeps belongs to the value that `memory()` gave. Engines that are given the same value share it, and it can be
 * opened again after `close()`, so that a test can restart an engine on what it left. It stays in bounds: expired answers
 * of idempotency keys and operations that have ended are swept as their number grows; dead letters and operations over their
 * limits are refused, never dropped.
 */
export function memory(options: MemoryOptions = {}): StoreFactory {
  const { maxDeadLetters, maxOperations } = resolve(options);
  const letters = deadLetters(maxDeadLetters);
  const queue = operations(letters, maxOperations);
  const kept = {
    idempotency: idempotency(),
    deadLetters: letters,
    operations: queue,
    coordinator: coordinator(),
    watermarks: watermarks(),
    steps: steps(),
    inbox: inbox(queue),
    documents: documents(),
  };
  const notice = new WorkNotice();

  return async (): Promise<Store> => {
    let closed = false;
    const guard = (): void => {
      if (closed) throw new StoreError("the memory store is closed; open it again with the function that memory() gave");
    };
    return {
      name: "memory",
      idempotency: asynchronous(kept.idempotency, guard),
      deadLetters: asynchronous(kept.deadLetters, guard),
      operations: withNotice(asynchronous(kept.operations, guard), notice),
      coordinator: asynchronous(kept.coordinator, guard),
      watermarks: asynchronous(kept.watermarks, guard),
      steps: asynchronous(kept.steps, guard),
      inbox: withInboxNotice(asynchronous(kept.inbox, guard), notice),
      documents: asynchronous(kept.documents, guard),
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

function resolve(options: MemoryOptions): Required<MemoryOptions> {
  for (const [name, value] of Object.entries(options)) {
    if (!Object.hasOwn(DEFAULTS, name)) {
      const known = Object.keys(DEFAULTS).join(", ");
      throw new ConfigError({ path: `memory.${name}`, message: `memory() has no option ${JSON.stringify(name)}; it has ${known}` });
    }
    if (value !== undefined && (!Number.isInteger(value) || value < 1)) {
      throw new ConfigError({ path: `memory.${name}`, message: `memory.${name} is a whole number from 1 up, not ${String(value)}` });
    }
  }
  return { ...DEFAULTS, ...options };
}
