import { compare, type CursorKind, type Position } from "./cursor.ts";
import type { SyncState } from "./state.ts";

/** What is to be done with a record that the source gave. */
export type Taken =
  /** To be written. */
  | "new"
  /** Settled by an earlier run, or given before in this one. */
  | "known"
  /** Before what this run reads: settled long ago. */
  | "below"
  /** After the ceiling: the next run's. */
  | "beyond"
  /** Its cursor lies before that of the record before it, and the source said that it would not. */
  | "disordered";

export interface ProgressOptions {
  /** What earlier runs have left. */
  readonly state?: SyncState | undefined;
  readonly kind: CursorKind;
  /** How far before the watermark to read again, for rows that come late: in the cursor's own unit, ms for a time. */
  readonly lookback?: number;
  /** Whether the source gives records by ascending cursor. @default true */
  readonly ordered?: boolean;
  /** Nothing above it belongs to this run. */
  readonly ceiling?: Position | undefined;
}

/** All records of one cursor value: a tie. */
interface Tie {
  readonly position: Position;
  /** By id: whether it is settled. */
  readonly records: Map<string, boolean>;
  /** How many are not. */
  open: number;
}

/**
 * How far one run may say it has come.
 *
 * The source gives records by ascending cursor, in ties. A tie is *closed* once a record of a later one has been seen, or the source
 * has ended in good order: before that, more of it may follow. The watermark stands at the end of the longest run of closed
 * ties whose records are all settled. So it never passes what is not settled, never stands inside a tie, and never goes
 * back. A late row, whose tie lies before the watermark, holds it where it is until it is settled.
 *
 * Nothing here waits or reads: records are taken and settled by whoever runs the sync, in any order.
 */
export class Progress {
  readonly #kind: CursorKind;
  readonly #lookback: number;
  readonly #ordered: boolean;
  readonly #ceiling: Position | undefined;
  readonly #earlier: SyncState | undefined;
  /** Where this run begins to read, inclusive; undefined: at the beginning. */
  readonly from: Position | undefined;
  /** Settled by earlier runs, and not met in this one. */
  readonly #prior: Map<Position, Set<string>>;
  /** In the order of the source; those from `#kept` on are still of interest, those from `#passed` on are not passed. */
  #ties: Tie[] = [];
  readonly #byPosition = new Map<Position, Tie>();
  #passed = 0;
  #at: Position | undefined;
  #highest: Position | undefined = undefined;
  #last: Tie | undefined = undefined;
  #ended = false;
  #disordered = false;

  constructor({ state, kind, lookback = 0, ordered = true, ceiling }: ProgressOptions) {
    this.#kind = kind;
    this.#lookback = lookback;
    this.#ordered = ordered;
    this.#ceiling = ceiling;
    this.#earlier = state;
    this.#at = state?.at;
    this.from = firstRead(state, lookback);
    this.#prior = new Map(state?.done.map(([position, ids]) => [position, new Set(ids)]));
  }

  /** The watermark. */
  get at(): Position | undefined {
    return this.#at;
  }

