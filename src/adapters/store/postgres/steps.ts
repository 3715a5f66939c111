import type { Because } from "../../../core/decision.ts";
import { StoreError } from "../../../core/errors.ts";
import type { Fenced } from "../../../ports/idempotency-store.ts";
import type { OpenResult, OpenRun, RunState, RunView, StepResult, StepState, StepStore, StepView } from "../../../ports/step-store.ts";
import { decodeCursor, encodeCursor, pageLimit } from "../paging.ts";
import { conditions } from "./conditions.ts";
import type { Database } from "./database.ts";
import type { DatabaseTime } from "./database-time.ts";
import { hashOf } from "./hash.ts";
import { surviving } from "./lost-answers.ts";
import { packText, plainArray, textArray, unpackText } from "./parameters.ts";
import { statement } from "./statement.ts";
import { inWaves } from "./waves.ts";

/** Rounds of an open whose runs change under its hands. */
const OPEN_ROUNDS = 100;

type End = Parameters<StepStore["end"]>[0][number];

/** Pipeline runs and their steps. */
export function steps(database: Database, schema: string): StepStore {
  const { time } = database;
  const table = `"${schema}".run`;
  const columns = `run.seq::float8, hash::text, id, pipeline, version, subject, input, state, token, lease_until, opened_at, ended_at,
    (SELECT json_agg(json_build_array(step, state, result, because, operation, at) ORDER BY seq)::text FROM "${schema}".step WHERE step.run = run.seq)`;

  // Runs that another holder has, and those that ended, do not come back.
  const take = statement<[hash: string]>(
    `INSERT INTO ${table} AS held (hash, id, pipeline, version, subject, input, state, token, lease_until, opened_at)
     SELECT hash, id, pipeline, version, subject, input, 'open', token, lease_until, now
     FROM unnest(($1::text)::uuid[], ($2::text)::text[], ($3::text)::text[], ($4::text)::text[], ($5::text)::text[], ($6::text)::text[],
       ($7::text)::text[], ($8::text)::float8[], ($9::text)::float8[]) WITH ORDINALITY
       AS asked (hash, id, pipeline, version, subject, input, token, lease_until, now, place)
     ORDER BY place
     ON CONFLICT (hash) DO UPDATE SET token = excluded.token, lease_until = excluded.lease_until
     WHERE held.state = 'open' AND (held.token IS NULL OR held.token = excluded.token OR held.lease_until <= excluded.opened_at)
     RETURNING hash::text`,
  );
  const find = statement<RunRow>(`SELECT ${columns} FROM ${table} WHERE hash = ANY (($1::text)::uuid[])`);
  const isHeld = "held.state = 'open' AND held.token = asked.token";
  const locked = `locked AS (SELECT held.seq, held.hash, held.token FROM ${table} AS held
    JOIN (SELECT DISTINCT hash, token FROM asked) AS asked USING (hash) WHERE ${isHeld} ORDER BY held.hash FOR UPDATE OF held)`;
  const results = `asked AS (
    SELECT * FROM unnest(($1::text)::uuid[], ($2::text)::text[], ($3::text)::uuid[], ($4::text)::text[], ($5::text)::text[], ($6::text)::text[],
      ($7::text)::text[], ($8::text)::text[], ($9::text)::float8[]) WITH ORDINALITY
      AS asked (hash, token, step_hash, step, state, result, because, operation, at, place))`;
  const write = statement<[step: string]>(
    `WITH ${results}, ${locked},
     written AS (
       INSERT INTO "${schema}".step AS known (run, hash, step, state, result, because, operation, at)
       SELECT locked.seq, step_hash, step, asked.state, result, because, operation, at
       FROM asked JOIN locked USING (hash, token) ORDER BY place
       ON CONFLICT (run, hash) DO UPDATE SET state = excluded.state, result = excluded.result, because = excluded.because,
         operation = excluded.operation, at = excluded.at WHERE known.state <> 'done'
       RETURNING run, hash)
     SELECT locked.hash::text || ' ' || written.hash::text FROM written JOIN locked ON locked.seq = written.run`,
  );
  const isWritten = statement<[step: string]>(
    `WITH ${results}
     SELECT asked.hash::text || ' ' || step_hash::text
     FROM asked JOIN ${table} AS held USING (hash) JOIN "${schema}".step AS known ON known.run = held.seq AND known.hash = step_hash
     WHERE ${isHeld} AND known.state = asked.state AND known.at = asked.at AND known.result IS NOT DISTINCT FROM asked.result`,
  );
  const holders = "asked AS (SELECT * FROM unnest(($1::text)::uuid[], ($2::text)::text[]) AS asked (hash, token))";
  const moveLease = statement<[hash: string]>(
    `WITH asked AS (SELECT * FROM unnest(($1::text)::uuid[], ($2::text)::text[], ($3::text)::float8[]) AS asked (hash, token, lease_until)), ${locked}
     UPDATE ${table} AS held SET lease_until = asked.lease_until FROM asked JOIN locked USING (hash) WHERE held.seq = locked.seq
     RETURNING held.hash::text`,
  );
  const letGo = statement<[hash: string]>(
    `WITH ${holders}, ${locked}
     UPDATE ${table} AS held SET token = NULL FROM locked WHERE held.seq = locked.seq RETURNING held.hash::text`,
  );
  const ends = `asked AS (
    SELECT * FROM unnest(($1::text)::uuid[], ($2::text)::text[], ($3::text)::text[], ($4::text)::float8[], ($5::text)::float8[])
      AS asked (hash, token, state, now, keep_until))`;
  // The token stays with a run that ended: it tells whose word that was.
  const close = statement<[hash: string]>(
    `WITH ${ends}, ${locked}
     UPDATE ${table} AS held SET state = asked.state, ended_at = asked.now, keep_until = asked.keep_until
     FROM asked JOIN locked USING (hash) WHERE held.seq = locked.seq RETURNING held.hash::text`,
  );
  const isClosed = statement<[hash: string]>(
    `WITH ${ends}
     SELECT hash::text FROM ${table} AS held JOIN asked USING (hash)
     WHERE held.token = asked.token AND held.state = asked.state AND held.ended_at = asked.now`,
  );
  const forget = statement<[count: number]>(
    `WITH over AS (
       SELECT seq FROM ${table} WHERE keep_until <= ($1::text)::float8 ORDER BY keep_until, seq LIMIT ($2::text)::int4 FOR UPDATE SKIP LOCKED),
     gone_steps AS (DELETE FROM "${schema}".step USING over WHERE step.run = over.seq),
     gone AS (DELETE FROM ${table} AS held USING over WHERE held.seq = over.seq RETURNING 1)
     SELECT count(*)::int4 FROM gone`,
  );

  const openOnce = async (requests: readonly OpenRun[]): Promise<readonly (OpenResult | undefined)[]> => {
    const taken = await database.repeatable("open runs", take, [
      textArray(requests.map(hashOfRun)),
      textArray(requests.map(({ id }) => id)),
      textArray(requests.map(({ pipeline }) => pipeline)),
      textArray(requests.map(({ version }) => version)),
      textArray(requests.map(({ subject }) => subject)),
      textArray(requests.map(({ input }) => input)),
      textArray(requests.map(({ token }) => token)),
      plainArray(requests.map(({ leaseUntil }) => time.toDatabase(leaseUntil))),
      plainArray(requests.map(({ now }) => time.toDatabase(now))),
    ]);
    const ours = new Set(taken.map(([hash]) => hash));
    const rows = await database.repeatable("look runs up", find, [textArray(requests.map(hashOfRun))]);
    const known = new Map(rows.map((row) => [row[1], row]));
    return requests.map((request): OpenResult | undefined => {
      const row = known.get(hashOfRun(request));
      if (row === undefined) return undefined;
      if (ours.has(row[1])) return { state: "held", run: toView(row, time) };
      const [, , , , , , , state, token, leaseUntil] = row;
      if (state !== "open") return { state: "ended", run: toView(row, time) };
      const isFree = token === null || unpackText(token) === request.token || leaseUntil <= time.toDatabase(request.now);
      return isFree ? undefined : { state: "busy", leaseUntil: time.fromDatabase(leaseUntil) };
    });
  };

  /** A run that was not free, and is when it is looked at, is asked for again. */
  const open = async (requests: readonly OpenRun[]): Promise<readonly OpenResult[]> => {
    const found: OpenResult[] = [];
    let left = [...requests.keys()];
    for (let round = 0; left.length > 0; round += 1) {
      if (round === OPEN_ROUNDS) throw new StoreError("the PostgreSQL store cannot open runs: others take and end them faster; ask again");
      const answers = await openOnce(left.map((index) => requests[index] as OpenRun));
      left = left.filter((index, position) => {
        const answer = answers[position];
        if (answer !== undefined) found[index] = answer;
        return answer === undefined;
      });
    }
    return found;
  };

  const stepValues = (given: readonly StepResult[]): string[] => [
    textArray(given.map(hashOfRun)),
    textArray(given.map(({ token }) => token)),
    textArray(given.map(({ step }) => hashOf(step))),
    textArray(given.map(({ step }) => step)),
    textArray(given.map(({ state }) => state)),
    textArray(given.map(({ result }) => result)),
    textArray(given.map(({ because }) => because && JSON.stringify(because))),
    textArray(given.map(({ operation }) => operation)),
    plainArray(given.map(({ now }) => time.toDatabase(now))),
  ];
  const finish = surviving<StepResult>({
    keyOf: keyOfStep,
    nameOf: ({ token, state, now }) => `${state} ${now} ${token}`,
    apply: (given) => database.once("keep the results of steps", write, stepValues(given)),
    standing: (given) => database.repeatable("look for results of steps", isWritten, stepValues(given)),
  });

  const wanted = `md5(pipeline) = md5($1::text) AND pipeline = $1::text`;
  // From one hash of a name to the next, by the index alone.
  const names = statement<[pipeline: string]>(
    `WITH RECURSIVE name AS (
       (SELECT md5(pipeline) AS hash, pipeline FROM ${table} ORDER BY md5(pipeline), seq LIMIT 1) UNION ALL
       SELECT later.hash, later.pipeline FROM name CROSS JOIN LATERAL (
         SELECT md5(run.pipeline) AS hash, run.pipeline FROM ${table} AS run WHERE md5(run.pipeline) > name.hash
         ORDER BY md5(run.pipeline), run.seq LIMIT 1) AS later)
     SELECT pipeline FROM name ORDER BY pipeline COLLATE "C"`,
  );
  const newest = `SELECT seq, state FROM ${table} WHERE ${wanted} ORDER BY seq DESC LIMIT ($2::text)::int4`;
  const countRuns = statement<[open: number, succeeded: number, failed: number, more: boolean]>(
    `SELECT (count(*) FILTER (WHERE state = 'open'))::int4, (count(*) FILTER (WHERE state = 'succeeded'))::int4,
       (count(*) FILTER (WHERE state = 'failed'))::int4,
       EXISTS (SELECT FROM ${table} WHERE ${wanted} ORDER BY seq DESC OFFSET ($2::text)::int4 LIMIT 1)
     FROM (${newest}) AS newest`,
  );
  const countSteps = statement<[step: string, done: number, failed: number, parked: number]>(
    `SELECT step, (count(*) FILTER (WHERE step.state = 'done'))::int4, (count(*) FILTER (WHERE step.state = 'failed'))::int4,
       (count(*) FILTER (WHERE step.state = 'parked'))::int4
     FROM (${newest}) AS newest JOIN "${schema}".step ON step.run = newest.seq GROUP BY step ORDER BY step COLLATE "C"`,
  );

  const endValues = (requests: readonly End[]): string[] => [
    textArray(requests.map(hashOfRun)),
    textArray(requests.map(({ token }) => token)),
    textArray(requests.map(({ state }) => state)),
    plainArray(requests.map(({ now }) => time.toDatabase(now))),
    plainArray(requests.map(({ keepUntil }) => time.toDatabase(keepUntil))),
  ];
  const end = surviving<End>({
    keyOf: hashOfRun,
    nameOf: ({ token, state, now }) => `${state} ${now} ${token}`,
    apply: (requests) => database.once("end runs", close, endValues(requests)),
    standing: (requests) => database.repeatable("look for ended runs", isClosed, endValues(requests)),
  });

  return {
    open: (requests) => inWaves(requests, hashOfRun, open),
    // Where a step occurs twice, the steps of its run go one after the other: they are listed in the order in which they were given.
    finish: (given) => (new Set(given.map(keyOfStep)).size === given.length ? finish(given) : inWaves(given, hashOfRun, finish)),
    extend: (requests) =>
      inWaves(requests, hashOfRun, async (wave) => {
        const rows = await database.repeatable("extend leases of runs", moveLease, [
          textArray(wave.map(hashOfRun)),
          textArray(wave.map(({ token }) => token)),
          plainArray(wave.map(({ leaseUntil }) => time.toDatabase(leaseUntil))),
        ]);
        return fenced(wave, rows);
      }),
    release: (requests) =>
      inWaves(requests, hashOfRun, async (wave) => {
        const rows = await database.once("let runs go", letGo, [textArray(wave.map(hashOfRun)), textArray(wave.map(({ token }) => token))]);
        return fenced(wave, rows);
      }),
    end: (requests) => inWaves(requests, hashOfRun, end),
    get: async (id) => {
      const [row] = await database.repeatable("read a run", find, [textArray([hashOf(id)])]);
      return row && toView(row, time);
    },
    list: async ({ pipeline, subject, state }, page) => {
      const limit = pageLimit(page);
      const before = decodeCursor<[number]>("runs", page, 1)?.[0];
      const { add, where, values } = conditions();
      // Indexed by a hash, since an index cannot hold a long text.
      for (const [name, value] of Object.entries({ pipeline, subject })) {
        if (value !== undefined) add((wanted) => `md5(${name}) = md5(${wanted}) AND ${name} = ${wanted}`, packText(value));
      }
      if (state !== undefined) add((wanted) => `state = ${wanted}`, state);
      // Said again as a constant, so that the index of open runs can be used.
      if (state === "open") add(() => "state = 'open'");
      if (before !== undefined) add((seq) => `seq < ${seq}::float8::bigint`, String(before));
      const query = statement<RunRow>(`SELECT ${columns} FROM ${table} ${where()} ORDER BY seq DESC LIMIT ${limit + 1}`);
      const rows = await database.snapshot("list runs", (run) => run(query, values));
      const shown = rows.slice(0, limit);
      const last = shown.at(-1);
      return { items: shown.map((row) => toView(row, time)), next: last && rows.length > limit ? encodeCursor("runs", [last[0]]) : null };
    },
    pipelines: async () => (await database.snapshot("list pipelines", (run) => run(names, []))).map(([name]) => unpackText(name)),
    overview: async (pipeline, most) => {
      const values = [packText(pipeline), String(most)];
      return await database.snapshot("count runs", async (run) => {
        const [[open, succeeded, failed, more]] = (await run(countRuns, values)) as [[number, number, number, boolean]];
        const written = await run(countSteps, values);
        return {
          runs: { open, succeeded, failed },
          more,
          steps: written.map(([step, done, stepsFailed, parked]) => ({ step: unpackText(step), done, failed: stepsFailed, parked })),
        };
      });
    },
    sweep: async (now, limit) => {
      const [row] = await database.once("sweep runs", forget, [String(time.toDatabase(now)), String(limit)]);
      return (row as [number])[0];
    },
  };
}

