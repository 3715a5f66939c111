import type { DocumentStore } from "../../ports/document-store.ts";
import type { LaneRef } from "../../ports/events.ts";
import { COARSE, FINE, type BreakerChange, type Grain, type Standing, type WrittenBlock } from "./block.ts";
import { addCounts, addTotals, noCounts, noTotals, type Counts, type Totals } from "./counts.ts";
import { quantile } from "./latency.ts";
import type { Recorder } from "./recorder.ts";

/** What happened in one step of time. */
export interface HistoryPoint extends Totals {
  /** When the step began; wall-clock ms. */
  readonly at: number;
  /** Attempts by the kind of their verdict. */
  readonly verdicts: Readonly<Record<string, number>>;
  /** Of attempts, in ms; within an eighth. Null where there were none. */
  readonly p50: number | null;
  readonly p95: number | null;
}

/** A step of an API, with what stood in the store at its end; null before anything is known of that. */
export interface ApiPoint extends HistoryPoint {
  readonly standing: Standing | null;
}

/** A stretch of time in equal steps. Instants are wall-clock ms. */
export interface Stretch {
  readonly from: number;
  readonly to: number;
  readonly stepMs: number;
}

/** A breaker's change, and which process it was. */
export type ToldChange = BreakerChange & { readonly process: string };

/** A lane of which something was counted in the last day. */
export interface SeenLane extends LaneRef {
  readonly lastChange?: ToldChange;
}

/** Points of a history at most. */
const MOST_POINTS = 180;
const PAGE = 200;
/** The longest stretch that is kept. */
export const LONGEST_MS: number = COARSE.keptMs;
/** Two processes that hear of one and the same change tell it at nearly one time. */
const SAME_MS = 2_000;

/** Reads what all processes over a store have written, and what this one has not written yet. */
export class HistoryReader {
  readonly #documents: DocumentStore;
  readonly #recorder: Recorder;
  /** Documents as they were read last, since most never change again. */
  readonly #parsed = new Map<Grain, Map<string, { readonly revision: number; readonly block: WrittenBlock }>>();

  constructor(documents: DocumentStore, recorder: Recorder) {
    this.#documents = documents;
    this.#recorder = recorder;
  }

  /** By API. */
  async apis(windowMs: number, now: number): Promise<Stretch & { readonly points: ReadonlyMap<string, readonly ApiPoint[]> }> {
    const grain = grainOf(windowMs);
    const blocks = await this.#blocks(grain);
    const stretch = stretchOf(grain, windowMs, now);
    const counted = countedBy(blocks, stretch, ({ api }) => api);
    const standing = standingsOf(blocks, stretch);
    const names = new Set([...counted.keys(), ...standing.keys()]);
    const points = new Map(
      [...names].map((api) => [
        api,
        pointsOf(stretch, counted.get(api)).map((point, index) => ({ ...point, standing: standing.get(api)?.[index] ?? null })),
      ]),
    );
    return { ...stretch, points };
  }

