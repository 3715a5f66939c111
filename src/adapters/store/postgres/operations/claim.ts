import { systemRandom } from "../../../clock/random.ts";
import type { ClaimedOperation, ClaimRequest } from "../../../../ports/operation-store.ts";
import type { Database } from "../database.ts";
import { isUnknown } from "../fault.ts";
import { packText, plainArray, textArray } from "../parameters.ts";
import { statement } from "../statement.ts";
import { CLAIMED_COLUMNS, toClaimed, type ClaimedColumns } from "./entry.ts";
import { laneId } from "./lanes.ts";

/** Lanes whose turns are remembered; of others it starts over. */
const REMEMBERED_TURNS = 10_000;

/**
 * Leases of each lane as many as it is allowed. Whose turn it is among the flows of a lane is remembered by this handle: a row
 * for it would make workers wait for each other.
 */
export function claiming(database: Database, schema: string): (request: ClaimRequest) => Promise<readonly ClaimedOperation[]> {
  const { time } = database;
  const lease = statement<readonly [number: number, flow: string, ...ClaimedColumns]>(
    `SELECT number, flow, ${CLAIMED_COLUMNS} FROM "${schema}".claim_1(
       $1::text, $2::text, ($3::text)::float8, ($4::text)::float8, ($5::text)::uuid[], ($6::text)::int4[], ($7::text)::text[])`,
  );
  const undo = statement<[returned: number]>(`SELECT "${schema}".unclaim_1(($1::text)::text[])`);
  const turns = new Map<string, string>();
  const handle = `${systemRandom()}`.slice(2);
  let calls = 0;
  /** Calls whose answers were lost: what they claimed, nobody has. */
  const lost = new Set<string>();

  const undoLost = async (): Promise<void> => {
    const tickets = [...lost];
    if (tickets.length === 0) return;
    await database.repeatable("hand back what was claimed by calls whose answers were lost", undo, [textArray(tickets)]);
    for (const ticket of tickets) lost.delete(ticket);
  };

  const claimOnce = async ({ worker, allowances, now, leaseUntil }: ClaimRequest): Promise<readonly ClaimedOperation[]> => {
    const lanes = allowances.map(laneId);
    const ticket = `${handle}-${(calls += 1)}`;
    try {
      const rows = await database.once("claim operations", lease, [
        packText(worker),
        ticket,
        String(time.toDatabase(now)),
        String(time.toDatabase(leaseUntil)),
        textArray(lanes),
        plainArray(allowances.map(({ max }) => Math.min(max, 1_000_000))),
        textArray(lanes.map((lane) => turns.get(lane))),
      ]);
      if (turns.size >= REMEMBERED_TURNS) turns.clear();
      for (const [number, flow] of rows) turns.set(lanes[number - 1] as string, flow);
      return rows.map(([, , ...columns]) => toClaimed(columns, time));
    } catch (error) {
      if (isUnknown(error)) lost.add(ticket);
      throw error;
    }
  };

  return async (request) => {
    if (request.allowances.length === 0) return [];
    await undoLost();
    try {
      return await claimOnce(request);
    } catch (error) {
      if (!isUnknown(error)) throw error;
      await undoLost();
      return claimOnce(request);
    }
  };
}
