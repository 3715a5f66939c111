import type { LaneKey } from "../../../../ports/operation-store.ts";
import type { Entry } from "./entry.ts";
import { SortedList } from "./sorted-list.ts";

/**
 * The work of one lane that has not ended. Ready operations stand in one list for each flow, and flows take turns; parked
 * ones stand in the order in which they fall due.
 */
export class Lane {
  readonly key: LaneKey;
  paused = false;
  leased = 0;
  readonly #ready = new Map<string, SortedList<Entry>>();
  readonly #parked = new SortedList<Entry>((a, b) => untilOf(a) - untilOf(b) || a.seq - b.seq);
  /** The flow that was served last. */
  #turn: string | undefined = undefined;

  constructor(key: LaneKey) {
    this.key = key;
  }

  get parked(): number {
    return this.#parked.size;
  }

  get ready(): number {
    return [...this.#ready.values()].reduce((sum, list) => sum + list.size, 0);
  }

  get oldestReadyAt(): number {
    return Math.min(...[...this.#ready.values()].flatMap((list) => [...heads(list)].map(dueAtOf)));
  }

  /** The parked operation that falls due first, from a number of them on. */
  parkedAt(index: number): Entry | undefined {
    return this.#parked.at(index);
  }

  /** Parked operations that are due. */
  parkedDue(now: number): number {
    return this.#parked.countWhile((entry) => untilOf(entry) <= now);
  }

  addReady(entry: Entry): void {
    const { flow } = entry.operation;
    let list = this.#ready.get(flow);
    if (!list) this.#ready.set(flow, (list = new SortedList(byPlace)));
    list.add(entry);
  }

  addParked(entry: Entry): void {
    this.#parked.add(entry);
  }

  /** Takes an operation out of the list that it stands in. */
  remove(entry: Entry): void {
    if (entry.standing.state === "parked") return this.#parked.remove(entry);
    const { flow } = entry.operation;
    const list = this.#ready.get(flow);
    list?.remove(entry);
    if (list?.size === 0) this.#ready.delete(flow);
  }

  /** Makes parked operations ready that have fallen due. */
  promote(now: number): void {
    for (const entry of this.#parked.takeWhile((parked) => untilOf(parked) <= now, Infinity)) {
      entry.standing = { state: "ready", dueAt: untilOf(entry) };
      this.addReady(entry);
    }
  }

  /** Takes the next ready operation: of the flow after the one that was served last. */
  takeReady(): Entry | undefined {
    const flows = [...this.#ready.keys()].sort();
    const flow = flows.find((name) => this.#turn === undefined || name > this.#turn) ?? flows[0];
    const entry = flow === undefined ? undefined : this.#ready.get(flow)?.first;
    if (!entry) return undefined;
    this.#turn = flow;
    this.remove(entry);
    return entry;
  }

  /** Parked operations that wait for the breaker, the next due first. */
  waitingForBreaker(limit: number): Entry[] {
    const found: Entry[] = [];
    for (let index = 0; index < this.#parked.size && found.length < limit; index += 1) {
      const entry = this.#parked.at(index) as Entry;
      if (entry.standing.state === "parked" && entry.standing.because?.code === "breaker-open") found.push(entry);
    }
    return found;
  }
}

function untilOf({ standing }: Entry): number {
  return standing.state === "parked" ? standing.until : 0;
}

function dueAtOf({ standing }: Entry): number {
  return standing.state === "ready" ? standing.dueAt : Infinity;
}

/** Within a flow: by priority, then in the order of falling due, then of acceptance. */
function byPlace(a: Entry, b: Entry): number {
  return b.operation.priority - a.operation.priority || dueAtOf(a) - dueAtOf(b) || a.seq - b.seq;
}

/** The first of each priority. */
function* heads(list: SortedList<Entry>): Iterable<Entry> {
  for (let head = list.first; head;) {
    yield head;
    const { priority } = head.operation;
    head = list.at(list.countWhile((entry) => entry.operation.priority >= priority));
  }
}
