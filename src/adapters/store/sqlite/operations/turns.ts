import type { DatabaseSync, StatementSync } from "node:sqlite";

/** Picks what a claim takes from a lane: one operation of each flow in turn, from where the last claim left the turn. */
export function turns(db: DatabaseSync): (lane: number, turn: string | null, max: number) => Picked {
  const firstFlow = db.prepare("SELECT flow FROM ready WHERE lane = ? ORDER BY flow LIMIT 1");
  const nextFlow = db.prepare("SELECT flow FROM ready WHERE lane = ? AND flow > ? ORDER BY flow LIMIT 1");
  const ofFlow = db.prepare("SELECT seq FROM ready WHERE lane = ? AND flow = ? ORDER BY rank, due_at, seq LIMIT ? OFFSET ?");
  /** The flow after `flow`, and after the last one the first. */
  const after = (lane: number, flow: string | null): string | undefined =>
    (flow === null ? undefined : flowOf(nextFlow, lane, flow)) ?? flowOf(firstFlow, lane);

  /** The flows that come next, each once, at most `max`. */
  const comingFlows = (lane: number, turn: string | null, max: number): string[] => {
    const flows: string[] = [];
    for (let flow = after(lane, turn); flow !== undefined && flows.length < max && flow !== flows[0]; flow = after(lane, flow)) {
      flows.push(flow);
    }
    return flows;
  };

  return (lane, turn, max) => {
    const flows = comingFlows(lane, turn, max);
    const [only] = flows;
    if (flows.length === 1 && only !== undefined) {
      const seqs = (ofFlow.all(lane, only, max, 0) as { seq: number }[]).map(({ seq }) => seq);
      return { seqs, turn: only };
    }
    return dealOut(flows, max, turn, (flow, count, offset) =>
      (ofFlow.all(lane, flow, count, offset) as { seq: number }[]).map(({ seq }) => seq),
    );
  };
}

function flowOf(statement: StatementSync, ...values: readonly (number | string)[]): string | undefined {
  return (statement.get(...values) as { flow: string } | undefined)?.flow;
}

export interface Picked {
  /** In the order of their turns. */
  readonly seqs: readonly number[];
  /** The flow that was served last. */
  readonly turn: string | null;
}

type Read = (flow: string, count: number, offset: number) => readonly number[];

/** Goes round the flows until `max` are dealt or all are empty. Each flow is read in portions of its fair share. */
function dealOut(flows: readonly string[], max: number, turn: string | null, read: Read): Picked {
  const share = Math.ceil(max / Math.max(1, flows.length)) + 1;
  const hands = flows.map((flow) => ({ flow, seqs: [...read(flow, share, 0)], next: 0, more: true }));
  const seqs: number[] = [];
  let last = turn;
  for (let dealt = true; dealt && seqs.length < max;) {
    dealt = false;
    for (const hand of hands) {
      if (seqs.length === max) break;
      if (hand.next === hand.seqs.length && hand.next >= share && hand.more) {
        const portion = read(hand.flow, max, hand.next);
        hand.seqs.push(...portion);
        hand.more = portion.length > 0;
      }
      const seq = hand.seqs[hand.next];
      if (seq === undefined) continue;
      hand.next += 1;
      seqs.push(seq);
      last = hand.flow;
      dealt = true;
    }
  }
  return { seqs, turn: last };
}