type RunRow = readonly [
  seq: number,
  hash: string,
  id: string,
  pipeline: string,
  version: string,
  subject: string,
  input: string,
  state: RunState,
  token: string | null,
  leaseUntil: number,
  openedAt: number,
  endedAt: number | null,
  /** A JSON array of {@link StepColumns}. */
  steps: string | null,
];

type StepColumns = readonly [
  step: string,
  state: StepState,
  result: string | null,
  because: string | null,
  operation: string | null,
  at: number,
];

/** A run is named `id` where it is opened, and `run` where something is done to it. */
type OfRun = { readonly id: string } | { readonly run: string };

function hashOfRun(request: OfRun): string {
  return hashOf("id" in request ? request.id : request.run);
}

function keyOfStep({ run, step }: StepResult): string {
  return `${hashOf(run)} ${hashOf(step)}`;
}

function fenced(requests: readonly OfRun[], rows: readonly (readonly [hash: string])[]): readonly Fenced[] {
  const applied = new Set(rows.map(([hash]) => hash));
  return requests.map((request) => (applied.has(hashOfRun(request)) ? "applied" : "stale"));
}

function toView(row: RunRow, time: DatabaseTime): RunView {
  const [, , id, pipeline, version, subject, input, state, , , openedAt, endedAt, written] = row;
  const all = written === null ? [] : (JSON.parse(written) as StepColumns[]);
  return {
    id: unpackText(id),
    pipeline: unpackText(pipeline),
    version: unpackText(version),
    subject: unpackText(subject),
    input: unpackText(input),
    state,
    openedAt: time.fromDatabase(openedAt),
    ...(endedAt !== null && { endedAt: time.fromDatabase(endedAt) }),
    steps: all.map((columns) => toStep(columns, time)),
  };
}

function toStep([step, state, result, because, operation, at]: StepColumns, time: DatabaseTime): StepView {
  return {
    step: unpackText(step),
    state,
    ...(result !== null && { result: unpackText(result) }),
    ...(because !== null && { because: JSON.parse(because) as Because }),
    ...(operation !== null && { operation: unpackText(operation) }),
    at: time.fromDatabase(at),
  };
}
