import type { DatabaseSync, SQLInputValue } from "node:sqlite";
import type { Because } from "../../../core/decision.ts";
import type { Fenced } from "../../../ports/idempotency-store.ts";
import type {
  OpenResult,
  OpenRun,
  RunsOverview,
  RunState,
  RunView,
  StepResult,
  StepState,
  StepStore,
  StepView,
} from "../../../ports/step-store.ts";
import { decodeCursor, encodeCursor, pageLimit } from "../paging.ts";
import type { Sync } from "../sync.ts";
import { statementCache } from "./statement-cache.ts";

interface RunRow {
  readonly seq: number;
  readonly id: string;
  readonly pipeline: string;
  readonly version: string;
  readonly subject: string;
  readonly input: string;
  readonly state: RunState;
  readonly token: string | null;
  readonly lease_until: number;
  readonly opened_at: number;
  readonly ended_at: number | null;
}

interface StepRow {
  readonly step: string;
  readonly state: StepState;
  readonly result: string | null;
  readonly because: string | null;
  readonly operation: string | null;
  readonly at: number;
}

/** Pipeline runs and their steps. */
export function steps(db: DatabaseSync): Sync<StepStore> {
  const insert = db.prepare("INSERT INTO run (id, pipeline, version, subject, input, state, opened_at) VALUES (?, ?, ?, ?, ?, 'open', ?)");
  const find = db.prepare("SELECT * FROM run WHERE id = ?");
  const hold = db.prepare("UPDATE run SET token = ?, lease_until = ? WHERE seq = ?");
  const held = db.prepare("SELECT seq FROM run WHERE id = ? AND state = 'open' AND token = ?");
  const write = db.prepare(
    `INSERT INTO step (run, position, step, state, result, because, operation, at)
     SELECT ?1, coalesce(max(position), 0) + 1, ?2, ?3, ?4, ?5, ?6, ?7 FROM step WHERE run = ?1 AND true
     ON CONFLICT (run, step) DO UPDATE SET state = excluded.state, result = excluded.result, because = excluded.because,
       operation = excluded.operation, at = excluded.at WHERE step.state <> 'done'`,
  );
  const moveLease = db.prepare("UPDATE run SET lease_until = ? WHERE id = ? AND state = 'open' AND token = ?");
  const letGo = db.prepare("UPDATE run SET token = NULL WHERE id = ? AND state = 'open' AND token = ?");
  const close = db.prepare(
    "UPDATE run SET state = ?, ended_at = ?, keep_until = ?, token = NULL WHERE id = ? AND state = 'open' AND token = ?",
  );
  const readSteps = db.prepare("SELECT step, state, result, because, operation, at FROM step WHERE run = ? ORDER BY position");
  const over = db.prepare("SELECT seq FROM run WHERE keep_until IS NOT NULL AND keep_until <= ? ORDER BY keep_until, seq LIMIT ?");
  const deleteSteps = db.prepare("DELETE FROM step WHERE run = ?");
  const deleteRun = db.prepare("DELETE FROM run WHERE seq = ?");
  // From one name to the next, by the index alone.
  const names = db.prepare(
    `WITH RECURSIVE name (pipeline) AS (
       SELECT min(pipeline) FROM run UNION ALL
       SELECT (SELECT min(run.pipeline) FROM run WHERE run.pipeline > name.pipeline) FROM name WHERE name.pipeline IS NOT NULL)
     SELECT pipeline FROM name WHERE pipeline IS NOT NULL`,
  );
  const newest = "SELECT seq, state FROM run WHERE pipeline = :pipeline ORDER BY seq DESC LIMIT :most";
  const countRuns = db.prepare(`SELECT state, count(*) AS count FROM (${newest}) GROUP BY state`);
  const countSteps = db.prepare(
    `SELECT step, sum(step.state = 'done') AS done, sum(step.state = 'failed') AS failed, sum(step.state = 'parked') AS parked
     FROM (${newest}) AS newest JOIN step ON step.run = newest.seq GROUP BY step ORDER BY step`,
  );
  const another = db.prepare("SELECT 1 FROM run WHERE pipeline = ? ORDER BY seq DESC LIMIT 1 OFFSET ?");
  const prepared = statementCache(db);

  const toView = ({ seq, id, pipeline, version, subject, input, state, opened_at, ended_at }: RunRow): RunView => ({
    id,
    pipeline,
    version,
    subject,
    input,
    state,
    openedAt: opened_at,
    ...(ended_at !== null && { endedAt: ended_at }),
    steps: (readSteps.all(seq) as unknown as StepRow[]).map(toStep),
  });

  const open = ({ id, pipeline, version, subject, input, token, now, leaseUntil }: OpenRun): OpenResult => {
    const known = find.get(id) as unknown as RunRow | undefined;
    if (!known) insert.run(id, pipeline, version, subject, input, now);
    const run = known ?? (find.get(id) as unknown as RunRow);
    if (run.state !== "open") return { state: "ended", run: toView(run) };
    if (run.token !== null && run.token !== token && run.lease_until > now) return { state: "busy", leaseUntil: run.lease_until };
    hold.run(token, leaseUntil, run.seq);
    return { state: "held", run: toView(run) };
  };

  const finish = ({ run, token, step, state, result, because, operation, now }: StepResult): Fenced => {
    const row = held.get(run, token) as { seq: number } | undefined;
    if (!row) return "stale";
    return fenced(
      write.run(row.seq, step, state, result ?? null, because ? JSON.stringify(because) : null, operation ?? null, now).changes,
    );
  };

  return {
    open: (requests) => requests.map(open),
    finish: (results) => results.map(finish),
    extend: (requests) => requests.map(({ run, token, leaseUntil }) => fenced(moveLease.run(leaseUntil, run, token).changes)),
    release: (requests) => requests.map(({ run, token }) => fenced(letGo.run(run, token).changes)),
    end: (requests) =>
      requests.map(({ run, token, state, now, keepUntil }) => fenced(close.run(state, now, keepUntil, run, token).changes)),
    get: (id) => {
      const row = find.get(id) as unknown as RunRow | undefined;
      return row && toView(row);
    },
    list: ({ pipeline, subject, state }, page) => {
      const limit = pageLimit(page);
      const before = decodeCursor<[number]>("runs", page, 1)?.[0];
      const conditions: [clause: string, value: SQLInputValue][] = [];
      if (pipeline !== undefined) conditions.push(["pipeline = ?", pipeline]);
      if (subject !== undefined) conditions.push(["subject = ?", subject]);
      if (state !== undefined) conditions.push(["state = ?", state]);
      if (before !== undefined) conditions.push(["seq < ?", before]);
      const where = conditions.length === 0 ? "" : `WHERE ${conditions.map(([clause]) => clause).join(" AND ")}`;
      const statement = prepared(`SELECT * FROM run ${where} ORDER BY seq DESC LIMIT ?`);
      const rows = statement.all(...conditions.map(([, value]) => value), limit + 1) as unknown as RunRow[];
      const shown = rows.slice(0, limit);
      const last = shown.at(-1);
      return { items: shown.map(toView), next: last && rows.length > limit ? encodeCursor("runs", [last.seq]) : null };
    },
    pipelines: () => (names.all() as { pipeline: string }[]).map(({ pipeline }) => pipeline),
    overview: (pipeline, most) => {
      const counts = { open: 0, succeeded: 0, failed: 0 };
      for (const { state, count } of countRuns.all({ pipeline, most }) as { state: RunState; count: number }[]) counts[state] = count;
      const written = countSteps.all({ pipeline, most }) as unknown as RunsOverview["steps"];
      return { runs: counts, more: another.get(pipeline, most) !== undefined, steps: written.map((row) => ({ ...row })) };
    },
    sweep: (now, limit) => {
      const seqs = over.all(now, limit) as { seq: number }[];
      for (const { seq } of seqs) {
        deleteSteps.run(seq);
        deleteRun.run(seq);
      }
      return seqs.length;
    },
  };
}

function fenced(changes: number | bigint): Fenced {
  return changes === 1 ? "applied" : "stale";
}

function toStep({ step, state, result, because, operation, at }: StepRow): StepView {
  return {
    step,
    state,
    ...(result !== null && { result }),
    ...(because !== null && { because: JSON.parse(because) as Because }),
    ...(operation !== null && { operation }),
    at,
  };
}
