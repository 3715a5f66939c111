import type { DatabaseSync } from "node:sqlite";
import type { Store } from "../../../ports/store.ts";
import type { Sync } from "../sync.ts";
import { deadLetters } from "./dead-letters.ts";
import { health } from "./health.ts";
import { idempotency } from "./idempotency.ts";
import type { Call } from "./protocol.ts";

/** All verbs on one connection, by port. */
export interface Backend {
  readonly idempotency: Sync<Store["idempotency"]>;
  readonly deadLetters: Sync<Store["deadLetters"]>;
  readonly health: Sync<Pick<Store, "check">>;
}

export function backend(path: string, db: DatabaseSync): Backend {
  return { idempotency: idempotency(db), deadLetters: deadLetters(db), health: health(path, db) };
}

/** Does what a call names. */
export function perform(verbs: Backend, [, port, verb, args]: Call): unknown {
  const named = verbs[port as keyof Backend] as unknown as Record<string, (...args: readonly unknown[]) => unknown>;
  return (named[verb] as (...args: readonly unknown[]) => unknown)(...args);
}
