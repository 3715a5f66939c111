import type { Verdict } from "../../core/verdict.ts";
import type { Events, Meter } from "../../engine/events.ts";
import type { Clock, TimerHandle } from "../../ports/clock.ts";
import type { DocumentStore } from "../../ports/document-store.ts";
import type { EventMap, LaneRef } from "../../ports/events.ts";
import { Block, blockOf, COARSE, FINE, type Grain, type Standings, type WrittenBlock } from "./block.ts";
import { countAttempt, noCounts, type Counts } from "./counts.ts";

export interface RecorderParts {
  readonly events: Events;
  readonly clock: Clock;
  readonly documents: DocumentStore;
  /** Names this process; asked for when there is something to write. */
  readonly process: () => string;
  /** What stands in the store now. */
  readonly standings: () => Promise<Standings>;
  /** Told of what could not be written; it is written with the next step. */
  readonly failed: (error: unknown) => void;
}

const NO_LANE: LaneRef = { api: "", endpoint: "", partition: "" };
/** Documents that wait for a store that does not answer; of more the oldest are given up. */
const MOST_WAITING = 64;
/** Documents of others that are over, taken away at a time. */
const SWEPT = 50;

/**
 * Counts what happens in steps of time, and writes it down after each step, off the way of calls: two small documents of this
 * process's own, so that processes do not wait for each other. A process in which nothing happens writes nothing.
 *
 * A killed process loses what it has not written: ten seconds at most. These are figures to look at, not accounts; what must not be
 * lost stands in the queue and among the dead letters.
 */
export class Recorder implements Meter {
  readonly #parts: RecorderParts;
  readonly #leave: readonly (() => void)[];
  /** Of the step under way. */
  #counts = new Map<string, { readonly lane: LaneRef; readonly counts: Counts }>();
  #byRef = new WeakMap<LaneRef, Counts>();
  #lastLane: LaneRef | undefined = undefined;
  #last: Counts | undefined = undefined;
  /** When the step under way began; undefined while nothing is counted. */
  #since: number | undefined = undefined;
  #happened = false;
  #watched = false;
  #blocks: readonly Block[] = [];
  #process: string | undefined = undefined;
  #stood = "";
  #timer: TimerHandle | undefined = undefined;
  #writing: Promise<void> | undefined = undefined;
  readonly #swept = new Map<Grain, number>();
  #closed = false;

