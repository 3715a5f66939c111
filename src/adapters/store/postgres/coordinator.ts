import { StoreError } from "../../../core/errors.ts";
import type { Coordinator, ExchangeAnswer, ExchangeRequest } from "../../../ports/coordinator.ts";
import { exchangeLane, type Exchanged, type LaneState } from "../lane-exchange.ts";
import type { Database } from "./database.ts";
import type { DatabaseTime } from "./database-time.ts";
import { separable } from "./fault.ts";
import { Gather } from "./gather.ts";
import { laneId } from "./operations/lanes.ts";
import { plainArray, textArray } from "./parameters.ts";
import { statement } from "./statement.ts";

/** Rounds of an exchange whose lanes change under its hands; each round one of the others has got further. */
const ROUNDS = 100;
const GROUP_SIZE = 500;

/**
 * Shared lanes, a row each. What an exchange comes to is computed here and written by compare-and-set: no lock is held while a
 * process computes, so that one that is stopped in the middle keeps nobody waiting. This process's own exchanges are done one
 * group after the other, and do not get into each other's way.
 */
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

  /** Answers what it could write; the lanes of the others have changed meanwhile. */
  const tryOnce = async (lanes: readonly AskedLane[]): Promise<readonly AskedLane[]> => {
    const ids = textArray(lanes.map(({ id }) => id));
    const seen = new Map(await database.repeatable("read what is known of lanes", find, [ids]));
    const exchanges = lanes.map((lane) => ({ lane, ...exchangeAll(lane, seen.get(lane.id), time) }));
    const changes = exchanges.filter(({ lane, state }) => state !== seen.get(lane.id));
    const written = new Set(
      changes.length === 0
        ? []
        : (
            await database.once("keep what is known of lanes", keep, [
              textArray(changes.map(({ lane }) => lane.id)),
              ...(["api", "endpoint", "partition"] as const).map((name) => textArray(changes.map(({ lane }) => lane.requests[0][1][name]))),
              textArray(changes.map(({ lane }) => seen.get(lane.id))),
              textArray(changes.map(({ state }) => state)),
              plainArray(changes.map(({ idleAt }) => idleAt)),
            ])
          ).map(([id]) => id),
    );
    const late: AskedLane[] = [];
    for (const { lane, state, answers } of exchanges) {
      if (state !== seen.get(lane.id) && !written.has(lane.id)) late.push(lane);
      else for (const [position, [, , answer]] of lane.requests.entries()) answer(answers[position] as ExchangeAnswer);
    }
    return late;
  };

  const exchange = async (requests: readonly ExchangeRequest[]): Promise<readonly ExchangeAnswer[]> => {
    const results: ExchangeAnswer[] = [];
    let lanes = byLane(requests, (index, answer) => {
      results[index] = answer;
    });
    for (let round = 0; lanes.length > 0; round += 1) {
      if (round === ROUNDS)
        throw new StoreError("the PostgreSQL store cannot keep what is known of lanes: others change it faster; ask again");
      lanes = await tryOnce(lanes);
    }
    return results;
  };

  const gather = new Gather({ exchange }, { most: GROUP_SIZE, atOnce: 1, separable });
  return {
    exchange: (requests) => gather.call("exchange", requests, laneId),
    sweep: async (now, limit) => {
      const [row] = await database.once("forget idle lanes", forget, [String(time.toDatabase(now)), String(limit)]);
      return (row as [number])[0];
    },
  };
}

type Asked = readonly [index: number, request: ExchangeRequest, answer: (answer: ExchangeAnswer) => void];

/** A lane, and what is asked of it, in order. */
interface AskedLane {
  readonly id: string;
  readonly requests: readonly [Asked, ...Asked[]];
}

function byLane(requests: readonly ExchangeRequest[], answer: (index: number, answer: ExchangeAnswer) => void): readonly AskedLane[] {
  const lanes = new Map<string, [Asked, ...Asked[]]>();
  for (const [index, request] of requests.entries()) {
    const asked: Asked = [index, request, (result) => answer(index, result)];
    const id = laneId(request);
    const known = lanes.get(id);
    if (known) known.push(asked);
    else lanes.set(id, [asked]);
  }
  return [...lanes].map(([id, asked]) => ({ id, requests: asked }));
}

/** All exchanges of one lane, one after the other, over what was found of it. */
function exchangeAll(
  { requests }: AskedLane,
  found: string | undefined,
  time: DatabaseTime,
): { readonly state: string; readonly idleAt: number | null; readonly answers: readonly ExchangeAnswer[] } {
  const answers: ExchangeAnswer[] = [];
  let known = found === undefined ? undefined : (JSON.parse(found) as LaneState);
  let idleAt: number | null = null;
  for (const [, request] of requests) {
    const exchanged: Exchanged = exchangeLane(known, inDatabaseTime(request, time));
    ({ state: known, idleAt } = exchanged);
    const { breaker } = exchanged.answer;
    const heard = breaker.until === undefined ? breaker : { ...breaker, until: time.fromDatabase(breaker.until) };
    answers.push({ ...exchanged.answer, breaker: heard });
  }
  return { state: JSON.stringify(known), idleAt, answers };
}

function inDatabaseTime(request: ExchangeRequest, time: DatabaseTime): ExchangeRequest {
  const { now, pausedUntil, breaker } = request;
  return {
    ...request,
    now: time.toDatabase(now),
    ...(pausedUntil !== undefined && { pausedUntil: time.toDatabase(pausedUntil) }),
    ...(breaker?.to.until !== undefined && { breaker: { ...breaker, to: { ...breaker.to, until: time.toDatabase(breaker.to.until) } } }),
  };
}
