import type { Advance, BeginSync, BeginSyncResult, SyncView, WatermarkStore } from "../../../ports/watermark-store.ts";
import type { Fenced } from "../../../ports/idempotency-store.ts";
import { decodeCursor, encodeCursor, pageLimit } from "../paging.ts";
import type { Sync } from "../sync.ts";

/** Watermarks in a Map, in the order in which their syncs were first begun. */
export function watermarks(): Sync<WatermarkStore> {
  const syncs = new Map<string, SyncView>();

  const begin = ({ sync, run, now, leaseUntil }: BeginSync): BeginSyncResult => {
    const known: SyncView = syncs.get(sync) ?? { sync, revision: 0 };
    const { running, watermark, revision } = known;
    if (running && running.run !== run && running.leaseUntil > now) {
      return { state: "running", run: running.run, leaseUntil: running.leaseUntil };
    }
    const since = running?.run === run ? running.since : now;
    syncs.set(sync, { ...known, running: { run, since, leaseUntil } });
    return { state: "started", ...(watermark !== undefined && { watermark }), revision };
  };

  /** Changes a sync that the run holds. */
  const whileHeld = (sync: string, run: string, change: (held: SyncView) => SyncView | undefined): Fenced => {
    const known = syncs.get(sync);
    const changed = known?.running?.run === run ? change(known) : undefined;
    if (!changed) return "stale";
    syncs.set(sync, changed);
    return "applied";
  };

  const advance = ({ sync, run, revision, to, now }: Advance): Fenced =>
    whileHeld(sync, run, (held) =>
      held.revision === revision ? { ...held, watermark: to, revision: revision + 1, advancedAt: now } : undefined,
    );

  return {
    begin: (requests) => requests.map(begin),
    advance: (requests) => requests.map(advance),
    extend: (requests) =>
      requests.map(({ sync, run, leaseUntil }) =>
        whileHeld(sync, run, (held) => held.running && { ...held, running: { ...held.running, leaseUntil } }),
      ),
    end: (requests) =>
      requests.map(({ sync, run, now, report }) =>
        whileHeld(sync, run, ({ running: _running, ...rest }) => ({ ...rest, lastRun: { run, endedAt: now, report } })),
      ),
    read: (sync) => syncs.get(sync),
    list: (page) => {
      const limit = pageLimit(page);
      const [start] = decodeCursor<[number]>("syncs", page, 1) ?? [0];
      const items = [...syncs.values()].slice(start, start + limit);
      return { items, next: start + limit < syncs.size ? encodeCursor("syncs", [start + limit]) : null };
    },
  };
}