  constructor(parts: RecorderParts) {
    this.#parts = parts;
    const { events } = parts;
    this.#leave = [
      events.count(this),
      events.on("operation:settled", ({ lane, state, applied }) => {
        if (!applied || (state !== "succeeded" && state !== "dead")) return;
        const counts = this.#of(lane);
        counts.calls += 1;
        counts[state === "dead" ? "failed" : "succeeded"] += 1;
      }),
      // A step of a pipeline is a call, however many attempts and restarts it took.
      events.on("step:settled", ({ lane, state }) => {
        if (lane !== undefined) this.call(lane, state === "done" ? "succeeded" : "failed");
      }),
      events.on("retry:scheduled", ({ lane = NO_LANE }) => void (this.#of(lane).retries += 1)),
      events.on("dead-letter:added", ({ api, endpoint }) => void (this.#of({ api, endpoint, partition: "" }).deadLetters += 1)),
      events.on("breaker:changed", ({ lane: { api, endpoint, partition }, from, to, because, retryAfterMs }) => {
        this.#begin();
        const at = parts.clock.now();
        this.#blockAt(COARSE, at).change({ at, api, endpoint, partition, from, to, because, retryAfterMs: Math.round(retryAfterMs) });
      }),
    ];
  }

  attempt(lane: LaneRef = NO_LANE, durationMs: number, { kind }: Verdict): void {
    countAttempt(this.#of(lane), kind, durationMs);
  }

  call(lane: LaneRef = NO_LANE, outcome: EventMap["call:settled"]["outcome"]): void {
    const counts = this.#of(lane);
    counts.calls += 1;
    counts[outcome] += 1;
  }

  /** From now on also what stands in the store is looked at in every step, whether or not something happens in this process. */
  watch(): void {
    this.#watched = true;
    this.#begin();
  }

  /** What this process has not written yet, or not all of, by document. */
  unwritten(grain: Grain): ReadonlyMap<string, WrittenBlock> {
    this.#fold();
    return new Map(this.#blocks.filter((block) => block.grain === grain).map((block) => [this.#idOf(block), block.written(this.#name)]));
  }

  /** Writes what is left. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    for (const leave of this.#leave) leave();
    if (this.#timer !== undefined) this.#parts.clock.clearTimer(this.#timer);
    this.#fold();
    await this.#writing;
    if (this.#blocks.some(({ dirty }) => dirty)) await this.#write(this.#since ?? this.#parts.clock.now());
  }

  #of(lane: LaneRef): Counts {
    // Calls come in runs: the lane of the last one is most often that of the next.
    if (lane === this.#lastLane && this.#last !== undefined) return this.#last;
    let counts = this.#byRef.get(lane);
    if (counts === undefined) {
      this.#begin();
      const { api, endpoint, partition } = lane;
      const key = `${api}\n${endpoint}\n${partition}`;
      const found = this.#counts.get(key) ?? { lane, counts: noCounts() };
      this.#counts.set(key, found);
      ({ counts } = found);
      this.#byRef.set(lane, counts);
    }
    this.#happened = true;
    this.#lastLane = lane;
    this.#last = counts;
    return counts;
  }

  /** Puts what was counted where it belongs; the step goes on. */
  #fold(): void {
    if (this.#since === undefined || this.#counts.size === 0) return;
    for (const grain of [FINE, COARSE]) {
      const block = this.#blockAt(grain, this.#since);
      for (const { lane, counts } of this.#counts.values()) block.add(this.#since, lane, counts);
    }
    this.#counts = new Map();
    this.#byRef = new WeakMap();
    this.#last = undefined;
  }

  #begin(): void {
    if (this.#since !== undefined || this.#closed) return;
    const { clock } = this.#parts;
    const now = clock.now();
    this.#since = now;
    const left = FINE.stepMs - (now % FINE.stepMs);
    this.#timer = clock.setTimer(() => this.#end(now), left);
    clock.hold?.(this.#timer, false);
  }

  /** Ends the step that began then. */
  #end(at: number): void {
    this.#fold();
    const goesOn = this.#happened || this.#watched;
    this.#since = undefined;
    this.#happened = false;
    // A store that takes longer than a step gets the next one's together with this.
    this.#writing ??= this.#write(at).finally(() => (this.#writing = undefined));
    if (goesOn) this.#begin();
  }

  async #write(at: number): Promise<void> {
    const { documents, clock, failed } = this.#parts;
    try {
      await this.#look(at);
      const dirty = this.#blocks.filter((block) => block.dirty);
      const changes = dirty.map((block) => {
        block.dirty = false;
        const body = JSON.stringify(block.written(this.#name));
        return { kind: block.grain.kind, id: this.#idOf(block), revision: block.revision, body, now: clock.now() };
      });
      if (changes.length > 0) {
        const results = await documents.write(changes).catch((error: unknown) => {
          for (const block of dirty) block.dirty = true;
          throw error;
        });
        for (const [index, block] of dirty.entries()) {
          if (results[index] === "applied") block.revision += 1;
          else await this.#catchUp(block);
        }
      }
      const now = clock.now();
      this.#blocks = this.#blocks.filter((block) => block.dirty || block.number === blockOf(block.grain, now)).slice(-MOST_WAITING);
      for (const grain of [FINE, COARSE]) await this.#sweep(grain, now);
    } catch (error) {
      failed(error);
    }
  }

  /** An answer was lost: the document is there already, and this one goes over it. */
  async #catchUp(block: Block): Promise<void> {
    const [found] = await this.#parts.documents.read([{ kind: block.grain.kind, id: this.#idOf(block) }]);
    block.revision = found?.revision ?? 0;
    block.dirty = true;
  }

  /** Notes what stands in the store, where it is not what stood there the last time. */
  async #look(at: number): Promise<void> {
    const standings = await this.#parts.standings();
    const stands = JSON.stringify(standings);
    if (stands === this.#stood) return;
    this.#stood = stands;
    for (const grain of [FINE, COARSE]) this.#blockAt(grain, at).stand(at, standings);
  }

  /** Once for each block: takes away what is over, of whichever process. */
  async #sweep(grain: Grain, now: number): Promise<void> {
    const number = blockOf(grain, now);
    if (this.#swept.get(grain) === number) return;
    this.#swept.set(grain, number);
    const { documents } = this.#parts;
    const { items } = await documents.list(grain.kind, { limit: SWEPT });
    const over = items.filter(({ changedAt }) => changedAt < now - grain.keptMs - grain.stepMs * grain.steps);
    if (over.length > 0) await documents.write(over.map(({ kind, id, revision }) => ({ kind, id, revision, body: null, now })));
  }

  #blockAt(grain: Grain, at: number): Block {
    const number = blockOf(grain, at);
    const known = this.#blocks.find((block) => block.grain === grain && block.number === number);
    if (known !== undefined) return known;
    const block = new Block(grain, at);
    this.#blocks = [...this.#blocks, block];
    return block;
  }

  #idOf({ number }: Block): string {
    return `${number} ${this.#name}`;
  }

  get #name(): string {
    return (this.#process ??= this.#parts.process());
  }
}
