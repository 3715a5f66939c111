import type { Fenced } from "./idempotency-store.ts";
import type { Page, PageRequest } from "./page.ts";

/** Names a document: what it is about, and which one. */
export interface DocumentRef {
  /** Such as `alert` or `silence`. */
  readonly kind: string;
  readonly id: string;
}

export interface Document extends DocumentRef {
  /** As JSON; what it means is its reader's affair. */
  readonly body: string;
  /** Counts its changes from 1 up. */
  readonly revision: number;
  /** Wall-clock ms of the last change. */
  readonly changedAt: number;
}

/** A change of what the writer has seen: applied only while the document has that revision (0: while there is none). */
export interface DocumentChange extends DocumentRef {
  readonly revision: number;
  /** The new body as JSON; null takes the document away. */
  readonly body: string | null;
  readonly now: number;
}

/**
 * Keeps small documents that outlive a process and are changed by few: the state of an alert, a silence, a baseline. Verbs take
 * batches and answer in order; a promise that resolves means durable.
 */
export interface DocumentStore {
  /** `stale`: somebody else has changed it since it was seen. */
  write(changes: readonly DocumentChange[]): Promise<readonly Fenced[]>;
  read(refs: readonly DocumentRef[]): Promise<readonly (Document | undefined)[]>;
  /** All of a kind, in the order in which they were made. */
  list(kind: string, page: PageRequest): Promise<Page<Document>>;
}
