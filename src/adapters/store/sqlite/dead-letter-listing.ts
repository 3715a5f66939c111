import type { DatabaseSync, SQLInputValue } from "node:sqlite";
import type {
  ConcernedLetter,
  DeadLetter,
  DeadLetterFilter,
  DeadLetterGroup,
  DeadLetterStore,
  OpenLetters,
  Page,
  PageRequest,
} from "../../../ports/dead-letter-store.ts";
import { decodeCursor, encodeCursor, PAGE_BYTES, pageLimit } from "../paging.ts";
import type { Sync } from "../sync.ts";
import { letterReader, type DeadRow } from "./dead-letter-entry.ts";
import { statementCache } from "./statement-cache.ts";

/** The listings; they run on the reader thread. */
export function listing(db: DatabaseSync): Pick<Sync<DeadLetterStore>, "list" | "groups" | "openLetters" | "spread" | "concerned"> {
  const prepared = statementCache(db);
  const toLetter = letterReader(db);
  const lastSeq = db.prepare("SELECT coalesce(max(seq), 0) AS seq FROM dead");

  const countOpen = db.prepare(
    "SELECT api, endpoint, count(*) AS open, min(died_at) AS oldestAt FROM dead INDEXED BY dead_open WHERE state = 'open' GROUP BY api, endpoint ORDER BY api, endpoint",
  );
  const countSteps = db.prepare(
    `SELECT CAST((died_at - :from) / :step AS INTEGER) AS step, count(*) AS count FROM dead
     WHERE fingerprint = :fingerprint AND died_at >= :from AND died_at < :to GROUP BY 1`,
  );

  const readConcerned = db.prepare(
    `SELECT api, endpoint, partition, reason, labels, died_at AS diedAt FROM dead WHERE state = 'open' AND died_at >= ?
     ORDER BY died_at DESC, seq DESC LIMIT ?`,
  );

  const list = (filter: DeadLetterFilter, page: PageRequest): Page<DeadLetter> => {
    const limit = pageLimit(page);
    const after = decodeCursor<[number, number]>("dead-letters", page, 2);
    const conditions = conditionsOf(filter);
    if (after) conditions.push(["(died_at, seq) < (?, ?)", ...after]);
    // A label's letters are put in order by themselves, and only those of the page are read whole.
    const found = `SELECT ${filter.labels ? "seq" : "*"} FROM dead ${where(conditions)} ORDER BY died_at DESC, seq DESC LIMIT ?`;
    const statement = prepared(filter.labels ? `SELECT * FROM dead WHERE seq IN (${found}) ORDER BY died_at DESC, seq DESC` : found);
    const items: DeadLetter[] = [];
    let bytes = 0;
    let last: DeadRow | undefined;
    for (const raw of statement.iterate(...valuesOf(conditions), limit + 1)) {
      const row = raw as unknown as DeadRow;
      const weight = row.request_body?.byteLength ?? 0;
      if (last && (items.length === limit || bytes + weight > PAGE_BYTES)) {
        return { items, next: encodeCursor("dead-letters", [last.died_at, last.seq]) };
      }
      items.push(toLetter(row));
      bytes += weight;
      last = row;
    }
    return { items, next: null };
  };

  const groups = (filter: DeadLetterFilter, page: PageRequest): Page<DeadLetterGroup> => {
    const limit = pageLimit(page);
    const after = decodeCursor<[number, number, number]>("dead-letter-groups", page, 3);
    // Later pages count only letters that were there for the first one, so that a group that grows meanwhile stays in its place.
    const mark = after?.[0] ?? (lastSeq.get() as { seq: number }).seq;
    const conditions: Condition[] = [...conditionsOf(filter), ["seq <= ?", mark]];
    // All that these ask for stands in the index of groups; the planner would read the letters by another one.
    const { ids, api, reason, labels } = filter;
    const covered = [ids, api, reason, labels].every((one) => one === undefined) ? "INDEXED BY dead_by_group" : "";
    const statement = prepared(
      `SELECT dead_group.*, total, open, first_at, last_at
       FROM (SELECT fingerprint, count(*) AS total, sum(state = 'open') AS open, min(died_at) AS first_at, max(died_at) AS last_at
             FROM dead ${covered} ${where(conditions)} GROUP BY fingerprint) JOIN dead_group USING (fingerprint)
       ${after ? "WHERE (last_at, dead_group.seq) < (?, ?)" : ""} ORDER BY last_at DESC, dead_group.seq DESC LIMIT ?`,
    );
    const rows = statement.all(...valuesOf(conditions), ...(after?.slice(1) ?? []), limit + 1) as unknown as GroupRow[];
    const shown = rows.slice(0, limit);
    const end = shown.at(-1);
    return {
      items: shown.map(toGroup),
      next: end && rows.length > limit ? encodeCursor("dead-letter-groups", [mark, end.last_at, end.seq]) : null,
    };
  };

  return {
    list,
    groups,
    openLetters: () => countOpen.all().map((row) => ({ ...row }) as unknown as OpenLetters),
    concerned: (since, limit) =>
      (readConcerned.all(since, limit) as unknown as (Omit<ConcernedLetter, "labels"> & { readonly labels: string })[]).map((row) => ({
        ...row,
        labels: JSON.parse(row.labels) as ConcernedLetter["labels"],
      })),
    spread: (fingerprints, { from, stepMs, steps }) =>
      fingerprints.map((fingerprint) => {
        const counts = Array.from({ length: steps }, () => 0);
        const rows = countSteps.all({ fingerprint, from, step: stepMs, to: from + stepMs * steps });
        for (const { step, count } of rows as { step: number; count: number }[]) counts[step] = count;
        return counts;
      }),
  };
}

