import type { Document, DocumentChange, DocumentRef, DocumentStore } from "../../../ports/document-store.ts";
import type { Fenced } from "../../../ports/idempotency-store.ts";
import { decodeCursor, encodeCursor, pageLimit } from "../paging.ts";
import type { Sync } from "../sync.ts";

interface Entry {
  readonly seq: number;
  readonly document: Document;
}

/** Documents in a Map, in the order in which they were made. */
export function documents(): Sync<DocumentStore> {
  const entries = new Map<string, Entry>();
  let lastSeq = 0;

  const write = (change: DocumentChange): Fenced => {
    const { kind, id, body, revision, now } = change;
    const key = keyOf(change);
    const known = entries.get(key);
    if ((known?.document.revision ?? 0) !== revision) return "stale";
    if (body === null) entries.delete(key);
    else entries.set(key, { seq: known?.seq ?? (lastSeq += 1), document: { kind, id, body, revision: revision + 1, changedAt: now } });
    return "applied";
  };

  return {
    write: (changes) => changes.map(write),
    read: (refs) => refs.map((ref) => entries.get(keyOf(ref))?.document),
    list: (kind, page) => {
      const limit = pageLimit(page);
      const [after] = decodeCursor<[number]>("documents", page, 1) ?? [0];
      const found = [...entries.values()].filter(({ seq, document }) => document.kind === kind && seq > after);
      const shown = found.slice(0, limit);
      const last = shown.at(-1);
      return {
        items: shown.map(({ document }) => document),
        next: last && found.length > limit ? encodeCursor("documents", [last.seq]) : null,
      };
    },
  };
}

function keyOf({ kind, id }: DocumentRef): string {
  return JSON.stringify([kind, id]);
}
