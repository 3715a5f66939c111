import { ConfigError, StoreError } from "../../core/errors.ts";
import { uuidv7 } from "../../engine/uuid.ts";
import type { Runtime } from "../../engine/runtime.ts";
import type { DeadReason } from "../../core/decision.ts";
import type { Verdict } from "../../core/verdict.ts";
import { sleep } from "../../ports/clock.ts";
import type { AttemptRecord } from "../../ports/dead-letter-store.ts";
import type { WatermarkStore } from "../../ports/watermark-store.ts";
import { cursorOf, shownCursor, valueOf, type Cursor, type CursorKind } from "../../policy/watermark/cursor.ts";
import { firstRead, Progress } from "../../policy/watermark/progress.ts";
import type { SyncState } from "../../policy/watermark/state.ts";
import { Bookmark } from "./bookmark.ts";
import type { ResolvedSync } from "./definition.ts";
import { SyncLease } from "./lease.ts";
import { readAll } from "./read-all.ts";
import { described, MOST_BLOCKERS, type SyncReport, type SyncResult } from "./report.ts";
import { SyncItem, type SinkContext } from "./sink.ts";
import type { SourceContext } from "./source.ts";
import { Tally } from "./tally.ts";
import { writeBatch, type Written } from "./write-batch.ts";

/** A record that is given up, to be kept as a dead letter. */
export interface ParkedRecord {
  readonly item: SyncItem;
  readonly reason: DeadReason;
  readonly verdict: Verdict;
  readonly attempts: readonly AttemptRecord[];
}

/** How a run reaches the rest. */
export interface SyncPorts {
  readonly store: WatermarkStore;
  readonly runtime: Runtime;
  /** `hf.fetch(api)`. */
  readonly fetch: (api: string) => typeof globalThis.fetch;
  readonly judge: SinkContext["judge"];
  /** Keeps a record as a dead letter; resolves with its id when that is durable. */
  readonly park: (sync: string, record: ParkedRecord, generation: number) => Promise<string>;
  /** Told of a store that does not answer. */
  readonly failed: (error: unknown) => void;
}

/** What a run may be told. */
export interface RunOptions {
  /** Stops the run: what is under way is finished and kept, and the run is `failed`. */
  readonly signal?: AbortSignal;
}

/** So great a part of what is remembered by name, or a batch, is settled before the watermark is written again. */
const SAVE_PART = 1 / 4;
const END_AGAIN_MS = 50;

/**
 * One run of a sync: reads, writes batches, and moves the watermark as far as {@link Progress} allows.
 *
 * It holds the sync by a lease; every step of the watermark shows the run and the revision that it knows (compare-and-set), so
 * that a run that was overtaken moves nothing. The watermark is written while the run goes on, and once more at its end, whatever
 * ended it. Nothing is thrown for what a source, a sink or a store does.
 */
export class SyncRun {
  readonly #sync: ResolvedSync;
  readonly #ports: SyncPorts;
  readonly #id: string;
  readonly #startedAt: number;
  readonly #signal: AbortSignal | undefined;
  /** Ends reading, and retries of writes. */
  readonly #stop = new AbortController();
  /** Ends writes too: the sync is somebody else's. */
  readonly #lost = new AbortController();
  /** Why the run cannot go on. */
  #fault: { readonly error: unknown } | undefined = undefined;
  #bookmark: Bookmark | undefined = undefined;
  #progress: Progress | undefined = undefined;
  #kind: CursorKind | undefined = undefined;
  #ceiling: Cursor | undefined = undefined;
  /** The source has come past the ceiling. */
  #beyond = false;
  #saving: Promise<void> | undefined = undefined;
  #unsaved = 0;
  #remembered = 0;
  #batch: SyncItem[] = [];
  readonly #underWay = new Set<Promise<void>>();
  /** Ids in the batch that is filled and in those under way. */
  readonly #busy = new Set<string>();
  /** Ids of records that failed in this run: later versions of them must not go before them. */
  readonly #failedIds = new Set<string>();
  readonly #tally = new Tally();

  constructor(sync: ResolvedSync, ports: SyncPorts, { signal }: RunOptions) {
    const { clock, random } = ports.runtime;
    this.#sync = sync;
    this.#ports = ports;
    this.#signal = signal;
    this.#startedAt = clock.now();
    this.#id = uuidv7(this.#startedAt, random);
  }

