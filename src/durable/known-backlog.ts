import type { LaneBacklog, LaneKey } from "../ports/operation-store.ts";

/** What the worker knows of a lane. */
export interface KnownLane {
  readonly key: LaneKey;
  /** Operations that can be claimed now, as far as is known. */
  due: number;
  /** When the next parked one falls due. */
  nextDueAt: number;
  paused: boolean;
}

/** One text for a lane, to find it by. */
export function laneText({ api, endpoint, partition }: LaneKey): string {
  return `${api}\n${endpoint}\n${partition}`;
}

/**
 * What the worker knows of the backlog without asking the store for it again: what it read last, and what this process has
 * added, parked and claimed since. It is a hint: a claim gives what there is, and what other processes did is only known by
 * reading.
 */
export class KnownBacklog {
  /** The store has told of work that is not known here, or what is known has turned out to be wrong. */
  stale = true;
  /** When it was read last; monotonic ms. */
  readAt: number = Number.NEGATIVE_INFINITY;
  /** How often it was read. */
  readings = 0;
  #lanes = new Map<string, KnownLane>();
  #turn = 0;
  /** Counts what was learnt, so that a reading that overlapped with it does not pass for the latest word. */
  #changes = 0;

  /** Reads it from the store. */
  async read(ask: () => Promise<readonly LaneBacklog[]>, monotonic: () => number): Promise<void> {
    const changes = this.#changes;
    this.stale = false;
    let lanes: readonly LaneBacklog[];
    try {
      lanes = await ask();
    } catch (error) {
      this.stale = true;
      throw error;
    }
    this.#lanes = new Map(
      lanes.map(({ api, endpoint, partition, due, paused, nextDueAt = Number.POSITIVE_INFINITY }) => {
        const key = { api, endpoint, partition };
        return [laneText(key), { key, due, nextDueAt, paused }];
      }),
    );
    this.readAt = monotonic();
    this.readings += 1;
    if (changes !== this.#changes) this.stale = true;
  }

  /** This process has put an operation there. */
  added(key: LaneKey, dueAt: number, now: number): void {
    this.#changes += 1;
    const lane = this.#lane(key);
    if (dueAt <= now) lane.due += 1;
    else lane.nextDueAt = Math.min(lane.nextDueAt, dueAt);
  }

  /** So many of a lane were claimed; `all`: it had no more to give; `readings`: how many there were when the claim began. */
  claimed(key: LaneKey, count: number, all: boolean, readings: number): void {
    this.#changes += 1;
    const lane = this.#lane(key);
    lane.due = all ? 0 : Math.max(0, lane.due - count);
    // What was due by the last reading may since have been taken by others, and what came since may be more: look again some time.
    // And a reading beside the claim may have left out already what is taken off here.
    if (all || readings !== this.readings) this.stale = true;
  }

  /** The lanes, each time one further on first, so that the first of the list is nobody's privilege. */
  inTurn(now: number): readonly KnownLane[] {
    const lanes = [...this.#lanes.values()];
    for (const lane of lanes) {
      if (lane.nextDueAt > now) continue;
      // At least this one; how many more fell due with it is for the store to say.
      lane.due += 1;
      lane.nextDueAt = Number.POSITIVE_INFINITY;
      this.stale = true;
    }
    this.#turn = lanes.length === 0 ? 0 : (this.#turn + 1) % lanes.length;
    return [...lanes.slice(this.#turn), ...lanes.slice(0, this.#turn)];
  }

  #lane(key: LaneKey): KnownLane {
    const text = laneText(key);
    let lane = this.#lanes.get(text);
    if (lane === undefined) {
      const { api, endpoint, partition } = key;
      lane = { key: { api, endpoint, partition }, due: 0, nextDueAt: Number.POSITIVE_INFINITY, paused: false };
      this.#lanes.set(text, lane);
    }
    return lane;
  }
}
