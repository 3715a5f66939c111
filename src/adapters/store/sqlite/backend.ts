import type { DatabaseSync } from "node:sqlite";
import type { Store } from "../../../ports/store.ts";
import type { Sync } from "../sync.ts";
import { deadLetters } from "./dead-letters.ts";
import { health } from "./health.ts";
import { idempotency } from "./idempotency.ts";
import { operations, type Queue, type QueueTransaction } from "./operations/index.ts";
import type { Call } from "./protocol.ts";

/** All verbs on one connection, by port. */
export interface Backend {
  readonly idempotency: Sync<Store["idempotency"]>;
  readonly deadLetters: Sync<Store["deadLetters"]>;
  readonly operations: Queue;
  readonly health: Sync<Pick<Store, "check">>;
}

/** The verbs, and what must be done around the transactions that they run in. */
export function backend(path: string, db: DatabaseSync): { readonly verbs: Backend; readonly transaction: QueueTransaction } {
  const letters = deadLetters(db);
  const { queue, transaction } = operations(db, letters);
  return { verbs: { idempotency: idempotency(db), deadLetters: letters, operations: queue, health: health(path, db) }, transaction };
}

/** Does what a call names. */
export function perform(verbs: Backend, [, port, verb, args]: Call): unknown {
  const named = verbs[port as keyof Backend] as unknown as Record<string, (...args: readonly unknown[]) => unknown>;
  return (named[verb] as (...args: readonly unknown[]) => unknown)(...args);
}
