import { durationMs, type Duration } from "../../core/duration.ts";
import { ConfigError } from "../../core/errors.ts";
import { refuseUnknown } from "../../core/options.ts";
import { shown } from "../../core/shown.ts";
import { resolveBackoff, type Backoff, type BackoffLike } from "../../policy/backoff/backoff.ts";
import type { CursorValue } from "../../policy/watermark/cursor.ts";
import type { SyncSink } from "./sink.ts";
import { paged, type PagedSource, type RecordCursor, type SourceContext, type SyncSource } from "./source.ts";

/** One sync: from where, into what, and how far it may say it has come. */
export interface SyncOptions<Item> {
  /** Its name in the store: what it has done is found again by it. */
  readonly name: string;
  readonly source: SyncSource<Item>;
  readonly sink: SyncSink<Item>;
  /**
   * Where a record stands: a number, a Date, or a text that sorts by its code units, and the record's own id. Left out where the
   * source knows it (`sqlSource`). A time as text is rarely ordered as its texts are: give a Date.
   */
  readonly cursor?: (record: Item) => RecordCursor;
  /** The last cursor that belongs to this run. @default what the source says; for times the moment at which the run began */
  readonly ceiling?: (context: Omit<SourceContext, "ceiling">) => Promise<CursorValue | undefined> | CursorValue | undefined;
  /**
   * `ascending`: the source gives records by ascending cursor; one that does not is found out, and the run fails. `none`: in any order;
   * the watermark then moves only once all has been read. @default "ascending"
   */
  readonly order?: "ascending" | "none";
  /** Records in one call of the sink. @default 100 */
  readonly batchSize?: number;
  /** Batches under way at once. Versions of one record never overtake one another. @default 1 */
  readonly concurrency?: number;
  /** `hold`: the watermark stays before a record that failed. `park`: it goes on once the failure is a dead letter. @default "hold" */
  readonly onFailure?: "hold" | "park";
  /** How far before the watermark to read again, for rows that were committed late; ms for times, else the cursor's own unit. @default 0 */
  readonly lookback?: Duration;
  /** Held longer than this, `sync:held` is told at the end of each run. @default "1h" */
  readonly alertAfter?: Duration;
  /** Tries of a record in one run, the first included. @default 3 */
  readonly maxAttempts?: number;
  /** Between them. @default exponential, from 1 s to 30 s */
  readonly backoff?: BackoffLike;
  /** For one call of the sink, and for one step of the source. @default "2m" */
  readonly timeout?: Duration;
  /** A run that was killed keeps others out for this long. @default "60s" */
  readonly lease?: Duration;
}

/** A sync that was checked; `hf.sync()` runs it. */
export interface SyncDefinition {
  readonly name: string;
  /** Its parts, complete. Of no use to its owner. */
  readonly resolved: ResolvedSync;
}

export interface ResolvedSync {
  readonly name: string;
  readonly source: PagedSource<unknown>;
  readonly sink: SyncSink<unknown>;
  readonly cursor: (record: unknown) => RecordCursor;
  readonly ceiling: SyncOptions<unknown>["ceiling"];
  readonly ordered: boolean;
  readonly batchSize: number;
  readonly concurrency: number;
  readonly onFailure: "hold" | "park";
  readonly lookback: number;
  readonly alertAfterMs: number;
  readonly maxAttempts: number;
  readonly backoff: Backoff;
  readonly timeoutMs: number;
  readonly leaseMs: number;
}

const OPTIONS = [
  "name",
  "source",
  "sink",
  "cursor",
  "ceiling",
  "order",
  "batchSize",
  "concurrency",
  "onFailure",
  "lookback",
  "alertAfter",
  "maxAttempts",
  "backoff",
  "timeout",
  "lease",
] as const satisfies readonly (keyof SyncOptions<unknown>)[];

/** Shorter leases are lost to any pause of the process. */
const LEAST_LEASE_MS = 1_000;

