import type { Coordinator, ExchangeRequest } from "../../../ports/coordinator.ts";
import { exchangeInRounds, type LaneChange } from "../exchange-rounds.ts";
import type { Database } from "./database.ts";
import { separable } from "./fault.ts";
import { Gather } from "./gather.ts";
import { laneId } from "./operations/lanes.ts";
import { plainArray, textArray } from "./parameters.ts";
import { statement } from "./statement.ts";

const GROUP_SIZE = 500;

/** Shared lanes, a row each. This process's own exchanges are done one group after the other, and do not get into each other's way. */
export function coordinator(database: Database, schema: string): Coordinator {
  const { time } = database;
  const table = `"${schema}".lane_state`;
  const find = statement<[id: string, state: string]>(`SELECT id::text, state FROM ${table} WHERE id = ANY (($1::text)::uuid[])`);
  const keep = statement<[id: string]>(
    `WITH asked AS (
       SELECT * FROM unnest(($1::text)::uuid[], ($2::text)::text[], ($3::text)::text[], ($4::text)::text[], ($5::text)::text[], ($6::text)::text[],
         ($7::text)::float8[]) AS asked (id, api, endpoint, partition, seen, state, idle_at)),
     locked AS (SELECT held.id FROM ${table} AS held JOIN asked USING (id) WHERE held.state = asked.seen ORDER BY held.id FOR UPDATE OF held),
     changed AS (
       UPDATE ${table} AS held SET state = asked.state, idle_at = asked.idle_at FROM asked JOIN locked USING (id) WHERE held.id = locked.id
       RETURNING held.id),
     added AS (
       INSERT INTO ${table} (id, api, endpoint, partition, state, idle_at)
       SELECT id, api, endpoint, partition, state, idle_at FROM asked WHERE seen IS NULL ORDER BY id
       ON CONFLICT (id) DO NOTHING RETURNING id)
     SELECT id::text FROM changed UNION ALL SELECT id::text FROM added`,
  );
  const forget = statement<[count: number]>(
    `WITH idle AS (
       SELECT id FROM ${table} WHERE idle_at <= ($1::text)::float8 ORDER BY idle_at, seq LIMIT ($2::text)::int4 FOR UPDATE SKIP LOCKED),
     gone AS (DELETE FROM ${table} AS held USING idle WHERE held.id = idle.id RETURNING 1)
     SELECT count(*)::int4 FROM gone`,
  );

  const write = async (changes: readonly LaneChange[]): Promise<ReadonlySet<string>> => {
    const rows = await database.once("keep what is known of lanes", keep, [
      textArray(changes.map(({ name }) => name)),
      ...(["api", "endpoint", "partition"] as const).map((column) => textArray(changes.map(({ lane }) => lane[column]))),
      textArray(changes.map(({ seen }) => seen)),
      textArray(changes.map(({ state }) => state)),
      plainArray(changes.map(({ idleAt }) => idleAt)),
    ]);
    return new Set(rows.map(([id]) => id));
  };
  const read = async (ids: readonly string[]): Promise<ReadonlyMap<string, string>> =>
    new Map(await database.repeatable("read what is known of lanes", find, [textArray(ids)]));
  const exchange = exchangeInRounds({ nameOf: laneId, read, write, time }, "the PostgreSQL store");

  const gather = new Gather(
    { exchange: (requests: readonly ExchangeRequest[]) => exchange(requests) },
    { most: GROUP_SIZE, atOnce: 1, separable },
  );
  return {
    exchange: (requests) => gather.call("exchange", requests, laneId),
    sweep: async (now, limit) => {
      const [row] = await database.once("forget idle lanes", forget, [String(time.toDatabase(now)), String(limit)]);
      return (row as [number])[0];
    },
  };
}
