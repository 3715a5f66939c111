import { StoreError } from "../../core/errors.ts";
import type { ExchangeAnswer, ExchangeRequest } from "../../ports/coordinator.ts";
import type { LaneKey } from "../../ports/operation-store.ts";
import { exchangeLane, type Exchanged, type LaneState } from "./lane-exchange.ts";

/** Where what is known of lanes is kept, as texts by name that are changed by compare-and-set. */
export interface LaneTexts {
  readonly nameOf: (lane: LaneKey) => string;
  readonly read: (names: readonly string[]) => Promise<ReadonlyMap<string, string>>;
  /** Writes what has not changed since it was seen; answers the names of those. */
  readonly write: (changes: readonly LaneChange[]) => Promise<ReadonlySet<string>>;
  /** Instants of this process in the keeper's time, and back. */
  readonly time: { toDatabase(instant: number): number; fromDatabase(instant: number): number };
}

export interface LaneChange {
  readonly name: string;
  readonly lane: LaneKey;
  readonly seen: string | undefined;
  readonly state: string;
  /** When there is nothing left to know, in the keeper's time, and how long that is from now; null while its breaker is not closed. */
  readonly idleAt: number | null;
  readonly idleInMs: number | null;
}

/** Rounds of an exchange whose lanes change under its hands; each round one of the others has got further. */
const ROUNDS = 100;

/**
 * Exchanges over lanes that several processes change: what an exchange comes to is computed here and written by compare-and-set. No
 * lock is held while a process computes, so that one that is stopped in the middle keeps nobody waiting.
 */
export function exchangeInRounds(texts: LaneTexts, keeper: string): (requests: readonly ExchangeRequest[]) => Promise<ExchangeAnswer[]> {
  /** Answers what it could write; the lanes of the others have changed meanwhile. */
  const tryOnce = async (lanes: readonly AskedLane[], results: ExchangeAnswer[]): Promise<readonly AskedLane[]> => {
    const seen = await texts.read(lanes.map(({ name }) => name));
    const exchanges = lanes.map((lane) => ({ lane, ...exchangeAll(lane, seen.get(lane.name), texts.time) }));
    const changes = exchanges
      .filter(({ lane, change }) => change.state !== seen.get(lane.name))
      .map(({ lane: { name, asked }, change }) => ({ name, lane: asked[0].request, seen: seen.get(name), ...change }));
    const written = changes.length === 0 ? new Set<string>() : await texts.write(changes);
    const late: AskedLane[] = [];
    for (const { lane, change, answers } of exchanges) {
      if (change.state !== seen.get(lane.name) && !written.has(lane.name)) late.push(lane);
      else for (const [position, { index }] of lane.asked.entries()) results[index] = answers[position] as ExchangeAnswer;
    }
    return late;
  };

  return async (requests) => {
    const results: ExchangeAnswer[] = [];
    let lanes = byLane(requests, texts.nameOf);
    for (let round = 0; lanes.length > 0; round += 1) {
      if (round === ROUNDS) throw new StoreError(`${keeper} cannot keep what is known of lanes: others change it faster; ask again`);
      lanes = await tryOnce(lanes, results);
    }
    return results;
  };
}

interface Asked {
  readonly index: number;
  readonly request: ExchangeRequest;
}

/** A lane, and what is asked of it, in order. */
interface AskedLane {
  readonly name: string;
  readonly asked: readonly [Asked, ...Asked[]];
}

function byLane(requests: readonly ExchangeRequest[], nameOf: LaneTexts["nameOf"]): readonly AskedLane[] {
  const lanes = new Map<string, [Asked, ...Asked[]]>();
  for (const [index, request] of requests.entries()) {
    const name = nameOf(request);
    const known = lanes.get(name);
    if (known) known.push({ index, request });
    else lanes.set(name, [{ index, request }]);
  }
  return [...lanes].map(([name, asked]) => ({ name, asked }));
}

/** All exchanges of one lane, one after the other, over what was found of it. */
function exchangeAll(
  { asked }: AskedLane,
  found: string | undefined,
  time: LaneTexts["time"],
): { readonly change: Pick<LaneChange, "state" | "idleAt" | "idleInMs">; readonly answers: readonly ExchangeAnswer[] } {
  const answers: ExchangeAnswer[] = [];
  let known = found === undefined ? undefined : (JSON.parse(found) as LaneState);
  let idleAt: number | null = null;
  let now = 0;
  for (const { request } of asked) {
    const translated = inKeepersTime(request, time);
    const exchanged: Exchanged = exchangeLane(known, translated);
    ({ state: known, idleAt } = exchanged);
    ({ now } = translated);
    const { breaker } = exchanged.answer;
    const heard = breaker.until === undefined ? breaker : { ...breaker, until: time.fromDatabase(breaker.until) };
    answers.push({ ...exchanged.answer, breaker: heard });
  }
  return { change: { state: JSON.stringify(known), idleAt, idleInMs: idleAt === null ? null : idleAt - now }, answers };
}

function inKeepersTime(request: ExchangeRequest, time: LaneTexts["time"]): ExchangeRequest {
  const { now, pausedUntil, breaker } = request;
  return {
    ...request,
    now: time.toDatabase(now),
    ...(pausedUntil !== undefined && { pausedUntil: time.toDatabase(pausedUntil) }),
    ...(breaker?.to.until !== undefined && { breaker: { ...breaker, to: { ...breaker.to, until: time.toDatabase(breaker.to.until) } } }),
  };
}
