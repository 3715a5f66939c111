import { durationMs, type Duration } from "../core/duration.ts";
import { ConfigError } from "../core/errors.ts";
import { refuseUnknown } from "../core/options.ts";
import { shown } from "../core/shown.ts";
import { uuidv7 } from "../engine/uuid.ts";
import type { LaneRef } from "../ports/events.ts";
import type { DocumentStore } from "../ports/document-store.ts";
import type { Standing, Standings } from "../signals/history/block.ts";
import type { Totals } from "../signals/history/counts.ts";
import {
  HistoryReader,
  LONGEST_MS,
  type ApiPoint,
  type HistoryPoint,
  type SeenLane,
  type Stretch,
  type ToldChange,
} from "../signals/history/reading.ts";
import { Recorder } from "../signals/history/recorder.ts";
import type { Engine } from "./engine.ts";

/** How far back is looked: `"15m"`, `"1h"`, `"24h"`, which is the longest. Up to an hour in steps of ten seconds, beyond in such of five minutes. */
export interface HistoryOptions {
  /** @default "1h" */
  readonly window?: Duration;
}

/** What happened at each API. */
export interface ApiHistory extends Stretch {
  readonly items: readonly { readonly api: string; readonly points: readonly ApiPoint[] }[];
}

/** What happened in one lane. */
export interface LaneHistory extends Stretch {
  readonly points: readonly HistoryPoint[];
  /** Of its breaker, oldest first. */
  readonly changes: readonly ToldChange[];
}

/**
 * What happened lately, over all processes that share the store: calls, failures, retries and latency in steps of time, what stood in
 * the queue, and how breakers changed. Figures to look at: a killed process takes its last ten seconds with it.
 */
export class History {
  readonly #engine: Engine;
  readonly #recorder: Recorder;
  readonly #reader: HistoryReader;

  constructor(engine: Engine, documents: DocumentStore) {
    const { runtime } = engine;
    this.#engine = engine;
    this.#recorder = new Recorder({
      events: runtime.events,
      clock: runtime.clock,
      documents,
      process: () => uuidv7(runtime.clock.now(), runtime.random),
      standings: () => this.#standings(),
      failed: (error) => engine.storeFailed(error),
    });
    this.#reader = new HistoryReader(documents, this.#recorder);
  }

  /** In steps of time, by API. */
  async apis(options: HistoryOptions = {}): Promise<ApiHistory> {
    const windowMs = windowOf(options);
    const { points, ...stretch } = await this.#reader.apis(windowMs, this.#now);
    return { ...stretch, items: [...points].map(([api, own]) => ({ api, points: own })).sort((a, b) => (a.api < b.api ? -1 : 1)) };
  }

  /** Of one lane, in steps of time, with the changes of its breaker. */
  lane(lane: LaneRef, options: HistoryOptions = {}): Promise<LaneHistory> {
    return this.#reader.lane(lane, windowOf(options), this.#now);
  }

  /** What happened within the window, by API. */
  totals(options: HistoryOptions = {}): Promise<ReadonlyMap<string, Totals>> {
    return this.#reader.totals(windowOf(options), this.#now);
  }

  /** Lanes that were used in the last day by any process, with the last change of each breaker that changed. */
  lanes(): Promise<readonly SeenLane[]> {
    return this.#reader.lanes();
  }

  /** Looks at what stands in the store in every step from now on, also while nothing happens in this process. */
  watch(): void {
    this.#recorder.watch();
  }

  /** Writes what is left. */
  close(): Promise<void> {
    return this.#recorder.close();
  }

  get #now(): number {
    return this.#engine.runtime.clock.now();
  }

  async #standings(): Promise<Standings> {
    const { operations, deadLetters } = this.#engine.store;
    const [backlog, letters] = await Promise.all([operations?.backlog(this.#now) ?? [], deadLetters.openLetters()]);
    const standings: Record<string, Standing> = {};
    const of = (api: string): Standing => standings[api] ?? { due: 0, leased: 0, parked: 0, openDeadLetters: 0 };
    for (const { api, due, leased, parked, oldestDueAt } of backlog) {
      const so = of(api);
      const oldest = Math.min(so.oldestDueAt ?? Number.POSITIVE_INFINITY, oldestDueAt ?? Number.POSITIVE_INFINITY);
      standings[api] = {
        ...so,
        ...{ due: so.due + due, leased: so.leased + leased, parked: so.parked + parked },
        ...(oldest === Number.POSITIVE_INFINITY ? {} : { oldestDueAt: oldest }),
      };
    }
    for (const { api, open } of letters) standings[api] = { ...of(api), openDeadLetters: of(api).openDeadLetters + open };
    return standings;
  }
}

function windowOf(options: HistoryOptions): number {
  refuseUnknown(options, ["window"], "history");
  const windowMs = durationMs(options.window ?? "1h", "history.window");
  if (windowMs >= 1 && windowMs <= LONGEST_MS) return windowMs;
  throw new ConfigError({
    path: "history.window",
    message: `history.window is ${shown(options.window)}; give more than nothing and at most "24h", which is how long history is kept`,
  });
}

/** The history of an engine; undefined where none is kept. @throws ConfigError */
export function openHistory(
  { history, store }: { readonly history?: boolean; readonly store?: unknown },
  engine: Engine,
): History | undefined {
  const { documents, name } = engine.store;
  if (history ?? (store !== undefined && documents !== undefined)) {
    if (store !== undefined && documents !== undefined) return new History(engine, documents);
    throw new ConfigError({
      path: "history",
      message: `history is true, and ${store === undefined ? "there is no store to keep it in" : `the store ${name} keeps no documents`}; give a store such as sqlite("holdfast.db"), or leave it out`,
    });
  }
  return undefined;
}
