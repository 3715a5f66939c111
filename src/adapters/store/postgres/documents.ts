import type { Document, DocumentChange, DocumentRef, DocumentStore } from "../../../ports/document-store.ts";
import { decodeCursor, encodeCursor, pageLimit } from "../paging.ts";
import type { Database } from "./database.ts";
import type { DatabaseTime } from "./database-time.ts";
import { hashOf } from "./hash.ts";
import { surviving } from "./lost-answers.ts";
import { packText, plainArray, textArray, unpackText } from "./parameters.ts";
import { statement } from "./statement.ts";
import { inWaves } from "./waves.ts";

/** Documents, a row each. */
export function documents(database: Database, schema: string): DocumentStore {
  const { time } = database;
  const table = `"${schema}".document`;
  const asked = `asked AS (
    SELECT * FROM unnest(($1::text)::uuid[], ($2::text)::text[], ($3::text)::text[], ($4::text)::text[], ($5::text)::int4[], ($6::text)::float8[])
      AS asked (hash, kind, id, body, revision, now))`;
  const change = statement<[hash: string]>(
    `WITH ${asked},
     locked AS (
       SELECT held.hash FROM ${table} AS held JOIN asked USING (hash) WHERE held.revision = asked.revision ORDER BY held.hash FOR UPDATE OF held),
     gone AS (
       DELETE FROM ${table} AS held USING asked, locked
       WHERE held.hash = asked.hash AND locked.hash = held.hash AND held.revision = asked.revision AND asked.body IS NULL RETURNING held.hash),
     changed AS (
       UPDATE ${table} AS held SET body = asked.body, revision = held.revision + 1, changed_at = asked.now FROM asked, locked
       WHERE held.hash = asked.hash AND locked.hash = held.hash AND held.revision = asked.revision AND asked.body IS NOT NULL RETURNING held.hash),
     made AS (
       INSERT INTO ${table} (hash, kind, id, body, revision, changed_at)
       SELECT hash, kind, id, body, 1, now FROM asked WHERE revision = 0 AND body IS NOT NULL ORDER BY hash
       ON CONFLICT (hash) DO NOTHING RETURNING hash),
     idle AS (
       SELECT hash FROM asked WHERE revision = 0 AND body IS NULL AND NOT EXISTS (SELECT FROM ${table} AS held WHERE held.hash = asked.hash))
     SELECT hash::text FROM gone UNION ALL SELECT hash::text FROM changed UNION ALL SELECT hash::text FROM made
     UNION ALL SELECT hash::text FROM idle`,
  );
  const stands = statement<[hash: string]>(
    `WITH ${asked}
     SELECT asked.hash::text FROM asked LEFT JOIN ${table} AS held USING (hash)
     WHERE CASE WHEN asked.body IS NULL THEN held.hash IS NULL ELSE held.revision = asked.revision + 1 AND held.body = asked.body END`,
  );
  const find = statement<DocumentRow>(`SELECT ${COLUMNS} FROM ${table} WHERE hash = ANY (($1::text)::uuid[])`);
  const page = statement<DocumentRow>(
    `SELECT ${COLUMNS} FROM ${table} WHERE kind = $1::text AND seq > ($2::text)::float8::bigint ORDER BY seq LIMIT ($3::text)::int4`,
  );

  const valuesOf = (changes: readonly DocumentChange[]): string[] => [
    textArray(changes.map(keyOf)),
    textArray(changes.map(({ kind }) => kind)),
    textArray(changes.map(({ id }) => id)),
    textArray(changes.map(({ body }) => body)),
    plainArray(changes.map(({ revision }) => revision)),
    plainArray(changes.map(({ now }) => time.toDatabase(now))),
  ];
  const write = surviving<DocumentChange>({
    keyOf,
    nameOf: ({ revision, body }) => `${revision} ${body}`,
    apply: (changes) => database.once("write documents", change, valuesOf(changes)),
    standing: (changes) => database.repeatable("look for written documents", stands, valuesOf(changes)),
  });

  return {
    write: (changes) => inWaves(changes, keyOf, write),
    read: async (refs) => {
      if (refs.length === 0) return [];
      const rows = await database.repeatable("read documents", find, [textArray(refs.map(keyOf))]);
      const found = new Map(rows.map((row) => toDocument(row, time)).map((document) => [keyOf(document), document]));
      return refs.map((ref) => found.get(keyOf(ref)));
    },
    list: async (kind, request) => {
      const limit = pageLimit(request);
      const [after] = decodeCursor<[number]>("documents", request, 1) ?? [0];
      const rows = await database.repeatable("list documents", page, [packText(kind), String(after), String(limit + 1)]);
      const shown = rows.slice(0, limit);
      const last = shown.at(-1);
      return {
        items: shown.map((row) => toDocument(row, time)),
        next: last && rows.length > limit ? encodeCursor("documents", [last[0]]) : null,
      };
    },
  };
}

const COLUMNS = "seq::float8, kind, id, body, revision, changed_at";

type DocumentRow = readonly [seq: number, kind: string, id: string, body: string, revision: number, changedAt: number];

function keyOf({ kind, id }: DocumentRef): string {
  return hashOf(kind, id);
}

function toDocument([, kind, id, body, revision, changedAt]: DocumentRow, time: DatabaseTime): Document {
  return { kind: unpackText(kind), id: unpackText(id), body: unpackText(body), revision, changedAt: time.fromDatabase(changedAt) };
}