  async execute(): Promise<SyncResult> {
    const { store, runtime, failed } = this.#ports;
    const { name: sync, leaseMs } = this.#sync;
    const now = this.#startedAt;
    const ports = { store, runtime, sync, run: this.#id, failed };
    let lease: SyncLease | undefined;
    try {
      const [begun] = await store.begin([{ sync, run: this.#id, now, leaseUntil: now + leaseMs }]);
      if (begun === undefined) throw new StoreError("the store did not answer for the run");
      if (begun.state === "running") {
        const { run, leaseUntil } = begun;
        return { outcome: "running", status: 409, sync, run, leaseUntil, retryAfterMs: Math.max(0, leaseUntil - runtime.clock.now()) };
      }
      lease = new SyncLease({ ...ports, leaseMs, lost: (why) => this.#overtake(why) });
      this.#bookmark = new Bookmark(ports, begun);
      await this.#work();
    } catch (error) {
      this.#fail(error);
    }
    if (lease === undefined) return this.#result();
    lease.letGo();
    return await this.#finish();
  }

  get #earlier(): SyncState | undefined {
    return this.#bookmark?.earlier;
  }

  get #stopped(): boolean {
    return this.#stop.signal.aborted;
  }

  get #overtaken(): boolean {
    return this.#lost.signal.aborted;
  }

  async #work(): Promise<void> {
    const stopped = Promise.withResolvers<void>();
    this.#stop.signal.addEventListener("abort", () => stopped.resolve(), { once: true });
    const onAbort = (): void => this.#fail(this.#signal?.reason ?? new Error("stopped by its caller"));
    if (this.#signal?.aborted === true) onAbort();
    this.#signal?.addEventListener("abort", onAbort, { once: true });
    const reading = this.#read().catch((error: unknown) => this.#fail(error));
    await Promise.race([reading, stopped.promise]);
    this.#signal?.removeEventListener("abort", onAbort);
    // What is under way may still be settled. A run that was overtaken has nothing to write down any more.
    if (!this.#overtaken) await Promise.all(this.#underWay);
    if (this.#fault === undefined) this.#progress?.end();
  }

  async #read(): Promise<void> {
    const { source, timeoutMs } = this.#sync;
    const context = await this.#sourceContext();
    // With nothing to read there is still what an earlier run has left to say.
    if (this.#earlier !== undefined) this.#progress = this.#begin(this.#earlier.kind);
    await readAll(source, context, {
      clock: this.#ports.runtime.clock,
      timeoutMs,
      offer: (record) => this.#offer(record),
      enough: () => this.#stopped || this.#beyond,
      hangs: () => this.#fail(new Error(`the source gave nothing for ${timeoutMs} ms (option sync.timeout)`)),
    });
    while (!this.#stopped && this.#batch.length + this.#underWay.size > 0) await this.#drain();
  }

  async #sourceContext(): Promise<SourceContext> {
    const { source, ceiling, lookback } = this.#sync;
    const kind = this.#earlier?.kind ?? source.kind;
    const from = firstRead(this.#earlier, lookback);
    const context = {
      from: from === undefined || kind === undefined ? undefined : valueOf({ kind, position: from }),
      startedAt: new Date(this.#startedAt),
      fetch: this.#ports.fetch,
      signal: this.#stop.signal,
    };
    const given = ceiling === undefined ? await source.ceiling?.(context) : await ceiling(context);
    if (given !== undefined) this.#ceiling = cursorOf(given, "sync.ceiling", source.kind);
    else if (kind === "time") this.#ceiling = { kind, position: this.#startedAt };
    return { ...context, ceiling: this.#ceiling === undefined ? undefined : valueOf(this.#ceiling) };
  }

  #begin(kind: CursorKind): Progress {
    const { lookback, ordered, name } = this.#sync;
    if (kind === "text" && lookback > 0) {
      throw new ConfigError({
        path: "sync.lookback",
        message: `sync.lookback has no effect: the cursor of the sync ${name} is a text, from which nothing can be taken off; give a Date or a number`,
      });
    }
    this.#kind = kind;
    // For times there is always a ceiling: what happens while the run goes on is the next one's.
    if (this.#ceiling === undefined && kind === "time") this.#ceiling = { kind, position: this.#startedAt };
    if (this.#ceiling !== undefined && this.#ceiling.kind !== kind) throw this.#mixed(this.#ceiling.kind, kind);
    return new Progress({ state: this.#earlier, kind, lookback, ordered, ceiling: this.#ceiling?.position });
  }

  #mixed(before: CursorKind | undefined, now: CursorKind): ConfigError {
    return new ConfigError({
      path: "sync.cursor",
      message: `the cursor of the sync ${this.#sync.name} was a ${String(before)} before and is a ${now} now, and the two cannot be compared; keep to one, or reset the sync`,
    });
  }

  /** Takes one record. Answers what has to be waited for before the next. */
  #offer(record: unknown): Promise<void> | undefined {
    const [value, rawId] = this.#sync.cursor(record);
    const id = String(rawId);
    const cursor = cursorOf(value, "sync.cursor", this.#sync.source.kind);
    const progress = (this.#progress ??= this.#begin(cursor.kind));
    if (cursor.kind !== this.#kind) throw this.#mixed(this.#kind, cursor.kind);
    switch (progress.take(cursor.position, id)) {
      case "below":
        return undefined;
      case "beyond":
        if (this.#sync.ordered) this.#beyond = true;
        return undefined;
      case "known":
        this.#tally.read += 1;
        this.#tally.known += 1;
        return undefined;
      case "disordered":
        throw new ConfigError({
          path: "sync.order",
          message: `the source of the sync ${this.#sync.name} gave ${JSON.stringify(shownCursor(cursor))} (${id}) after a later cursor; sort it by the cursor (a time as text sorts by its characters: give a Date), or say sync.order: "none"`,
        });
      case "new":
        break;
    }
    this.#tally.read += 1;
    const item = new SyncItem(this.#sync.name, record, id, cursor);
    return this.#busy.has(id) ? this.#afterItself(item) : this.#enter(item);
  }

  /** An earlier version of the record is under way: it comes first. */
  async #afterItself(item: SyncItem): Promise<void> {
    while (this.#busy.has(item.id) && !this.#stopped) await this.#drain();
    await this.#enter(item);
  }

  #enter(item: SyncItem): Promise<void> | undefined {
    if (this.#failedIds.has(item.id)) {
      this.#giveUp({ item, verdict: EARLIER_FAILED, attempts: [] });
      return undefined;
    }
    this.#busy.add(item.id);
    this.#batch.push(item);
    return this.#batch.length < this.#sync.batchSize ? undefined : this.#dispatch();
  }

  /** Sends the batch on its way, when there is room. */
  async #dispatch(): Promise<void> {
    while (this.#underWay.size >= this.#sync.concurrency && !this.#stopped) await Promise.race(this.#underWay);
    if (this.#stopped || this.#batch.length === 0) return;
    const batch = this.#batch;
    this.#batch = [];
    const writing = this.#write(batch)
      .catch((error: unknown) => this.#fail(error))
      .finally(() => {
        this.#underWay.delete(writing);
      });
    this.#underWay.add(writing);
  }

  /** Everything that was taken is written. */
  async #drain(): Promise<void> {
    await this.#dispatch();
    await Promise.all(this.#underWay);
  }

  async #write(batch: readonly SyncItem[]): Promise<void> {
    const { fetch, judge, runtime } = this.#ports;
    const written = await writeBatch(batch, {
      sync: this.#sync,
      runtime,
      context: { sync: this.#sync.name, run: this.#id, fetch, judge },
      signal: this.#lost.signal,
      ending: this.#stop.signal,
    });
    if (this.#overtaken) return;
    const parking: Promise<void>[] = [];
    for (const one of written) {
      if (one.attempts.length === 0) {
        this.#tally.done += 1;
        this.#settled(one.item);
      } else if (this.#sync.onFailure === "park") parking.push(this.#park(one));
      else this.#giveUp(one);
    }
    await Promise.all(parking);
    for (const { id } of batch) this.#busy.delete(id);
    this.#saveInTime();
  }

  /** It stays undone, and the watermark before it. */
  #giveUp(written: Written): void {
    this.#failedIds.add(written.item.id);
    this.#tally.unfinished("failed", written);
  }

  /** The watermark may pass once the failure is on disk. */
  async #park(written: Written): Promise<void> {
    const { item, verdict, attempts } = written;
    const reason: DeadReason = attempts.at(-1)?.because.code === "permanent" ? "permanent" : "exhausted";
    const generation = this.#earlier?.resets?.length ?? 0;
    const letter = await this.#ports.park(this.#sync.name, { item, reason, verdict, attempts }, generation);
    this.#tally.unfinished("parked", written, letter);
    this.#settled(item);
  }

  #settled({ cursor, id }: SyncItem): void {
    this.#progress?.settle(cursor.position, id);
    this.#unsaved += 1;
  }

  /**
   * Writes the watermark when enough has been settled since it was last written. What is remembered by name may be much, while a
   * record holds the watermark: then it is written less often, and what a crash forgets is sent again under the same key.
   */
  #saveInTime(): void {
    if (this.#unsaved < Math.max(this.#sync.batchSize, this.#remembered * SAVE_PART)) return;
    this.#saving ??= this.#save(this.#progress?.at === this.#earlier?.at ? this.#earlier?.heldSince : undefined)
      .catch((error: unknown) => this.#fail(error))
      .finally(() => {
        this.#saving = undefined;
      });
  }

  async #save(heldSince: number | undefined): Promise<void> {
    if (this.#progress === undefined || this.#overtaken) return;
    this.#unsaved = 0;
    const state = this.#progress.state();
    this.#remembered = state.done.reduce((sum, [, ids]) => sum + ids.length, 0);
    const written = await this.#bookmark?.write({ ...state, ...(heldSince === undefined ? {} : { heldSince }) });
    if (written === "stale") this.#overtake("another run has taken over, or an operator has reset the sync");
  }

  #fail(error: unknown): void {
    this.#fault ??= { error };
    this.#stop.abort(error);
  }

  #overtake(why: string): void {
    this.#lost.abort();
    this.#fail(new StoreError(`the run ${this.#id} has lost the sync ${this.#sync.name}: ${why}. It has moved nothing since`));
  }

  async #finish(): Promise<SyncResult> {
    const { store, runtime, failed } = this.#ports;
    try {
      await this.#saving;
      await this.#save(this.#heldSince(runtime.clock.now()));
    } catch (error) {
      this.#fail(error);
    }
    const result = this.#result();
    if (this.#overtaken) return result;
    const { status: _status, cause: _cause, ...report } = { cause: undefined, ...result };
    const ended = { sync: this.#sync.name, run: this.#id, report: JSON.stringify(report) };
    for (const last of [false, true]) {
      try {
        // Not let go, it would keep others out until its lease is over.
        await store.end([{ ...ended, now: runtime.clock.now() }]);
        break;
      } catch (error) {
        failed(error);
        if (!last) await sleep(runtime.clock, END_AGAIN_MS);
      }
    }
    return result;
  }

  /** Since when the watermark has not moved although there was something to do; undefined where all is done. */
  #heldSince(now: number): number | undefined {
    if (this.#fault === undefined && this.#tally.failed === 0) return undefined;
    return this.#progress?.at === this.#earlier?.at ? (this.#earlier?.heldSince ?? now) : now;
  }

  #result(): SyncResult {
    const endedAt = this.#ports.runtime.clock.now();
    const { counts, records } = this.#tally;
    const report: SyncReport = {
      run: this.#id,
      sync: this.#sync.name,
      outcome: "complete",
      startedAt: this.#startedAt,
      endedAt,
      ...counts,
      watermark: this.#watermark(endedAt),
      records,
    };
    if (this.#fault !== undefined) {
      const { error } = this.#fault;
      return { ...report, outcome: "failed", status: 500, error: described(error), cause: error };
    }
    return counts.failed + counts.parked > 0
      ? { ...report, outcome: "partial", status: 207 }
      : { ...report, outcome: "complete", status: 200 };
  }

  #watermark(now: number): SyncReport["watermark"] {
    const kind = this.#kind ?? this.#earlier?.kind;
    const shownAt = (position: number | string | undefined): number | string | null =>
      position === undefined || kind === undefined ? null : shownCursor({ kind, position });
    const heldSince = this.#heldSince(now);
    return {
      before: shownAt(this.#earlier?.at),
      // What the store has: a run that was overtaken may know of more.
      after: shownAt(this.#bookmark?.at),
      advanced: this.#bookmark?.at !== this.#earlier?.at,
      blockedBy: this.#progress?.blockedBy().slice(0, MOST_BLOCKERS) ?? [],
      ...(heldSince === undefined ? {} : { heldSince }),
    };
  }
}

const EARLIER_FAILED: Verdict = Object.freeze({
  kind: "permanent",
  effect: "none",
  rule: "earlier-version-failed",
  because: "it was not sent: an earlier version of the same record has just failed",
});
