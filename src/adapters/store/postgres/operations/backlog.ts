import type { LaneBacklog, OperationStore } from "../../../../ports/operation-store.ts";
import type { Database } from "../database.ts";
import { unpackText } from "../parameters.ts";
import { statement } from "../statement.ts";
import { laneId } from "./lanes.ts";

type BacklogRow = readonly [
  api: string,
  endpoint: string,
  partition: string,
  paused: boolean,
  due: number,
  leased: number,
  parked: number,
  oldestDueAt: number | null,
  nextDueAt: number | null,
  changes: number | null,
];

/** Changes of counts that a backlog may have to add up before they are made one. */
const CHANGES = 1_000;

/** What stands in each lane. */
export function backlogs(database: Database, schema: string): OperationStore["backlog"] {
  const { time } = database;
  const read = statement<BacklogRow>(`SELECT * FROM "${schema}".backlog_1(($1::text)::float8)`);
  const fold = statement<[string]>(`SELECT "${schema}".fold_tally_1()::text`);
  return async (now) => {
    const rows = await database.repeatable("read the backlog", read, [String(time.toDatabase(now))]);
    if ((rows[0]?.[9] ?? 0) > CHANGES) await database.repeatable("add counts up", fold, []);
    return rows
      .map(([api, endpoint, partition, paused, due, leased, parked, oldestDueAt, nextDueAt]): LaneBacklog => ({
        api: unpackText(api),
        endpoint: unpackText(endpoint),
        partition: unpackText(partition),
        due,
        leased,
        parked,
        ...(oldestDueAt !== null && { oldestDueAt: time.fromDatabase(oldestDueAt) }),
        ...(nextDueAt !== null && { nextDueAt: time.fromDatabase(nextDueAt) }),
        paused,
      }))
      .sort((a, b) => compare(a.api, b.api) || compare(a.endpoint, b.endpoint) || compare(a.partition, b.partition));
  };
}

/** Makes operations ready that wait for the breaker of their lane. */
export function waking(database: Database, schema: string): OperationStore["wake"] {
  const wake = statement<[woken: number]>(`SELECT "${schema}".wake_1($1::text::uuid, ($2::text)::float8, ($3::text)::int4)`);
  return async (lane, now, limit) => {
    const [row] = await database.once("wake a lane", wake, [laneId(lane), String(database.time.toDatabase(now)), String(limit)]);
    return (row as [number])[0];
  };
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