  /** Takes a record of the source. */
  take(position: Position, id: string): Taken {
    if (this.#ordered && this.#highest !== undefined && position < this.#highest) {
      this.#disordered = true;
      return "disordered";
    }
    this.#highest = position;
    const { from } = this;
    if (this.#ceiling !== undefined && position > this.#ceiling) return "beyond";
    if (from !== undefined && position < from) return "below";
    const tie = this.#tieAt(position);
    if (tie.records.has(id)) return "known";
    const prior = this.#prior.get(position);
    const settled = prior?.delete(id) === true;
    tie.records.set(id, settled);
    if (settled) return "known";
    tie.open += 1;
    return "new";
  }

  /** A record that was taken is done, or durably kept as a dead letter. */
  settle(position: Position, id: string): void {
    const tie = this.#byPosition.get(position);
    if (tie?.records.get(id) !== false) return;
    tie.records.set(id, true);
    tie.open -= 1;
    if (tie.open === 0) this.#pass();
  }

  /** The source has given all it has, up to the ceiling. Never called when it broke off. */
  end(): void {
    this.#ended = true;
    if (!this.#ordered) this.#ties.sort((a, b) => compare(a.position, b.position));
    this.#pass();
  }

  /** Ids of what keeps the watermark from moving on: the unsettled records of the first tie that has any. */
  blockedBy(): readonly string[] {
    const ahead = this.#ties.slice(this.#passed).filter(({ open }) => open > 0);
    const first = this.#ordered ? ahead[0] : ahead.toSorted((a, b) => compare(a.position, b.position))[0];
    return first === undefined ? [] : [...first.records].flatMap(([id, settled]) => (settled ? [] : [id]));
  }

  /** What is to be kept. `heldSince` and resets are its caller's to say. */
  state(): SyncState {
    const at = this.#at;
    const disorder = this.#disordered ? { rereadFrom: this.from ?? null } : this.#ended ? {} : this.#rereading();
    const resets = this.#earlier?.resets === undefined ? {} : { resets: this.#earlier.resets };
    const since = this.#since();
    const done = new Map<Position, string[]>();
    const add = (position: Position, ids: readonly string[]): void => {
      if (ids.length === 0 || (since !== undefined && position < since)) return;
      const known = done.get(position);
      if (known === undefined) done.set(position, [...ids]);
      else known.push(...ids);
    };
    for (const [position, ids] of this.#prior) {
      if (since !== undefined && position < since) this.#prior.delete(position);
      else add(position, [...ids]);
    }
    this.#forgetBefore(since);
    for (const { position, records } of this.#ties) {
      add(
        position,
        [...records].flatMap(([id, settled]) => (settled ? [id] : [])),
      );
    }
    return {
      kind: this.#kind,
      ...(at === undefined ? {} : { at }),
      ...(since === undefined || since === at ? {} : { since }),
      done: [...done].sort(([a], [b]) => compare(a, b)),
      ...disorder,
      ...resets,
    };
  }

  /** A run that was told to read again and did not come to the end leaves that to the next one. */
  #rereading(): Pick<SyncState, "rereadFrom"> {
    const rereadFrom = this.#earlier?.rereadFrom;
    return rereadFrom === undefined ? {} : { rereadFrom };
  }

  #tieAt(position: Position): Tie {
    if (this.#last?.position === position) return this.#last;
    let tie = this.#byPosition.get(position);
    if (tie === undefined) {
      tie = { position, records: new Map(), open: 0 };
      this.#byPosition.set(position, tie);
      this.#ties.push(tie);
      // The one before it is closed now.
      this.#pass();
    }
    this.#last = tie;
    return tie;
  }

  #pass(): void {
    if (!this.#ordered && !this.#ended) return;
    for (;;) {
      const tie = this.#ties[this.#passed];
      if (tie === undefined || tie.open > 0) return;
      const closed = this.#ended || this.#passed + 1 < this.#ties.length;
      // An ordered source that was found not to be one proves nothing any more.
      if (!closed || this.#disordered) return;
      if (this.#at === undefined || tie.position > this.#at) this.#at = tie.position;
      this.#passed += 1;
    }
  }

  /** From where on settled records have to be remembered: as far back as a run may read again. */
  #since(): Position | undefined {
    if (this.#at === undefined) return undefined;
    const low = typeof this.#at === "number" ? this.#at - this.#lookback : this.#at;
    const known = this.#earlier?.since ?? this.#earlier?.at;
    return known === undefined || low > known ? low : known;
  }

  /** Lets go of passed ties that no run will read again. */
  #forgetBefore(since: Position | undefined): void {
    if (since === undefined) return;
    let count = 0;
    while (count < this.#passed && (this.#ties[count] as Tie).position < since) {
      this.#byPosition.delete((this.#ties[count] as Tie).position);
      count += 1;
    }
    this.#ties = this.#ties.slice(count);
    this.#passed -= count;
  }
}

/** Where a run begins to read. */
export function firstRead(state: SyncState | undefined, lookback: number): Position | undefined {
  if (state?.rereadFrom !== undefined) return state.rereadFrom ?? undefined;
  if (state?.at === undefined) return undefined;
  const low = typeof state.at === "number" ? state.at - lookback : state.at;
  const known = state.since ?? state.at;
  // What was settled before `known` is not remembered by name: reading it would write it again.
  return low > known ? low : known;
}
