import type { DatabaseSync } from "node:sqlite";
import type { Allowance, ClaimedOperation, ClaimRequest } from "../../../../ports/operation-store.ts";
import { PLACE, toOperation, type HeldPlaces, type Place } from "./entry.ts";
import type { Lanes } from "./lanes.ts";
import type { Tally } from "./tally.ts";
import { turns, type Candidate, type Flows } from "./turns.ts";

/** Parked operations that a claim makes ready at most, when they have fallen due; the next claim goes on. */
const PROMOTED = 500;

/** From so many rows on they are moved as a set. */
const SET = 4;

interface LaneRow {
  readonly paused: number;
  readonly turn: string | null;
  readonly first: string | null;
  readonly last: string | null;
  readonly due: number;
}

/** Leases of each lane as many as it is allowed. */
export function claiming(db: DatabaseSync, lanes: Lanes, tally: Tally, held: HeldPlaces): (request: ClaimRequest) => ClaimedRow[] {
  const readLane = db.prepare(
    `SELECT paused, turn, EXISTS (SELECT 1 FROM parked WHERE parked.lane = lane.seq AND parked.due_at <= ?) AS due,
       (SELECT flow FROM ready WHERE ready.lane = lane.seq ORDER BY flow LIMIT 1) AS first,
       (SELECT flow FROM ready WHERE ready.lane = lane.seq ORDER BY flow DESC LIMIT 1) AS last
     FROM lane WHERE seq = ?`,
  );
  const setTurn = db.prepare("UPDATE lane SET turn = ? WHERE seq = ?");
  const promote = promoting(db, tally);
  const pick = turns(db);
  const lease = leasing(db);

  const claimOf = (allowance: Allowance, request: ClaimRequest): readonly ClaimedRow[] => {
    const lane = lanes.find(allowance);
    if (lane === undefined || allowance.max < 1) return [];
    const read = (): LaneRow => readLane.get(request.now, lane) as unknown as LaneRow;
    let row = read();
    if (row.paused === 1) return [];
    if (row.due === 1) {
      promote(lane, request.now);
      row = read();
    }
    if (row.first === null) return [];
    const { candidates, turn } = pick(lane, row as Flows, allowance.max);
    lease(candidates, request);
    tally.move(lane, "ready", "leased", candidates.length);
    if (turn !== row.turn) setTurn.run(turn, lane);
    for (const candidate of candidates) {
      candidate.claims += 1;
      held.remember(candidate.id, candidate);
    }
    return candidates;
  };

  return (request) => request.allowances.flatMap((allowance) => claimOf(allowance, request));
}

/** Makes parked operations of a lane ready that have fallen due. */
function promoting(db: DatabaseSync, tally: Tally): (lane: number, now: number) => void {
  const due = `FROM parked WHERE lane = ? AND due_at <= ? ORDER BY due_at, seq LIMIT ${PROMOTED}`;
  const insert = db.prepare(`INSERT INTO ready (${PLACE}) SELECT ${PLACE} ${due}`);
  const remove = db.prepare(`DELETE FROM parked WHERE seq IN (SELECT seq ${due})`);
  return (lane, now) => {
    const { changes } = insert.run(lane, now);
    remove.run(lane, now);
    tally.move(lane, "parked", "ready", Number(changes));
  };
}

/** Moves rows from `ready` to `leased`: few of them one by one, many as a set. */
function leasing(db: DatabaseSync): (rows: readonly Place[], request: ClaimRequest) => void {
  const move = (chosen: string): ((value: number | string, request: ClaimRequest) => void) => {
    const insert = db.prepare(
      `INSERT INTO leased (${PLACE}, worker, lease_until, since)
       SELECT seq, lane, flow, rank, due_at, claims + 1, attempts, delay, vanished, doubt, ?, ?, ? FROM ready WHERE seq ${chosen}`,
    );
    const remove = db.prepare(`DELETE FROM ready WHERE seq ${chosen}`);
    return (value, { worker, leaseUntil, now }) => {
      insert.run(worker, leaseUntil, now, value);
      remove.run(value);
    };
  };
  const moveOne = move("= ?");
  const moveSet = move("IN (SELECT value FROM json_each(?))");
  return (rows, request) => {
    if (rows.length >= SET) moveSet(JSON.stringify(rows.map(({ seq }) => seq)), request);
    else for (const { seq } of rows) moveOne(seq, request);
  };
}

/** An operation that has just been leased; `claims` counts the new claim. */
export type ClaimedRow = Candidate;

/** Reads leased operations, in the order of the numbers given. */
export function claimedReader(db: DatabaseSync): (seqs: readonly number[]) => ClaimedOperation[] {
  const read = db.prepare(
    "SELECT leased.*, operation.id, operation.head, operation.body FROM leased JOIN operation USING (seq) WHERE seq = ?",
  );
  return (seqs) => seqs.map((seq) => toClaimed(read.get(seq) as unknown as ClaimedRow));
}

export function toClaimed({ head, body, claims, attempts, delay, vanished, doubt }: ClaimedRow): ClaimedOperation {
  return { operation: toOperation(head, body), claim: claims, attempts, previousDelayMs: delay, vanished, inDoubt: doubt === 1 };
}
