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

const ENDED = ["succeeded", "dead", "cancelled"] as const;
const STATES: readonly OperationState[] = ["ready", "leased", "parked", "succeeded", "dead", "cancelled"];

/** Operations for people. */
export function listing(database: Database, schema: string): Pick<OperationStore, "get" | "list" | "stats" | "waiting"> {
  const { time } = database;
  const table = (name: string): string => `"${schema}".${name}`;
  const view = statement<ViewRow>(
    `SELECT seq, state, claims, since, because, lease_until, worker, parked_until, attempts, answer_head, answer_body, accepted_at, due_at,
       expires_at, head, body FROM ${table("view_1")}(($1::text)::uuid[], ${PAGE_BYTES})`,
  );
  const count = statement<readonly number[]>(
    `SELECT ${STATES.map((name) => `coalesce(sum(${name}), 0)::float8`).join(", ")} FROM ${table("tally")}`,
  );
  const readWaiting = statement<[seq: number, state: WaitingOperation["state"], acceptedAt: number, head: string, because: string | null]>(
    (["ready", "leased", "parked"] as const)
      .map(
        (state) => `SELECT waiting.seq::float8, '${state}', operation.accepted_at, operation.head, because
         FROM (SELECT id, seq, ${state === "parked" ? "because" : "NULL::text AS because"} FROM ${table(state)}
           ORDER BY seq DESC LIMIT ($1::text)::int4) AS waiting
         CROSS JOIN LATERAL (SELECT accepted_at, head FROM ${table("operation")} WHERE operation.id = waiting.id LIMIT 1) AS operation`,
      )
      .join(" UNION ALL "),
  );
  const labelledBy = (wanted: string): string =>
    `SELECT id, seq, lane, flow, label_hashes FROM ${table("operation")} WHERE label_hashes <> '{}' AND label_hashes @> ${wanted}::uuid[]`;
  const countLabelled = statement<[count: number]>(
    `SELECT count(*)::int4 FROM (${labelledBy("($1::text)")} LIMIT ${FEW_LABELLED + 1}) AS labelled`,
  );
  const byIndex = statement<[string, string]>(
    "SELECT set_config('enable_seqscan', $1::text, true), set_config('enable_indexscan', $1::text, true)",
  );
  const readApis = statement<[api: string]>(`SELECT DISTINCT api FROM ${table("lane")}`);

  /** What a filter's lanes are, and how much stands in them and in the state that is asked for. */
  const extentOf = async (run: Run, { api, endpoint, partition, state }: OperationFilter): Promise<Extent> => {
    const { add, where, values } = conditions();
    for (const [name, value] of Object.entries({ api, endpoint, partition })) {
      if (value !== undefined) add((wanted) => `${name} = ${wanted}`, packText(value));
    }
    const meant = values.length === 0 ? "true" : where().slice("WHERE ".length);
    const inState = STATES.find((name) => name === state) ?? "ready";
    const query = statement<[lanes: string, ofLanes: number, inState: number]>(
      `SELECT coalesce(string_agg(lane.id::text, ',') FILTER (WHERE ${meant}), ''), coalesce(sum(of_all) FILTER (WHERE ${meant}), 0)::float8,
         coalesce(sum(of_state), 0)::float8
       FROM ${table("lane")} LEFT JOIN (
         SELECT lane, sum(${STATES.join(" + ")}) AS of_all, sum(${inState}) AS of_state FROM ${table("tally")} GROUP BY lane) AS counted ON counted.lane = lane.id`,
    );
    const [[lanes, ofLanes, some]] = (await run(query, values)) as [[string, number, number]];
    return { lanes: values.length === 0 ? undefined : lanes === "" ? [] : lanes.split(","), ofLanes, inState: some };
  };

  /** Whether so few operations have the labels that they are read all at once. Without it the planner walks them all for one. */
  const areFew = async (run: Run, hashes: string): Promise<boolean> => {
    await run(byIndex, ["off"]);
    const [[count]] = (await run(countLabelled, [hashes])) as [[number]];
    await run(byIndex, ["on"]);
    return count <= FEW_LABELLED;
  };

  /**
   * Whether an operation stands in a state, or in any, looked up for each by itself: a join would be merged with all that has ended, which
   * is quick only where what is looked for is everywhere.
   */
  const standsIn = (own: ReturnType<typeof tableOf> | undefined, state: OperationState | undefined): string =>
    JOINS.filter(([name]) => own === undefined || name === own)
      .map(([name, condition]) => {
        const ended = ENDED.find((one) => one === state);
        return `(SELECT true FROM ${table(name)} WHERE ${condition}${ended === undefined ? "" : ` AND ended.state = '${ended}'`} LIMIT 1)`;
      })
      .join(", ");

  /**
   * The ids of a page, the newest first: read from the lanes that are asked for side by side, from the table of the wanted state, from
   * the operations of a label, or from where all operations are, whichever is least.
   */
  const idsOf = async (run: Run, filter: OperationFilter, before: number | undefined, limit: number): Promise<string[]> => {
    const { add, where, values } = conditions();
    const { api, state, flow, idempotencyKey } = filter;
    const { lanes, ofLanes, inState } = await extentOf(run, filter);
    if (lanes?.length === 0) return [];
    const labels = labelHashes(filter.labels ?? {});
    const hashes = textArray(labels);
    const own = state === undefined ? undefined : tableOf(state);
    const free = idempotencyKey === undefined && labels.length === 0;
    const byLane = lanes !== undefined && free && (own === undefined || ofLanes < inState);
    const byState = own !== undefined && idempotencyKey === undefined && !byLane && (labels.length === 0 || inState <= FEW_IN_STATE);
    const few = labels.length > 0 && !byState && (await areFew(run, hashes));
    const driver = byState ? own : "operation";
    const joins = JOINS.filter(([name]) => !byState && !byLane && (own === undefined || name === own));

    let from = few ? "labelled AS operation" : table("operation");
    if (byLane) add((wanted) => ((from = `unnest(${wanted}::uuid[]) AS given (lane)`), "operation.lane = given.lane"), textArray(lanes));
    else if (lanes !== undefined) add((wanted) => `operation.lane = ANY (${wanted}::uuid[])`, textArray(lanes));
    if (byLane) add(() => `coalesce(${standsIn(own, state)}, false)`);
    else if (own === undefined) add(() => `coalesce(${joins.map(([name]) => `${name}.seq`).join(", ")}) IS NOT NULL`);
    else if (!byState) add(() => `${own}.seq IS NOT NULL`);
    // As a constant, so that the index of those that ended badly can be used, and the planner knows how many there are.
    if (!byLane && (state === "succeeded" || state === "dead" || state === "cancelled")) add(() => `ended.state = '${state}'`);
    if (!byLane && (state === "dead" || state === "cancelled")) add(() => "ended.state <> 'succeeded'");
    if (before !== undefined) add((seq) => `${driver}.seq < ${seq}::float8::bigint`, String(before));
    if (flow !== undefined) add((wanted) => `operation.flow = ${wanted}`, flowName(flow));
    if (idempotencyKey !== undefined) {
      const apis = api === undefined ? (await run(readApis, [])).map(([name]) => unpackText(name)) : [api];
      const keys = textArray(apis.map((name) => keyHash(name, idempotencyKey)));
      add((wanted) => `operation.id IN (SELECT id FROM ${table("operation_key")} WHERE key = ANY (${wanted}::uuid[]))`, keys);
    }
    let labelled = "";
    if (few) add((wanted) => ((labelled = `WITH labelled AS MATERIALIZED (${labelledBy(wanted)})`), "true"), hashes);
    else if (labels.length > 0) add((wanted) => `operation.label_hashes <> '{}' AND operation.label_hashes @> ${wanted}::uuid[]`, hashes);

    const looked = joins.map(([name, condition]) => `LEFT JOIN ${table(name)} ON ${condition}`).join(" ");
    const order = `ORDER BY ${driver}.seq DESC LIMIT ${limit}`;
    const sql = byLane
      ? `SELECT found.id FROM ${from} CROSS JOIN LATERAL (
           SELECT operation.id::text, operation.seq FROM ${table("operation")} ${looked} ${where()} ${order}) AS found
         ORDER BY found.seq DESC LIMIT ${limit}`
      : byState
        ? `SELECT operation.id::text FROM ${table(driver)} CROSS JOIN LATERAL (
             SELECT * FROM ${table("operation")} WHERE operation.id = ${driver}.id LIMIT 1) AS operation ${where()} ${order}`
        : `${labelled} SELECT operation.id::text FROM ${from} ${looked} ${where()} ${order}`;
    return (await run(statement<[id: string]>(sql), values)).map(([id]) => id);
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
    waiting: async (limit) => {
      const rows = await database.snapshot("read whom operations concern", (run) => run(readWaiting, [String(limit)]));
      return rows
        .toSorted(([a], [b]) => b - a)
        .map(([, state, acceptedAt, head, because]): WaitingOperation => {
          const { api, endpoint, partition, labels } = JSON.parse(head) as Pick<NewOperation, "api" | "endpoint" | "partition" | "labels">;
          return {
            ...{ api, endpoint, partition, labels, acceptedAt: time.fromDatabase(acceptedAt), state },
            ...(because !== null && { because: JSON.parse(because) as Because }),
          };
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

/** So few operations with a label are put in order by themselves. */
const FEW_LABELLED = 1_000;
/** Where so few are in a state, those with a label are looked for among them. */
const FEW_IN_STATE = 20_000;

interface Extent {
  /** Undefined: all. */
  readonly lanes: readonly string[] | undefined;
  /** Operations of the lanes, in whatever state. */
  readonly ofLanes: number;
  /** Operations in the state that is asked for, of whatever lane. */
  readonly inState: number;
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
