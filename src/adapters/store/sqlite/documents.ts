import type { DatabaseSync } from "node:sqlite";
import type { Document, DocumentChange, DocumentStore } from "../../../ports/document-store.ts";
import type { Fenced } from "../../../ports/idempotency-store.ts";
import { decodeCursor, encodeCursor, pageLimit } from "../paging.ts";
import type { Sync } from "../sync.ts";

interface DocumentRow {
  readonly seq: number;
  readonly kind: string;
  readonly id: string;
  readonly body: string;
  readonly revision: number;
  readonly changed_at: number;
}

/** Documents, a row each. */
export function documents(db: DatabaseSync): Sync<DocumentStore> {
  const insert = db.prepare(
    "INSERT INTO document (kind, id, body, revision, changed_at) VALUES (?, ?, ?, 1, ?) ON CONFLICT (kind, id) DO NOTHING",
  );
  const update = db.prepare(
    "UPDATE document SET body = ?, revision = revision + 1, changed_at = ? WHERE kind = ? AND id = ? AND revision = ?",
  );
  const remove = db.prepare("DELETE FROM document WHERE kind = ? AND id = ? AND revision = ?");
  const find = db.prepare("SELECT * FROM document WHERE kind = ? AND id = ?");
  const page = db.prepare("SELECT * FROM document WHERE kind = ? AND seq > ? ORDER BY seq LIMIT ?");

  const write = ({ kind, id, body, revision, now }: DocumentChange): Fenced => {
    if (revision === 0 && body === null) return find.get(kind, id) === undefined ? "applied" : "stale";
    const { changes } =
      body === null
        ? remove.run(kind, id, revision)
        : revision === 0
          ? insert.run(kind, id, body, now)
          : update.run(body, now, kind, id, revision);
    return changes === 1 ? "applied" : "stale";
  };

  return {
    write: (changes) => changes.map(write),
    read: (refs) =>
      refs.map(({ kind, id }) => {
        const row = find.get(kind, id) as unknown as DocumentRow | undefined;
        return row && toDocument(row);
      }),
    list: (kind, request) => {
      const limit = pageLimit(request);
      const [after] = decodeCursor<[number]>("documents", request, 1) ?? [0];
      const rows = page.all(kind, after, limit + 1) as unknown as DocumentRow[];
      const shown = rows.slice(0, limit);
      const last = shown.at(-1);
      return { items: shown.map(toDocument), next: last && rows.length > limit ? encodeCursor("documents", [last.seq]) : null };
    },
  };
}

function toDocument({ kind, id, body, revision, changed_at: changedAt }: DocumentRow): Document {
  return { kind, id, body, revision, changedAt };
}
