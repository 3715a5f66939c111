import type { DatabaseSync } from "node:sqlite";
import type { Because } from "../../../../core/decision.ts";
import type { AttemptRecord } from "../../../../ports/dead-letter-store.ts";
import type { StoredAnswer } from "../../../../ports/idempotency-store.ts";
import type {
  NewOperation,
  OperationFilter,
  OperationState,
  OperationStore,
  OperationView,
  WaitingOperation,
} from "../../../../ports/operation-store.ts";
import { decodeCursor, encodeCursor, PAGE_BYTES, pageLimit } from "../../paging.ts";
import type { Sync } from "../../sync.ts";
import { statementCache } from "../statement-cache.ts";
import { toOperation } from "./entry.ts";
import { extents, select, VIEW } from "./selection.ts";

const STATES = `LEFT JOIN ready ON ready.seq = operation.seq LEFT JOIN leased ON leased.seq = operation.seq
  LEFT JOIN parked ON parked.seq = operation.seq LEFT JOIN ended ON ended.seq = operation.seq`;

interface ViewRow {
  readonly seq: number;
  readonly head: string;
  readonly body: Uint8Array | null;
  readonly state: OperationState;
  readonly claims: number;
  readonly since: number;
  readonly because: string | null;
  readonly lease_until: number | null;
  readonly worker: string | null;
  readonly parked_until: number | null;
  readonly attempt: string | null;
  readonly answer: string | null;
  readonly answer_body: Uint8Array | null;
}

/** Operations for people; runs on the reader thread. */
export function listing(db: DatabaseSync): Pick<Sync<OperationStore>, "get" | "list" | "stats" | "waiting"> {
  const find = db.prepare(`SELECT ${VIEW} FROM operation ${STATES} WHERE operation.id = ?`);
  const readAttempts = db.prepare("SELECT record FROM attempt WHERE seq = ? ORDER BY position");
  const sums = db.prepare(
    `SELECT total(ready) AS ready, total(leased) AS leased, total(parked) AS parked, total(succeeded) AS succeeded, total(dead) AS dead,
       total(cancelled) AS cancelled FROM lane`,
  );
  const readWaiting = (["ready", "leased", "parked"] as const).map((state) => ({
    state,
    statement: db.prepare(
      `SELECT operation.seq, operation.head, ${state === "parked" ? "parked.because" : "NULL AS because"}
       FROM (SELECT * FROM ${state} ORDER BY seq DESC LIMIT ?) AS ${state} CROSS JOIN operation ON operation.seq = ${state}.seq`,
    ),
  }));
  const bySeqs = db.prepare(
    `SELECT ${VIEW} FROM operation ${STATES} WHERE operation.seq IN (SELECT value FROM json_each(?)) ORDER BY operation.seq DESC`,
  );
  const extent = extents(db);
  const prepared = statementCache(db);

  /** What was tried before, and the attempt that it ended with. */
  const historyOf = ({ seq, attempt }: ViewRow): AttemptRecord[] => {
    const records = readAttempts.all(seq).map(({ record }) => record as string);
    return (attempt === null ? records : [...records, attempt]).map((record) => JSON.parse(record) as AttemptRecord);
  };

  const toView = (row: ViewRow): OperationView => ({
    operation: toOperation(row.head, row.body),
    state: row.state,
    claim: row.claims,
    attempts: historyOf(row),
    since: row.since,
    ...(row.lease_until !== null && { leaseUntil: row.lease_until }),
    ...(row.worker !== null && { worker: row.worker }),
    ...(row.parked_until !== null && { parkedUntil: row.parked_until }),
    ...(row.because !== null && { because: JSON.parse(row.because) as Because }),
    ...(row.answer !== null && { answer: { ...(JSON.parse(row.answer) as StoredAnswer), body: row.answer_body as Uint8Array } }),
  });

  /** What fits a filter, the newest first. */
  const found = (filter: OperationFilter, before: number | undefined, limit: number): Iterable<ViewRow> => {
    const { sql, values, lanes } = select(filter, extent(filter), before);
    const statement = prepared(sql);
    if (lanes === undefined) return statement.iterate(...values, limit) as unknown as Iterable<ViewRow>;
    const seqs = lanes
      .flatMap((lane) => (statement.all(lane, ...values, limit) as { seq: number }[]).map(({ seq }) => seq))
      .sort((a, b) => b - a)
      .slice(0, limit);
    return bySeqs.iterate(JSON.stringify(seqs)) as unknown as Iterable<ViewRow>;
  };

  return {
    get: (id) => {
      const row = find.get(id) as unknown as ViewRow | undefined;
      return row && toView(row);
    },
    list: (filter, page) => {
      const limit = pageLimit(page);
      const after = decodeCursor<[number]>("operations", page, 1);
      const items: OperationView[] = [];
      let bytes = 0;
      let last: ViewRow | undefined;
      for (const row of found(filter, after?.[0], limit + 1)) {
        const weight = row.body?.byteLength ?? 0;
        if (last && (items.length === limit || bytes + weight > PAGE_BYTES)) return { items, next: encodeCursor("operations", [last.seq]) };
        items.push(toView(row));
        bytes += weight;
        last = row;
      }
      return { items, next: null };
    },
    waiting: (limit) =>
      readWaiting
        .flatMap(({ state, statement }) =>
          (statement.all(limit) as { seq: number; head: string; because: string | null }[]).map((row) => ({ ...row, state })),
        )
        .sort((a, b) => b.seq - a.seq)
        .map(({ head, because, state }): WaitingOperation => {
          const { api, endpoint, partition, labels, acceptedAt } = JSON.parse(head) as NewOperation;
          return {
            ...{ api, endpoint, partition, labels, acceptedAt, state },
            ...(because !== null && { because: JSON.parse(because) as Because }),
          };
        }),
    stats: () => ({ ...(sums.get() as unknown as Record<OperationState, number>) }),
  };
}
