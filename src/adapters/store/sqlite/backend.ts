import type { DatabaseSync } from "node:sqlite";
import type { Coordinator } from "../../../ports/coordinator.ts";
import type { DocumentStore } from "../../../ports/document-store.ts";
import type { InboxStore } from "../../../ports/inbox-store.ts";
import type { StepStore } from "../../../ports/step-store.ts";
import type { Store } from "../../../ports/store.ts";
import type { WatermarkStore } from "../../../ports/watermark-store.ts";
import type { Sync } from "../sync.ts";
import { deadLetters } from "./dead-letters.ts";
import { health } from "./health.ts";
import { codecs } from "./codecs.ts";
import { coordinator } from "./coordinator.ts";
import { documents } from "./documents.ts";
import { idempotency, type IdempotencyVerbs } from "./idempotency.ts";
import { inbox } from "./inbox.ts";
import { operations, type QueueTransaction, type QueueVerbs } from "./operations/index.ts";
import { Unpacker } from "./packing.ts";
import type { Call } from "./protocol.ts";
import { steps } from "./steps.ts";
import { watermarks } from "./watermarks.ts";

/** All verbs on one connection, by port. */
export interface Backend {
  readonly idempotency: IdempotencyVerbs;
  readonly deadLetters: Sync<Store["deadLetters"]>;
  readonly operations: QueueVerbs;
  readonly coordinator: Sync<Coordinator>;
  readonly watermarks: Sync<WatermarkStore>;
  readonly steps: Sync<StepStore>;
  readonly inbox: Sync<InboxStore>;
  readonly documents: Sync<DocumentStore>;
  readonly health: Sync<Pick<Store, "check">>;
}

/** The verbs, and what must be done around the transactions that they run in. */
export function backend(path: string, db: DatabaseSync): { readonly verbs: Backend; readonly transaction: QueueTransaction } {
  const letters = deadLetters(db);
  const { queue, transaction } = operations(db, letters);
  const verbs: Backend = {
    idempotency: idempotency(db),
    deadLetters: letters,
    operations: queue,
    coordinator: coordinator(db),
    watermarks: watermarks(db),
    steps: steps(db),
    inbox: inbox(db, queue),
    documents: documents(db),
    health: health(path, db),
  };
  return { verbs, transaction };
}

/** Does what a call asks for. */
export function perform(verbs: Backend, { task }: Call): unknown {
  if ("codec" in task) return codecs[task.codec].run(verbs, new Unpacker(task.packed));
  const port = verbs[task.port as keyof Backend] as unknown as Record<string, (...args: readonly unknown[]) => unknown>;
  return (port[task.verb] as (...args: readonly unknown[]) => unknown)(...task.args);
}
