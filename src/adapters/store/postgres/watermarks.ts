import { StoreError } from "../../../core/errors.ts";
import type { Advance, BeginSync, BeginSyncResult, SyncView, WatermarkStore } from "../../../ports/watermark-store.ts";
import type { Fenced } from "../../../ports/idempotency-store.ts";
import { decodeCursor, encodeCursor, pageLimit } from "../paging.ts";
import type { Database } from "./database.ts";
import type { DatabaseTime } from "./database-time.ts";
import { hashOf } from "./hash.ts";
import { surviving } from "./lost-answers.ts";
import { plainArray, textArray, unpackText } from "./parameters.ts";
import { statement } from "./statement.ts";
import { inWaves } from "./waves.ts";

/** Rounds of a begin whose syncs change under its hands. */
const BEGIN_ROUNDS = 100;

type End = Parameters<WatermarkStore["end"]>[0][number];

/** Watermarks, a row each. */
export function watermarks(database: Database, schema: string): WatermarkStore {
  const { time } = database;
  const table = `"${schema}".sync`;

  // Rows that another run holds do not come back.
  const take = statement<[hash: string, watermark: string | null, revision: number]>(
    `INSERT INTO ${table} AS held (hash, sync, run, run_since, lease_until)
     SELECT hash, sync, run, now, lease_until
     FROM unnest(($1::text)::uuid[], ($2::text)::text[], ($3::text)::text[], ($4::text)::float8[], ($5::text)::float8[]) WITH ORDINALITY
       AS asked (hash, sync, run, now, lease_until, place)
     ORDER BY place
     ON CONFLICT (hash) DO UPDATE SET
       run = excluded.run, lease_until = excluded.lease_until,
       run_since = CASE WHEN held.run = excluded.run THEN held.run_since ELSE excluded.run_since END
     WHERE held.run IS NULL OR held.run = excluded.run OR held.lease_until <= excluded.run_since
     RETURNING hash::text, watermark, revision`,
  );
  const find = statement<SyncRow>(`SELECT ${COLUMNS} FROM ${table} WHERE hash = ANY (($1::text)::uuid[])`);
  const read = statement<SyncRow>(
    `SELECT ${COLUMNS} FROM ${table} WHERE seq > ($1::text)::float8::bigint ORDER BY seq LIMIT ($2::text)::int4`,
  );
  const locked = `locked AS (SELECT held.hash FROM ${table} AS held JOIN asked USING (hash) WHERE held.run = asked.run ORDER BY held.hash FOR UPDATE OF held)`;
  const advances = `asked AS (
    SELECT * FROM unnest(($1::text)::uuid[], ($2::text)::text[], ($3::text)::int4[], ($4::text)::text[], ($5::text)::float8[])
      AS asked (hash, run, revision, watermark, now))`;
  const step = statement<[hash: string]>(
    `WITH ${advances}, ${locked}
     UPDATE ${table} AS held SET watermark = asked.watermark, revision = held.revision + 1, advanced_at = asked.now
     FROM asked JOIN locked USING (hash) WHERE held.hash = locked.hash AND held.revision = asked.revision RETURNING held.hash::text`,
  );
  const stepped = statement<[hash: string]>(
    `WITH ${advances}
     SELECT hash::text FROM ${table} AS held JOIN asked USING (hash)
     WHERE held.run = asked.run AND held.revision = asked.revision + 1 AND held.watermark = asked.watermark`,
  );
  const moveLease = statement<[hash: string]>(
    `WITH asked AS (SELECT * FROM unnest(($1::text)::uuid[], ($2::text)::text[], ($3::text)::float8[]) AS asked (hash, run, lease_until)), ${locked}
     UPDATE ${table} AS held SET lease_until = asked.lease_until FROM asked JOIN locked USING (hash) WHERE held.hash = locked.hash
     RETURNING held.hash::text`,
  );
  const ends = `asked AS (
    SELECT * FROM unnest(($1::text)::uuid[], ($2::text)::text[], ($3::text)::float8[], ($4::text)::text[]) AS asked (hash, run, now, report))`;
  const letGo = statement<[hash: string]>(
    `WITH ${ends}, ${locked}
     UPDATE ${table} AS held SET last_run = held.run, last_ended_at = asked.now, last_report = asked.report, run = NULL
     FROM asked JOIN locked USING (hash) WHERE held.hash = locked.hash RETURNING held.hash::text`,
  );
  const ended = statement<[hash: string]>(
    `WITH ${ends}
     SELECT hash::text FROM ${table} AS held JOIN asked USING (hash) WHERE held.last_run = asked.run AND held.last_ended_at = asked.now`,
  );

  const beginOnce = async (requests: readonly BeginSync[]): Promise<readonly (BeginSyncResult | undefined)[]> => {
    const taken = await database.repeatable("begin syncs", take, [
      hashesOf(requests),
      textArray(requests.map(({ sync }) => sync)),
      textArray(requests.map(({ run }) => run)),
      plainArray(requests.map(({ now }) => time.toDatabase(now))),
      plainArray(requests.map(({ leaseUntil }) => time.toDatabase(leaseUntil))),
    ]);
    const ours = new Map(taken.map(([hash, ...rest]) => [hash, rest]));
    const refused = requests.filter(({ sync }) => !ours.has(hashOf(sync)));
    const rows = refused.length === 0 ? [] : await database.repeatable("look syncs up", find, [hashesOf(refused)]);
    const known = new Map(rows.map((row) => [hashOf(unpackText(row[1])), row]));
    return requests.map(({ sync, run, now }): BeginSyncResult | undefined => {
      const mine = ours.get(hashOf(sync));
      if (mine) return { state: "started", ...(mine[0] !== null && { watermark: unpackText(mine[0]) }), revision: mine[1] };
      const [, , , , , holder, , leaseUntil] = known.get(hashOf(sync)) as SyncRow;
      if (holder === null || unpackText(holder) === run || leaseUntil <= time.toDatabase(now)) return undefined;
      return { state: "running", run: unpackText(holder), leaseUntil: time.fromDatabase(leaseUntil) };
    });
  };

  /** A sync that was not free, and is when it is looked at, is asked for again. */
  const begin = async (requests: readonly BeginSync[]): Promise<readonly BeginSyncResult[]> => {
    const results: BeginSyncResult[] = [];
    let open = [...requests.keys()];
    for (let round = 0; open.length > 0; round += 1) {
      if (round === BEGIN_ROUNDS)
        throw new StoreError("the PostgreSQL store cannot begin syncs: others begin and end them faster; ask again");
      const answers = await beginOnce(open.map((index) => requests[index] as BeginSync));
      open = open.filter((index, position) => {
        const answer = answers[position];
        if (answer !== undefined) results[index] = answer;
        return answer === undefined;
      });
    }
    return results;
  };

  const advanceValues = (requests: readonly Advance[]): string[] => [
    hashesOf(requests),
    textArray(requests.map(({ run }) => run)),
    plainArray(requests.map(({ revision }) => revision)),
    textArray(requests.map(({ to }) => to)),
    plainArray(requests.map(({ now }) => time.toDatabase(now))),
  ];
  const advance = surviving<Advance>({
    keyOf: hashOfSync,
    nameOf: ({ run, revision, to }) => `${revision} ${to} ${run}`,
    apply: (requests) => database.once("move watermarks", step, advanceValues(requests)),
    standing: (requests) => database.repeatable("look for moved watermarks", stepped, advanceValues(requests)),
  });

  const endValues = (requests: readonly End[]): string[] => [
    hashesOf(requests),
    textArray(requests.map(({ run }) => run)),
    plainArray(requests.map(({ now }) => time.toDatabase(now))),
    textArray(requests.map(({ report }) => report)),
  ];
  const end = surviving<End>({
    keyOf: hashOfSync,
    nameOf: ({ run, now }) => `${now} ${run}`,
    apply: (requests) => database.once("end syncs", letGo, endValues(requests)),
    standing: (requests) => database.repeatable("look for ended syncs", ended, endValues(requests)),
  });

  return {
    begin: (requests) => inWaves(requests, bySync, begin),
    advance: (requests) => inWaves(requests, bySync, advance),
    extend: (requests) =>
      inWaves(requests, bySync, async (wave) => {
        const rows = await database.repeatable("extend leases of syncs", moveLease, [
          hashesOf(wave),
          textArray(wave.map(({ run }) => run)),
          plainArray(wave.map(({ leaseUntil }) => time.toDatabase(leaseUntil))),
        ]);
        const applied = new Set(rows.map(([hash]) => hash));
        return wave.map(({ sync }): Fenced => (applied.has(hashOf(sync)) ? "applied" : "stale"));
      }),
    end: (requests) => inWaves(requests, bySync, end),
    read: async (sync) => {
      const [row] = await database.repeatable("read a watermark", find, [textArray([hashOf(sync)])]);
      return row && toView(row, time);
    },
    list: async (page) => {
      const limit = pageLimit(page);
      const [after] = decodeCursor<[number]>("syncs", page, 1) ?? [0];
      const rows = await database.repeatable("list syncs", read, [String(after), String(limit + 1)]);
      const shown = rows.slice(0, limit);
      const last = shown.at(-1);
      return { items: shown.map((row) => toView(row, time)), next: last && rows.length > limit ? encodeCursor("syncs", [last[0]]) : null };
    },
  };
}

