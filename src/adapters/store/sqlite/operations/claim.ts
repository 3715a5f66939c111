import type { DatabaseSync } from "node:sqlite";
import type { Allowance, ClaimedOperation, ClaimRequest } from "../../../../ports/operation-store.ts";
import { PLACE, toOperation, type Place } from "./entry.ts";
import type { Lanes } from "./lanes.ts";
import type { Tally } from "./tally.ts";
import { turns } from "./turns.ts";

/** Parked operations that a claim makes ready at most, when they have fallen due; the next claim goes on. */
const PROMOTED = 1_000;

interface ClaimedRow extends Place {
  readonly head: string;
  readonly body: Uint8Array | null;
}

/** Leases of each lane as many as it is allowed. Rows are moved in sets: a claim of fifty is three statements. */
export function claiming(db: DatabaseSync, lanes: Lanes, tally: Tally): (request: ClaimRequest) => ClaimedOperation[] {
  const findLane = db.prepare("SELECT paused, turn FROM lane WHERE seq = ?");
  const setTurn = db.prepare("UPDATE lane SET turn = ? WHERE seq = ?");
  const hasDue = db.prepare("SELECT 1 FROM parked WHERE lane = ? AND due_at <= ? LIMIT 1");
  const promoteDue = db.prepare(
    `INSERT INTO ready (${PLACE}) SELECT ${PLACE} FROM parked WHERE lane = ? AND due_at <= ? ORDER BY due_at, seq LIMIT ${PROMOTED}`,
  );
  const deletePromoted = db.prepare(
    `DELETE FROM parked WHERE seq IN (SELECT seq FROM parked WHERE lane = ? AND due_at <= ? ORDER BY due_at, seq LIMIT ${PROMOTED})`,
  );
  const insertLeased = db.prepare(
    `INSERT INTO leased (${PLACE}, worker, lease_until, since)
     SELECT seq, lane, flow, rank, due_at, claims + 1, attempts, delay, vanished, doubt, ?, ?, ? FROM ready
     WHERE seq IN (SELECT value FROM json_each(?))`,
  );
  const deleteReady = db.prepare("DELETE FROM ready WHERE seq IN (SELECT value FROM json_each(?))");
  const pick = turns(db);
  const read = claimedReader(db);

  const promote = (lane: number, now: number): void => {
    if (!hasDue.get(lane, now)) return;
    const { changes } = promoteDue.run(lane, now);
    deletePromoted.run(lane, now);
    tally.move(lane, "parked", "ready", Number(changes));
  };

  const claimOf = (allowance: Allowance, { worker, now, leaseUntil }: ClaimRequest): readonly number[] => {
    const lane = lanes.find(allowance);
    if (lane === undefined || allowance.max < 1) return [];
    const { paused, turn } = findLane.get(lane) as { paused: number; turn: string | null };
    if (paused === 1) return [];
    promote(lane, now);
    const picked = pick(lane, turn, allowance.max);
    if (picked.seqs.length === 0) return [];
    const seqs = JSON.stringify(picked.seqs);
    insertLeased.run(worker, leaseUntil, now, seqs);
    deleteReady.run(seqs);
    tally.move(lane, "ready", "leased", picked.seqs.length);
    if (picked.turn !== turn) setTurn.run(picked.turn, lane);
    return picked.seqs;
  };

  return (request) => read(request.allowances.flatMap((allowance) => claimOf(allowance, request)));
}

/** Reads leased operations, in the order of the numbers given. */
export function claimedReader(db: DatabaseSync): (seqs: readonly number[]) => ClaimedOperation[] {
  const read = db.prepare(
    `SELECT leased.*, operation.head, operation.body FROM json_each(?) AS wanted
     CROSS JOIN leased ON leased.seq = wanted.value CROSS JOIN operation ON operation.seq = wanted.value ORDER BY wanted.key`,
  );
  return (seqs) => (seqs.length === 0 ? [] : (read.all(JSON.stringify(seqs)) as unknown as ClaimedRow[]).map(toClaimed));
}

function toClaimed(row: ClaimedRow): ClaimedOperation {
  return {
    operation: toOperation(row),
    claim: row.claims,
    attempts: row.attempts,
    previousDelayMs: row.delay,
    vanished: row.vanished,
    inDoubt: row.doubt === 1,
  };
}