/**
 * Describes a sync with a safe watermark: it never passes a record that is not done, whatever fails, is killed or comes late.
 *
 * @throws ConfigError that names the option by its path.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { createHoldfast, defineSync } from "holdfast";
 *
 * const orders = [
 *   { id: "a", updatedAt: new Date("2026-01-01T10:00:00Z") },
 *   { id: "b", updatedAt: new Date("2026-01-01T11:00:00Z") },
 * ];
 * const written = new Map<string, unknown>();
 * const sync = defineSync({
 *   name: "orders",
 *   source: async function* () { yield* orders; },
 *   cursor: (order) => [order.updatedAt, order.id],
 *   sink: (batch) => { for (const { id, record } of batch) written.set(id, record); },
 * });
 * const hf = await createHoldfast({ apis: {} });
 * const result = await hf.sync(sync).run();
 * assert.equal(result.outcome, "complete");
 * assert.equal(written.size, 2);
 * await hf.close();
 * ```
 */
export function defineSync<Item>(options: SyncOptions<Item>): SyncDefinition {
  refuseUnknown(options, OPTIONS, "sync");
  const { name, source, sink, cursor, ceiling } = options;
  if (typeof name !== "string" || name === "" || name.length > 200) {
    throw refuse("name", `is ${shown(name)}; give a name of 1 to 200 characters`);
  }
  const hasPages = typeof source === "object" && (source as unknown) !== null && typeof source.pages === "function";
  if (typeof source !== "function" && !hasPages) {
    throw refuse("source", `is ${shown(source)}; give a function that gives records, or httpSource() or sqlSource()`);
  }
  if (typeof sink !== "function") throw refuse("sink", `is ${shown(sink)}; give a function that writes a batch, or httpSink()`);
  if (ceiling !== undefined && typeof ceiling !== "function") throw refuse("ceiling", `is ${shown(ceiling)}; give a function`);
  const pages = paged(source);
  const own = cursor ?? pages.cursor?.bind(pages);
  if (own === undefined) {
    throw refuse("cursor", "is missing; say where a record stands: (record) => [record.updatedAt, record.id]");
  }
  if (typeof own !== "function") throw refuse("cursor", `is ${shown(own)}; give a function: (record) => [record.updatedAt, record.id]`);
  const leaseMs = durationMs(options.lease ?? "60s", "sync.lease");
  if (leaseMs < LEAST_LEASE_MS) throw refuse("lease", `is ${leaseMs} ms; give at least ${LEAST_LEASE_MS} ms`);
  const timeoutMs = durationMs(options.timeout ?? "2m", "sync.timeout");
  if (timeoutMs === 0) throw refuse("timeout", "is 0, in which nothing can be done; leave it out for two minutes");
  const resolved: ResolvedSync = Object.freeze({
    name,
    source: pages,
    sink: sink as SyncSink<unknown>,
    cursor: own as (record: unknown) => RecordCursor,
    ceiling,
    ordered: oneOf(options.order ?? "ascending", ["ascending", "none"], "order") === "ascending",
    batchSize: countAt(options.batchSize ?? 100, "batchSize"),
    concurrency: countAt(options.concurrency ?? 1, "concurrency"),
    onFailure: oneOf(options.onFailure ?? "hold", ["hold", "park"], "onFailure"),
    lookback: durationMs(options.lookback ?? 0, "sync.lookback"),
    alertAfterMs: durationMs(options.alertAfter ?? "1h", "sync.alertAfter"),
    maxAttempts: countAt(options.maxAttempts ?? 3, "maxAttempts"),
    backoff: resolveBackoff(options.backoff ?? { base: "1s", cap: "30s" }, "sync.backoff"),
    timeoutMs,
    leaseMs,
  });
  return Object.freeze({ name, resolved });
}

/** Whether it is what `defineSync` gave. */
export function isSync(value: unknown): value is SyncDefinition {
  const candidate = value as Partial<SyncDefinition> | null;
  return (
    typeof candidate === "object" &&
    candidate !== null &&
    typeof candidate.name === "string" &&
    typeof candidate.resolved?.sink === "function"
  );
}

function refuse(name: keyof SyncOptions<unknown>, problem: string): ConfigError {
  return new ConfigError({ path: `sync.${name}`, message: `sync.${name} ${problem}` });
}

function countAt(value: unknown, name: keyof SyncOptions<unknown>): number {
  if (Number.isSafeInteger(value) && (value as number) >= 1) return value as number;
  throw refuse(name, `is ${shown(value)}; give a whole number of at least 1`);
}

function oneOf<Word extends string>(value: Word, words: readonly Word[], name: keyof SyncOptions<unknown>): Word {
  if (words.includes(value)) return value;
  throw refuse(name, `is ${shown(value)}; give ${words.map((word) => JSON.stringify(word)).join(" or ")}`);
}
