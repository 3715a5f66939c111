import type { DatabaseSync } from "node:sqlite";
import { COUNTED_DUE, type LaneBacklog, type OperationStore } from "../../../../ports/operation-store.ts";
import type { Sync } from "../../sync.ts";
import { PLACE } from "./entry.ts";
import type { Lanes } from "./lanes.ts";
import type { Tally } from "./tally.ts";

/** Kinds of ready work in a lane (flow and priority) that are looked at for the oldest. */
const KINDS = 1_000;

interface LaneRow {
  readonly seq: number;
  readonly api: string;
  readonly endpoint: string;
  readonly partition: string;
  readonly paused: number;
  readonly ready: number;
  readonly leased: number;
  readonly parked: number;
}

/**
 * What stands in each lane: counts from its row, instants from the ends of indexes. Only parked operations that have fallen
 * due and were not yet made ready are counted, and of those no more than `COUNTED_DUE`.
 */
export function backlogs(db: DatabaseSync): (now: number) => LaneBacklog[] {
  const atWork = db.prepare(
    `SELECT seq, api, endpoint, partition, paused, ready, leased, parked FROM lane
     WHERE ready > 0 OR leased > 0 OR parked > 0 OR paused = 1 ORDER BY api, endpoint, partition`,
  );
  const countDue = db.prepare(
    `SELECT count(*) AS count, min(due_at) AS oldest FROM (SELECT due_at FROM parked WHERE lane = ? AND due_at <= ? LIMIT ${COUNTED_DUE})`,
  );
  const nextDue = db.prepare("SELECT due_at FROM parked WHERE lane = ? AND due_at > ? ORDER BY due_at LIMIT 1");
  const nextKind = db.prepare(
    `SELECT flow, rank, due_at FROM ready WHERE lane = ? AND (flow, rank) > (?, ?) ORDER BY flow, rank, due_at LIMIT 1`,
  );

  /** The first row of each flow and priority is the oldest of its kind. */
  const oldestReady = (lane: number): number => {
    let oldest = Infinity;
    let [flow, rank] = ["", -Infinity];
    for (let kinds = 0; kinds < KINDS; kinds += 1) {
      const head = nextKind.get(lane, flow, rank) as { flow: string; rank: number; due_at: number } | undefined;
      if (!head) break;
      oldest = Math.min(oldest, head.due_at);
      ({ flow, rank } = head);
    }
    return oldest;
  };

  return (now) =>
    (atWork.all() as unknown as LaneRow[]).map(({ seq, api, endpoint, partition, paused, ready, leased, parked }) => {
      const due = countDue.get(seq, now) as { count: number; oldest: number | null };
      const next = nextDue.get(seq, now) as { due_at: number } | undefined;
      const oldestDueAt = Math.min(due.oldest ?? Infinity, ready > 0 ? oldestReady(seq) : Infinity);
      return {
        api,
        endpoint,
        partition,
        due: ready + due.count,
        leased,
        parked: parked - due.count,
        ...(oldestDueAt < Infinity && { oldestDueAt }),
        ...(next && { nextDueAt: next.due_at }),
        paused: paused === 1,
      };
    });
}

/** Makes operations ready that wait for the breaker of their lane. */
export function waking(db: DatabaseSync, lanes: Lanes, tally: Tally): Sync<OperationStore>["wake"] {
  const waiting = "FROM parked WHERE lane = ? AND breaker = 1 ORDER BY due_at, seq LIMIT ?";
  const insert = db.prepare(
    `INSERT INTO ready (${PLACE}) SELECT seq, lane, flow, rank, min(due_at, ?), claims, attempts, delay, vanished, doubt ${waiting}`,
  );
  const remove = db.prepare(`DELETE FROM parked WHERE seq IN (SELECT seq ${waiting})`);
  return (key, now, limit) => {
    const lane = lanes.find(key);
    if (lane === undefined) return 0;
    insert.run(now, lane, limit);
    const woken = Number(remove.run(lane, limit).changes);
    tally.move(lane, "parked", "ready", woken);
    return woken;
  };
}
