import type { DeadLetterStore } from "./dead-letter-store.ts";
import type { Coordinator } from "./coordinator.ts";
import type { DocumentStore } from "./document-store.ts";
import type { IdempotencyStore } from "./idempotency-store.ts";
import type { InboxStore } from "./inbox-store.ts";
import type { OperationStore } from "./operation-store.ts";
import type { StepStore } from "./step-store.ts";
import type { WatermarkStore } from "./watermark-store.ts";

/**
 * Everything that must outlive a call. Instants are absolute and given by the caller; a store has no clock.
 *
 * A promise that resolves means: durable. One that rejects with a `StoreError` means: not acknowledged, and on a backend
 * whose connection broke between the commit and its answer perhaps written all the same; verbs are made so that asking
 * again is harmless. A store that cannot write any more (disk full, a failed fsync) fails every call with the same error
 * until it is opened again.
 */
export interface Store {
  /** Which backend, for messages: `memory`, `sqlite`… */
  readonly name: string;
  readonly idempotency: IdempotencyStore;
  readonly deadLetters: DeadLetterStore;
  /** The durable queue. */
  readonly operations?: OperationStore;
  /** What processes tell each other of the lanes that they share. */
  readonly coordinator?: Coordinator;
  /** How far syncs have come. */
  readonly watermarks?: WatermarkStore;
  /** What pipelines have done. */
  readonly steps?: StepStore;
  /** Which webhooks were taken. */
  readonly inbox?: InboxStore;
  /** States of alerts, silences and baselines. */
  readonly documents?: DocumentStore;
  /** Looks at the store's own health; every fault is one line. */
  check(): Promise<StoreCheck>;
  /** Writes what is pending and lets go. A second call does nothing; any other verb then rejects with a `StoreError`. */
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
