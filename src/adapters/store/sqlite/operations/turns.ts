import type { DatabaseSync } from "node:sqlite";
import type { Place } from "./entry.ts";

/** What is needed of an operation to hand it out. */
export interface Candidate extends Place {
  readonly id: string;
  readonly head: string;
  readonly body: Uint8Array | null;
}

export interface Picked {
  /** In the order of their turns. */
  readonly candidates: readonly Candidate[];
  /** The flow that was served last. */
  readonly turn: string | null;
}

/** The flows of a lane's ready work: the one that was served last, the first and the last by name. */
export interface Flows {
  readonly turn: string | null;
  readonly first: string;
  readonly last: string;
}

/** Picks what a claim takes from a lane: one operation of each flow in turn, from where the last claim left the turn. */
export function turns(db: DatabaseSync): (lane: number, flows: Flows, max: number) => Picked {
  const nextFlow = db.prepare("SELECT flow FROM ready WHERE lane = ? AND flow > ? ORDER BY flow LIMIT 1");
  // "? + 0", because SQLite plans a statement anew each time a bare "LIMIT ?" is bound, which costs five times the search.
  const ofFlow = db.prepare(
    `SELECT ready.seq, rank, due_at, claims, attempts, delay, vanished, doubt, operation.id, operation.head, operation.body
     FROM ready CROSS JOIN operation ON operation.seq = ready.seq
     WHERE ready.lane = ? AND ready.flow = ? ORDER BY ready.rank, ready.due_at, ready.seq LIMIT ? + 0 OFFSET ? + 0`,
  );
  // Half the cost of objects, on the busiest statement of all.
  ofFlow.setReturnArrays(true);

  /** The flow after `flow`, and after the last one the first. */
  const after = (lane: number, flow: string | null, first: string): string =>
    (flow === null ? undefined : (nextFlow.get(lane, flow) as { flow: string } | undefined)?.flow) ?? first;

  /** The flows that come next, each once, at most `max`. */
  const comingFlows = (lane: number, { turn, first }: Flows, max: number): string[] => {
    const flows: string[] = [];
    for (let flow = after(lane, turn, first); flows.length < max && flow !== flows[0]; flow = after(lane, flow, first)) flows.push(flow);
    return flows;
  };

  return (lane, flows, max) => {
    const read: Read = (flow, count, offset) =>
      (ofFlow.all(lane, flow, count, offset) as unknown as CandidateColumns[]).map(
        ([seq, rank, due_at, claims, attempts, delay, vanished, doubt, id, head, body]) => ({
          seq,
          lane,
          flow,
          rank,
          due_at,
          claims,
          attempts,
          delay,
          vanished,
          doubt,
          id,
          head,
          body,
        }),
      );
    if (flows.first === flows.last) return { candidates: read(flows.first, max, 0), turn: flows.first };
    return dealOut(comingFlows(lane, flows, max), max, read);
  };
}

type CandidateColumns = readonly [
  seq: number,
  rank: number,
  due_at: number,
  claims: number,
  attempts: number,
  delay: number,
  vanished: number,
  doubt: number,
  id: string,
  head: string,
  body: Uint8Array | null,
];

type Read = (flow: string, count: number, offset: number) => readonly Candidate[];

/** Goes round the flows until `max` are dealt or all are empty. Each flow is read in portions of its fair share. */
function dealOut(flows: readonly string[], max: number, read: Read): Picked {
  const share = Math.ceil(max / flows.length) + 1;
  const hands = flows.map((flow) => ({ flow, cards: [...read(flow, share, 0)], next: 0, portion: share }));
  const candidates: Candidate[] = [];
  let turn: string | null = null;
  for (let dealt = true; dealt && candidates.length < max;) {
    dealt = false;
    for (const hand of hands) {
      if (candidates.length === max) break;
      // A portion that came whole may have a next one.
      if (hand.next === hand.cards.length && hand.portion > 0 && hand.next % share === 0) {
        const more = read(hand.flow, share, hand.next);
        hand.cards.push(...more);
        hand.portion = more.length;
      }
      const card = hand.cards[hand.next];
      if (card === undefined) continue;
      hand.next += 1;
      candidates.push(card);
      turn = hand.flow;
      dealt = true;
    }
  }
  return { candidates, turn };
}
