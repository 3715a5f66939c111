import type { Because } from "../../../../core/decision.ts";
import type { AttemptRecord } from "../../../../ports/dead-letter-store.ts";
import type { StoredAnswer } from "../../../../ports/idempotency-store.ts";
import type { OperationFilter, OperationState, OperationStore, OperationView } from "../../../../ports/operation-store.ts";
import { decodeCursor, encodeCursor, PAGE_BYTES, pageLimit } from "../../paging.ts";
import { conditions } from "../conditions.ts";
import type { Database, Run } from "../database.ts";
import type { DatabaseTime } from "../database-time.ts";
import { labelHashes } from "../dead-letter-entry.ts";
import { packText, textArray, unpackText } from "../parameters.ts";
import { statement } from "../statement.ts";
import { flowName, isUuid, keyHash, toOperation, type OperationColumns } from "./entry.ts";

type ViewRow = readonly [
  seq: number,
  state: OperationState,
  claims: number,
  since: number,
  because: string | null,
  leaseUntil: number | null,
  worker: string | null,
  parkedUntil: number | null,
  attempts: string | null,
  answer: string | null,
  answerBody: Uint8Array | null,
  ...operation: OperationColumns,
];

const STATES: readonly OperationState[] = ["ready", "leased", "parked", "succeeded", "dead", "cancelled"];

/** Operations for people. */
export function listing(database: Database, schema: string): Pick<OperationStore, "get" | "list" | "stats"> {
  const { time } = database;
  const table = (name: string): string => `"${schema}".${name}`;
  const view = statement<ViewRow>(
    `SELECT seq, state, claims, since, because, lease_until, worker, parked_until, attempts, answer_head, answer_body, accepted_at, due_at,
       expires_at, head, body FROM ${table("view_1")}(($1::text)::uuid[], ${PAGE_BYTES})`,
  );
  const count = statement<readonly number[]>(
    `SELECT ${STATES.map((name) => `coalesce(sum(${name}), 0)::float8`).join(", ")} FROM ${table("tally")}`,
  );
  const readApis = statement<[api: string]>(`SELECT DISTINCT api FROM ${table("lane")}`);

  /** The ids of a page. They are read from the table of the wanted state, or from where all operations are, the newest first. */
  const idsOf = async (run: Run, filter: OperationFilter, before: number | undefined, limit: number): Promise<string[]> => {
    const { add, where, values } = conditions();
    const { api, endpoint, partition, state, flow, idempotencyKey } = filter;
    const driver = driverOf(filter);
    const joins = JOINS.filter(([name]) => driver === "operation" && (state === undefined || name === tableOf(state)));
    if (state === undefined) add(() => `coalesce(${joins.map(([name]) => `${name}.seq`).join(", ")}) IS NOT NULL`);
    else if (driver === "operation") add(() => `${tableOf(state)}.seq IS NOT NULL`);
    if (state !== undefined && tableOf(state) === "ended") add((wanted) => `ended.state = ${wanted}`, state);
    // Said again as a constant, so that the index of those that ended badly can be used.
    if (state === "dead" || state === "cancelled") add(() => "ended.state <> 'succeeded'");
    if (before !== undefined) add((seq) => `${driver}.seq < ${seq}::float8::bigint`, String(before));
    for (const [name, value] of Object.entries({ api, endpoint, partition })) {
      if (value !== undefined)
        add((wanted) => `operation.lane IN (SELECT id FROM ${table("lane")} WHERE ${name} = ${wanted})`, packText(value));
    }
    if (flow !== undefined) add((wanted) => `operation.flow = ${wanted}`, flowName(flow));
    if (idempotencyKey !== undefined) {
      const apis = api === undefined ? (await run(readApis, [])).map(([name]) => unpackText(name)) : [api];
      const keys = textArray(apis.map((name) => keyHash(name, idempotencyKey)));
      add((wanted) => `operation.id IN (SELECT id FROM ${table("operation_key")} WHERE key = ANY (${wanted}::uuid[]))`, keys);
    }
    const labels = labelHashes(filter.labels ?? {});
    if (labels.length > 0) {
      add((wanted) => `operation.label_hashes <> '{}' AND operation.label_hashes @> ${wanted}::uuid[]`, textArray(labels));
    }
    const query = statement<[id: string]>(
      `SELECT operation.id::text
       FROM ${driver === "operation" ? table("operation") : `${table(driver)} JOIN ${table("operation")} ON operation.id = ${driver}.id`}
       ${joins.map(([name, condition]) => `LEFT JOIN ${table(name)} ON ${condition}`).join(" ")}
       ${where()} ORDER BY ${driver}.seq DESC LIMIT ${limit}`,
    );
    return (await run(query, values)).map(([id]) => id);
  };

  return {
    get: async (id) => {
      if (!isUuid(id)) return undefined;
      const [row] = await database.repeatable("read an operation", view, [textArray([id])]);
      return row && toView(row, time);
    },
    list: async (filter, page) => {
      const limit = pageLimit(page);
      const after = decodeCursor<[number]>("operations", page, 1);
      return database.snapshot("list operations", async (run) => {
        // One more than asked for tells whether anything follows; of large bodies only as many are read as a page may weigh.
        const ids = await idsOf(run, filter, after?.[0], limit + 1);
        const rows = ids.length === 0 ? [] : await run(view, [textArray(ids.slice(0, limit))]);
        const last = rows.at(-1);
        const more = last && rows.length < ids.length;
        return { items: rows.map((row) => toView(row, time)), next: more ? encodeCursor("operations", [last[0]]) : null };
      });
    },
    stats: async () => {
      const [row] = await database.repeatable("count operations", count, []);
      return Object.fromEntries(STATES.map((name, index) => [name, row?.[index]])) as Record<OperationState, number>;
    },
  };
}

/** Where an operation's row of its state is looked up. */
const JOINS: readonly (readonly [table: "ready" | "leased" | "parked" | "ended", condition: string])[] = [
  ["ready", "ready.seq = operation.seq"],
  ["leased", "leased.id = operation.id"],
  ["parked", "parked.seq = operation.seq"],
  ["ended", "ended.seq = operation.seq"],
];

function tableOf(state: OperationState): "ready" | "leased" | "parked" | "ended" {
  return state === "ready" || state === "leased" || state === "parked" ? state : "ended";
}

/** Where a page begins to read. */
function driverOf({ state, labels, idempotencyKey }: OperationFilter): "operation" | ReturnType<typeof tableOf> {
  return state === undefined || idempotencyKey !== undefined || Object.keys(labels ?? {}).length > 0 ? "operation" : tableOf(state);
}

function toView(row: ViewRow, time: DatabaseTime): OperationView {
  const [, state, claim, since, because, leaseUntil, worker, parkedUntil, attempts, answer, answerBody, ...operation] = row;
  return {
    operation: toOperation(operation, time),
    state,
    claim,
    attempts: attempts === null ? [] : (JSON.parse(attempts) as AttemptRecord[]),
    since: time.fromDatabase(since),
    ...(leaseUntil !== null && { leaseUntil: time.fromDatabase(leaseUntil) }),
    ...(worker !== null && { worker: unpackText(worker) }),
    ...(parkedUntil !== null && { parkedUntil: time.fromDatabase(parkedUntil) }),
    ...(because !== null && { because: JSON.parse(because) as Because }),
    ...(answer !== null && {
      answer: { ...(JSON.parse(answer) as Omit<StoredAnswer, "body">), body: new Uint8Array(answerBody as Uint8Array) },
    }),
  };
}