interface GroupRow {
  readonly seq: number;
  readonly fingerprint: string;
  readonly title: string;
  readonly api: string;
  readonly endpoint: string;
  readonly reason: DeadLetterGroup["reason"];
  readonly state: DeadLetterGroup["state"];
  readonly regressed: number;
  readonly total: number;
  readonly open: number;
  readonly first_at: number;
  readonly last_at: number;
}

function toGroup(row: GroupRow): DeadLetterGroup {
  return {
    fingerprint: row.fingerprint,
    title: row.title,
    api: row.api,
    endpoint: row.endpoint,
    reason: row.reason,
    state: row.state,
    regressed: row.regressed === 1,
    open: row.open,
    total: row.total,
    firstAt: row.first_at,
    lastAt: row.last_at,
  };
}

/** A clause and the values of its question marks. */
type Condition = [clause: string, ...values: SQLInputValue[]];

function conditionsOf(filter: DeadLetterFilter): Condition[] {
  const conditions: Condition[] = [];
  if (filter.ids !== undefined) conditions.push(["id IN (SELECT value FROM json_each(?))", JSON.stringify(filter.ids)]);
  if (filter.api !== undefined) conditions.push(["api = ?", filter.api]);
  if (filter.fingerprint !== undefined) conditions.push(["fingerprint = ?", filter.fingerprint]);
  if (filter.state !== undefined) conditions.push(["state = ?", filter.state]);
  if (filter.reason !== undefined) conditions.push(["reason = ?", filter.reason]);
  if (filter.since !== undefined) conditions.push(["died_at >= ?", filter.since]);
  if (filter.until !== undefined) conditions.push(["died_at < ?", filter.until]);
  for (const [name, value] of Object.entries(filter.labels ?? {})) {
    conditions.push(["seq IN (SELECT dead FROM dead_label WHERE name = ? AND value = ?)", name, value]);
  }
  return conditions;
}

function where(conditions: readonly Condition[]): string {
  return conditions.length === 0 ? "" : `WHERE ${conditions.map(([clause]) => clause).join(" AND ")}`;
}

function valuesOf(conditions: readonly Condition[]): SQLInputValue[] {
  return conditions.flatMap(([, ...values]) => values);
}
