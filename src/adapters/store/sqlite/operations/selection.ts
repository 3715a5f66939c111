import type { DatabaseSync, SQLInputValue } from "node:sqlite";
import type { LaneKey, OperationFilter, OperationState } from "../../../../ports/operation-store.ts";

/** An operation with its row in whichever table of a state it has one. */
export const VIEW: string = `operation.seq, operation.head, operation.body,
  coalesce(ended.state, CASE WHEN leased.seq THEN 'leased' WHEN parked.seq THEN 'parked' ELSE 'ready' END) AS state,
  coalesce(ended.claims, leased.claims, parked.claims, ready.claims) AS claims,
  coalesce(ended.since, leased.since, parked.since, ready.due_at) AS since,
  coalesce(ended.because, leased.cancel, parked.because) AS because,
  leased.lease_until, leased.worker, parked.due_at AS parked_until, ended.attempt, ended.answer, ended.body AS answer_body`;

/** Of this many labelled operations those in a state are better looked for among all in that state. */
const FEW = 50_000;

/** What a filter's lanes are, and how much stands in them and in all. */
interface Extent {
  /** Undefined: all. */
  readonly lanes: readonly number[] | undefined;
  /** Operations of the lanes, in whatever state. */
  readonly ofLanes: number;
  /** Operations in the state that is asked for, of whatever lane. */
  readonly inState: number;
}

interface LaneRow extends LaneKey, Readonly<Record<OperationState, number>> {
  readonly seq: number;
}

/** Reads that from the lanes' counts. */
export function extents(db: DatabaseSync): (filter: OperationFilter) => Extent {
  const read = db.prepare("SELECT * FROM lane");
  return ({ api, endpoint, partition, state }) => {
    const rows = read.all() as unknown as readonly LaneRow[];
    const isMeant = (row: LaneRow): boolean =>
      (api === undefined || row.api === api) &&
      (endpoint === undefined || row.endpoint === endpoint) &&
      (partition === undefined || row.partition === partition);
    const lanes = rows.filter(isMeant);
    return {
      lanes: api === undefined && endpoint === undefined && partition === undefined ? undefined : lanes.map(({ seq }) => seq),
      ofLanes: lanes.reduce((sum, row) => sum + STATES_OF.reduce((all, name) => all + row[name], 0), 0),
      inState: state === undefined ? 0 : rows.reduce((sum, row) => sum + row[state], 0),
    };
  };
}

const STATES_OF: readonly OperationState[] = ["ready", "leased", "parked", "succeeded", "dead", "cancelled"];

/**
 * The statement for a filter. It walks down what narrows most (a label's rows, a state's rows, those of some lanes), newest first, and
 * looks the rest up, so that a page costs what it shows and not what the store holds.
 */
export function select(
  filter: OperationFilter,
  { lanes, ofLanes, inState }: Extent,
  before: number | undefined,
): { readonly sql: string; readonly values: SQLInputValue[]; readonly lanes?: readonly number[] } {
  const conditions: string[] = [];
  const values: SQLInputValue[] = [];
  const demand = (clause: string, ...given: readonly SQLInputValue[]): void => {
    conditions.push(clause);
    values.push(...given);
  };
  const labels = Object.entries(filter.labels ?? {});
  const { flow, idempotencyKey, state } = filter;
  const ended = state === "succeeded" || state === "dead" || state === "cancelled";
  const ofState = state === undefined ? undefined : ended ? "ended" : state;
  const [firstLabel, ...otherLabels] = ofState !== undefined && inState <= FEW ? [undefined, ...labels] : [labels[0], ...labels.slice(1)];
  // Of some lanes each one's newest are walked side by side, unless fewer are in the state at all.
  const byLane =
    firstLabel === undefined && idempotencyKey === undefined && lanes !== undefined && (ofState === undefined || ofLanes < inState);
  let driver = "operation";
  if (firstLabel) {
    driver = "operation_label";
    demand("operation_label.name = ? AND operation_label.value = ?", ...firstLabel);
  } else if (ofState !== undefined && !byLane && idempotencyKey === undefined) {
    driver = ofState;
  }
  for (const label of otherLabels) {
    demand(
      `EXISTS (SELECT 1 FROM operation_label AS other WHERE other.name = ? AND other.value = ? AND other.seq = ${driver}.seq)`,
      ...label,
    );
  }
  if (ofState !== undefined) {
    demand(`${ofState}.seq IS NOT NULL`);
    if (ended) demand("ended.state = ?", state);
    if (ended && state !== "succeeded") demand("ended.state <> 'succeeded'");
  }
  if (before !== undefined) demand(`${driver}.seq < ?`, before);
  if (lanes !== undefined && !byLane) demand("+operation.lane IN (SELECT value FROM json_each(?))", JSON.stringify(lanes));
  if (flow !== undefined) demand("operation.flow = ?", flow);
  if (idempotencyKey !== undefined) {
    demand("operation.api IN (SELECT api FROM lane) AND operation.idempotency_key = ?", idempotencyKey);
  }
  if (byLane) {
    const where = ["operation.lane = ?", ...conditions].join(" AND ");
    return { sql: `SELECT operation.seq FROM operation ${joins("")} WHERE ${where} ORDER BY operation.seq DESC LIMIT ?`, values, lanes };
  }
  const from = driver === "operation" ? "operation" : `${driver} CROSS JOIN operation ON operation.seq = ${driver}.seq`;
  const where = conditions.length === 0 ? "" : `WHERE ${conditions.join(" AND ")}`;
  return { sql: `SELECT ${VIEW} FROM ${from} ${joins(driver)} ${where} ORDER BY ${driver}.seq DESC LIMIT ?`, values };
}

/** The tables of states, but the one that is walked. */
function joins(except: string): string {
  return ["ready", "leased", "parked", "ended"]
    .filter((table) => table !== except)
    .map((table) => `LEFT JOIN ${table} ON ${table}.seq = operation.seq`)
    .join(" ");
}
