import type { DatabaseSync } from "node:sqlite";
import type { BeginSync, BeginSyncResult, SyncView, WatermarkStore } from "../../../ports/watermark-store.ts";
import type { Fenced } from "../../../ports/idempotency-store.ts";
import { decodeCursor, encodeCursor, pageLimit } from "../paging.ts";
import type { Sync } from "../sync.ts";

interface SyncRow {
  readonly seq: number;
  readonly sync: string;
  readonly watermark: string | null;
  readonly revision: number;
  readonly advanced_at: number | null;
  readonly run: string | null;
  readonly run_since: number;
  readonly lease_until: number;
  readonly last_run: string | null;
  readonly last_ended_at: number;
  readonly last_report: string;
}

/** Watermarks, a row each. */
export function watermarks(db: DatabaseSync): Sync<WatermarkStore> {
  const insert = db.prepare("INSERT INTO sync (sync) VALUES (?) ON CONFLICT (sync) DO NOTHING");
  const find = db.prepare("SELECT * FROM sync WHERE sync = ?");
  const hold = db.prepare("UPDATE sync SET run = ?, run_since = ?, lease_until = ? WHERE seq = ?");
  const step = db.prepare(
    "UPDATE sync SET watermark = ?, revision = revision + 1, advanced_at = ? WHERE sync = ? AND run = ? AND revision = ?",
  );
  const moveLease = db.prepare("UPDATE sync SET lease_until = ? WHERE sync = ? AND run = ?");
  const letGo = db.prepare("UPDATE sync SET last_run = run, last_ended_at = ?, last_report = ?, run = NULL WHERE sync = ? AND run = ?");
  const read = db.prepare("SELECT * FROM sync WHERE seq > ? ORDER BY seq LIMIT ?");

  const begin = ({ sync, run, now, leaseUntil }: BeginSync): BeginSyncResult => {
    insert.run(sync);
    const known = find.get(sync) as unknown as SyncRow;
    if (known.run !== null && known.run !== run && known.lease_until > now) {
      return { state: "running", run: known.run, leaseUntil: known.lease_until };
    }
    hold.run(run, known.run === run ? known.run_since : now, leaseUntil, known.seq);
    return { state: "started", ...(known.watermark !== null && { watermark: known.watermark }), revision: known.revision };
  };

  return {
    begin: (requests) => requests.map(begin),
    advance: (requests) => requests.map(({ sync, run, revision, to, now }) => fenced(step.run(to, now, sync, run, revision).changes)),
    extend: (requests) => requests.map(({ sync, run, leaseUntil }) => fenced(moveLease.run(leaseUntil, sync, run).changes)),
    end: (requests) => requests.map(({ sync, run, now, report }) => fenced(letGo.run(now, report, sync, run).changes)),
    read: (sync) => {
      const row = find.get(sync) as unknown as SyncRow | undefined;
      return row && toView(row);
    },
    list: (page) => {
      const limit = pageLimit(page);
      const [after] = decodeCursor<[number]>("syncs", page, 1) ?? [0];
      const rows = read.all(after, limit + 1) as unknown as SyncRow[];
      const shown = rows.slice(0, limit);
      const last = shown.at(-1);
      return { items: shown.map(toView), next: last && rows.length > limit ? encodeCursor("syncs", [last.seq]) : null };
    },
  };
}

function fenced(changes: number | bigint): Fenced {
  return changes === 1 ? "applied" : "stale";
}

function toView(row: SyncRow): SyncView {
  return {
    sync: row.sync,
    ...(row.watermark !== null && { watermark: row.watermark }),
    revision: row.revision,
    ...(row.advanced_at !== null && { advancedAt: row.advanced_at }),
    ...(row.run !== null && { running: { run: row.run, since: row.run_since, leaseUntil: row.lease_until } }),
    ...(row.last_run !== null && { lastRun: { run: row.last_run, endedAt: row.last_ended_at, report: row.last_report } }),
  };
}
