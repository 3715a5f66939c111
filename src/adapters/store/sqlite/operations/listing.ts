import type { DatabaseSync, SQLInputValue } from "node:sqlite";
import type { Because } from "../../../../core/decision.ts";
import type { AttemptRecord } from "../../../../ports/dead-letter-store.ts";
import type { StoredAnswer } from "../../../../ports/idempotency-store.ts";
import type { OperationFilter, OperationState, OperationStore, OperationView } from "../../../../ports/operation-store.ts";
import { decodeCursor, encodeCursor, PAGE_BYTES, pageLimit } from "../../paging.ts";
import type { Sync } from "../../sync.ts";
import { statementCache } from "../statement-cache.ts";
import { toOperation } from "./entry.ts";

/** An operation with its row in whichever table of a state it has one. */
const VIEW = `operation.seq, operation.head, operation.body,
  coalesce(ended.state, CASE WHEN leased.seq THEN 'leased' WHEN parked.seq THEN 'parked' ELSE 'ready' END) AS state,
  coalesce(ended.claims, leased.claims, parked.claims, ready.claims) AS claims,
  coalesce(ended.since, leased.since, parked.since, ready.due_at) AS since,
  coalesce(ended.because, leased.cancel, parked.because) AS because,
  leased.lease_until, leased.worker, parked.due_at AS parked_until, ended.attempt, ended.answer, ended.body AS answer_body`;
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
export function listing(db: DatabaseSync): Pick<Sync<OperationStore>, "get" | "list" | "stats"> {
  const find = db.prepare(`SELECT ${VIEW} FROM operation ${STATES} WHERE operation.id = ?`);
  const readAttempts = db.prepare("SELECT record FROM attempt WHERE seq = ? ORDER BY position");
  const sums = db.prepare(
    `SELECT total(ready) AS ready, total(leased) AS leased, total(parked) AS parked, total(succeeded) AS succeeded, total(dead) AS dead,
       total(cancelled) AS cancelled FROM lane`,
  );
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

  return {
    get: (id) => {
      const row = find.get(id) as unknown as ViewRow | undefined;
      return row && toView(row);
    },
    list: (filter, page) => {
      const limit = pageLimit(page);
      const after = decodeCursor<[number]>("operations", page, 1);
      const { sql, values } = select(filter, after?.[0]);
      const items: OperationView[] = [];
      let bytes = 0;
      let last: ViewRow | undefined;
      for (const raw of prepared(sql).iterate(...values, limit + 1)) {
        const row = raw as unknown as ViewRow;
        const weight = row.body?.byteLength ?? 0;
        if (last && (items.length === limit || bytes + weight > PAGE_BYTES)) return { items, next: encodeCursor("operations", [last.seq]) };
        items.push(toView(row));
        bytes += weight;
        last = row;
      }
      return { items, next: null };
    },
    stats: () => ({ ...(sums.get() as unknown as Record<OperationState, number>) }),
  };
}

/**
 * The statement for a filter. It walks down the table that narrows most (a label's rows, a state's rows), newest first, and
 * looks the rest up, so that a page costs what it shows and not what the store holds.
 */
function select(filter: OperationFilter, before: number | undefined): { readonly sql: string; readonly values: SQLInputValue[] } {
  const conditions: string[] = [];
  const values: SQLInputValue[] = [];
  const demand = (clause: string, ...given: readonly SQLInputValue[]): void => {
    conditions.push(clause);
    values.push(...given);
  };
  const [firstLabel, ...otherLabels] = Object.entries(filter.labels ?? {});
  const { api, endpoint, partition, flow, idempotencyKey, state } = filter;
  let driver = "operation";
  if (firstLabel) {
    driver = "operation_label";
    demand("operation_label.name = ? AND operation_label.value = ?", ...firstLabel);
    for (const label of otherLabels) {
      demand(
        "EXISTS (SELECT 1 FROM operation_label AS other WHERE other.name = ? AND other.value = ? AND other.seq = operation.seq)",
        ...label,
      );
    }
  }
  if (state !== undefined) {
    const ended = state === "succeeded" || state === "dead" || state === "cancelled";
    if (driver === "operation") driver = ended ? "ended" : state;
    demand(`${ended ? "ended" : state}.seq IS NOT NULL`);
    if (ended) demand("ended.state = ?", state);
    if (ended && state !== "succeeded") demand("ended.state <> 'succeeded'");
  }
  if (before !== undefined) demand(`${driver}.seq < ?`, before);
  if (api !== undefined) demand("operation.api = ?", api);
  if (endpoint !== undefined) demand("operation.lane IN (SELECT seq FROM lane WHERE endpoint = ?)", endpoint);
  if (partition !== undefined) demand("operation.lane IN (SELECT seq FROM lane WHERE partition = ?)", partition);
  if (flow !== undefined) demand("operation.flow = ?", flow);
  if (idempotencyKey !== undefined) demand("operation.idempotency_key = ?", idempotencyKey);
  const from = driver === "operation" ? "operation" : `${driver} CROSS JOIN operation ON operation.seq = ${driver}.seq`;
  const joins = ["ready", "leased", "parked", "ended"]
    .filter((table) => table !== driver)
    .map((table) => `LEFT JOIN ${table} ON ${table}.seq = operation.seq`)
    .join(" ");
  const where = conditions.length === 0 ? "" : `WHERE ${conditions.join(" AND ")}`;
  return { sql: `SELECT ${VIEW} FROM ${from} ${joins} ${where} ORDER BY ${driver}.seq DESC LIMIT ?`, values };
}