  async lane(
    { api, endpoint, partition }: LaneRef,
    windowMs: number,
    now: number,
  ): Promise<Stretch & { readonly points: readonly HistoryPoint[]; readonly changes: readonly ToldChange[] }> {
    const grain = grainOf(windowMs);
    const stretch = stretchOf(grain, windowMs, now);
    const is = (lane: LaneRef): boolean => lane.api === api && lane.endpoint === endpoint && lane.partition === partition;
    const counted = countedBy(await this.#blocks(grain), stretch, (lane) => (is(lane) ? "" : undefined));
    const changes = changesOf(await this.#blocks(COARSE)).filter((change) => is(change) && change.at >= stretch.from);
    return { ...stretch, points: pointsOf(stretch, counted.get("")), changes };
  }

  /** What happened in a stretch of time up to now, by API. */
  async totals(windowMs: number, now: number): Promise<ReadonlyMap<string, Totals>> {
    const grain = grainOf(windowMs);
    const from = now - windowMs;
    const sums = new Map<string, Totals>();
    for (const { steps } of await this.#blocks(grain)) {
      for (const { at, lanes } of steps) {
        if (at <= from - grain.stepMs) continue;
        for (const lane of lanes) {
          let sum = sums.get(lane.api);
          if (sum === undefined) sums.set(lane.api, (sum = noTotals()));
          addTotals(sum, lane);
        }
      }
    }
    return sums;
  }

  /** Lanes that were used in the last day. */
  async lanes(): Promise<readonly SeenLane[]> {
    const blocks = await this.#blocks(COARSE);
    const seen = new Map<string, SeenLane>();
    for (const { steps } of blocks) {
      for (const { lanes } of steps) {
        for (const { api, endpoint, partition, attempts = 0, calls = 0 } of lanes) {
          if (api !== "" && endpoint !== "*" && attempts + calls > 0)
            seen.set(textOf({ api, endpoint, partition }), { api, endpoint, partition });
        }
      }
    }
    for (const change of changesOf(blocks)) {
      const { api, endpoint, partition } = change;
      seen.set(textOf(change), { api, endpoint, partition, lastChange: change });
    }
    return [...seen.values()];
  }

  async #blocks(grain: Grain): Promise<readonly WrittenBlock[]> {
    const before = this.#parsed.get(grain);
    const parsed = new Map<string, { readonly revision: number; readonly block: WrittenBlock }>();
    for (let after: string | null | undefined; after !== null;) {
      const page = await this.#documents.list(grain.kind, { limit: PAGE, ...(after === undefined ? {} : { after }) });
      for (const { id, revision, body } of page.items) {
        const known = before?.get(id);
        parsed.set(id, known?.revision === revision ? known : { revision, block: JSON.parse(body) as WrittenBlock });
      }
      after = page.next;
    }
    this.#parsed.set(grain, parsed);
    // Asked for after the store: what was written meanwhile is in both, and counts once.
    const own = this.#recorder.unwritten(grain);
    return [...[...parsed].filter(([id]) => !own.has(id)).map(([, { block }]) => block), ...own.values()];
  }
}

function grainOf(windowMs: number): Grain {
  return windowMs <= FINE.keptMs ? FINE : COARSE;
}

/** Steps are whole numbers of the grain's, and no more than fit a picture; the first holds the window's beginning, the last is under way. */
function stretchOf({ stepMs: least }: Grain, windowMs: number, now: number): Stretch {
  const stepMs = Math.max(1, Math.ceil(windowMs / least / MOST_POINTS)) * least;
  const start = now - windowMs;
  return { from: start - (start % stepMs), to: now - (now % stepMs) + stepMs, stepMs };
}

function countedBy(
  blocks: readonly WrittenBlock[],
  { from, to, stepMs }: Stretch,
  keyOf: (lane: LaneRef) => string | undefined,
): ReadonlyMap<string, ReadonlyMap<number, Counts>> {
  const counted = new Map<string, Map<number, Counts>>();
  for (const { steps } of blocks) {
    for (const { at, lanes } of steps) {
      if (at < from || at >= to) continue;
      const index = Math.floor((at - from) / stepMs);
      for (const lane of lanes) {
        const key = keyOf(lane);
        if (key === undefined) continue;
        let points = counted.get(key);
        if (points === undefined) counted.set(key, (points = new Map<number, Counts>()));
        let counts = points.get(index);
        if (counts === undefined) points.set(index, (counts = noCounts()));
        addCounts(counts, lane);
      }
    }
  }
  return counted;
}

const NOTHING: Counts = noCounts();

function pointsOf({ from, to, stepMs }: Stretch, counted: ReadonlyMap<number, Counts> | undefined): readonly HistoryPoint[] {
  return Array.from({ length: Math.round((to - from) / stepMs) }, (_, index) => {
    const { verdicts, latency, ...totals } = counted?.get(index) ?? NOTHING;
    return { at: from + index * stepMs, ...totals, verdicts, p50: quantile(latency, 0.5), p95: quantile(latency, 0.95) };
  });
}

/** What stood there at the end of each step. Who looked wrote it down where it had changed, so that it holds until the next word. */
function standingsOf(blocks: readonly WrittenBlock[], { from, to, stepMs }: Stretch): ReadonlyMap<string, readonly (Standing | null)[]> {
  const words = blocks
    .flatMap(({ steps }) => steps)
    .filter(({ at, standings }) => standings !== undefined && at < to)
    .sort((a, b) => a.at - b.at);
  const names = new Set(words.flatMap(({ standings = {} }) => Object.keys(standings)));
  const count = Math.round((to - from) / stepMs);
  const told = new Map([...names].map((name) => [name, Array.from({ length: count }, (): Standing | null => null)]));
  for (const { at, standings = {} } of words) {
    const first = Math.max(0, Math.floor((at - from) / stepMs));
    for (const [name, points] of told) points.fill(standings[name] ?? NONE, first);
  }
  return told;
}

const NONE: Standing = { due: 0, leased: 0, parked: 0, openDeadLetters: 0 };

/** Oldest first. What several processes tell of one change stands there once. */
function changesOf(blocks: readonly WrittenBlock[]): readonly ToldChange[] {
  const all = blocks
    .flatMap(({ process, changes = [] }) => changes.map((change): ToldChange => ({ ...change, process })))
    .sort((a, b) => a.at - b.at);
  const last = new Map<string, ToldChange>();
  return all.filter((change) => {
    const before = last.get(textOf(change));
    last.set(textOf(change), change);
    return before === undefined || before.to !== change.to || before.process === change.process || change.at - before.at > SAME_MS;
  });
}

function textOf({ api, endpoint, partition }: LaneRef): string {
  return `${api}\n${endpoint}\n${partition}`;
}