const COLUMNS = "seq::float8, sync, watermark, revision, advanced_at, run, run_since, lease_until, last_run, last_ended_at, last_report";

type SyncRow = readonly [
  seq: number,
  sync: string,
  watermark: string | null,
  revision: number,
  advancedAt: number | null,
  run: string | null,
  runSince: number,
  leaseUntil: number,
  lastRun: string | null,
  lastEndedAt: number,
  lastReport: string,
];

interface OfSync {
  readonly sync: string;
}

function bySync({ sync }: OfSync): string {
  return sync;
}

function hashOfSync({ sync }: OfSync): string {
  return hashOf(sync);
}

function hashesOf(requests: readonly OfSync[]): string {
  return textArray(requests.map(hashOfSync));
}

function toView(row: SyncRow, time: DatabaseTime): SyncView {
  const [, sync, watermark, revision, advancedAt, run, runSince, leaseUntil, lastRun, lastEndedAt, lastReport] = row;
  return {
    sync: unpackText(sync),
    ...(watermark !== null && { watermark: unpackText(watermark) }),
    revision,
    ...(advancedAt !== null && { advancedAt: time.fromDatabase(advancedAt) }),
    ...(run !== null && {
      running: { run: unpackText(run), since: time.fromDatabase(runSince), leaseUntil: time.fromDatabase(leaseUntil) },
    }),
    ...(lastRun !== null && {
      lastRun: { run: unpackText(lastRun), endedAt: time.fromDatabase(lastEndedAt), report: unpackText(lastReport) },
    }),
  };
}
