import type { DeadLetterStore } from "./dead-letter-store.ts";
import type { IdempotencyStore } from "./idempotency-store.ts";

/** Everything that must outlive a call. Instants are absolute and given by the caller; a store has no clock. */
export interface Store {
  /** Which backend, for messages: `memory`, `sqlite`… */
  readonly name: string;
  readonly idempotency: IdempotencyStore;
  readonly deadLetters: DeadLetterStore;
  /** Looks at the store's own health; every fault is one line. */
  check(): Promise<StoreCheck>;
  /** Writes what is pending and lets go. A second call does nothing. */
  close(): Promise<void>;
}

export interface StoreCheck {
  readonly ok: boolean;
  readonly faults: readonly string[];
  /** Settings and sizes, for `holdfast store check`. */
  readonly facts: Readonly<Record<string, string | number | boolean>>;
}

/** Opens a store. What `sqlite("file.db")` and `memory()` give; `createHoldfast` calls it once. */
export type StoreFactory = () => Promise<Store>;
