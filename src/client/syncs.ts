import { ConfigError, NotFoundError, StoreError } from "../core/errors.ts";
import { refuseUnknown } from "../core/options.ts";
import { shown } from "../core/shown.ts";
import type { SyncReport } from "../durable/sync/report.ts";
import { uuidv7 } from "../engine/uuid.ts";
import { cursorOf, shownCursor, type Cursor, type CursorValue, type Position } from "../policy/watermark/cursor.ts";
import { readState, writeState, type SyncState } from "../policy/watermark/state.ts";
import type { Store } from "../ports/store.ts";
import type { SyncView, WatermarkStore } from "../ports/watermark-store.ts";
import type { Engine } from "./engine.ts";

/** A sync as it stands. Instants are wall-clock ms. */
export interface SyncStatus {
  readonly sync: string;
  /** Null before the first record was settled. A time as ISO 8601. */
  readonly watermark: number | string | null;
  readonly kind: "number" | "time" | "text" | null;
  readonly advancedAt: number | null;
  /** Since when the watermark has not moved although there was something to do. */
  readonly heldSince: number | null;
  /** Settled records that are remembered by name: of the watermark's own tie, within the lookback, or ahead of one that is not. */
  readonly remembered: number;
  /** The run that has it; its lease may be over. */
  readonly running: { readonly run: string; readonly since: number; readonly leaseUntil: number } | null;
  /** What the last run that ended had to say; of a reset, who did it and why. */
  readonly lastRun:
    (SyncReport | { readonly outcome: "reset"; readonly by: string; readonly reason: string; readonly endedAt: number }) | null;
  /** The last ones, oldest first. */
  readonly resets: readonly {
    readonly at: number;
    readonly by: string;
    readonly reason: string;
    readonly from: number | string | null;
    readonly to: number | string | null;
  }[];
}

/** What an operator says of a reset. */
export interface ResetOptions {
  /** The new watermark: what lies after it is read again. A time as Date. @default none: everything is read again */
  readonly to?: CursorValue;
  /** Who does it; kept with the sync. */
  readonly by: string;
  readonly reason: string;
}

const RESET_LEASE_MS = 30_000;
const KEPT_RESETS = 20;

/** The syncs of a store, for people. */
export class Syncs {
  readonly #engine: Engine;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** A page, in the order in which they were first run. */
  async list(
    page: { readonly limit?: number; readonly after?: string } = {},
  ): Promise<{ readonly items: readonly SyncStatus[]; readonly next: string | null }> {
    const { items, next } = await this.#store.list({ limit: page.limit ?? 50, ...(page.after === undefined ? {} : { after: page.after }) });
    return { items: items.map(statusOf), next };
  }

  /** @throws NotFoundError */
  async get(sync: string): Promise<SyncStatus> {
    const view = await this.#store.read(sync);
    if (view === undefined) throw new NotFoundError(`there is no sync ${shown(sync)} in this store; it is there from its first run on`);
    return statusOf(view);
  }

  /**
   * Sets the watermark of a sync that does not run, and forgets what it remembers of single records. What is read again is sent under
   * the same keys as before.
   *
   * @throws NotFoundError; ConfigError for a cursor of another kind, or while a run has the sync.
   */
  async reset(sync: string, options: ResetOptions): Promise<SyncStatus> {
    refuseUnknown(options, ["to", "by", "reason"], "reset");
    for (const name of ["by", "reason"] as const) {
      if (typeof options[name] === "string" && options[name] !== "") continue;
      throw new ConfigError({
        path: `reset.${name}`,
        message: `reset.${name} is ${shown(options[name])}; a reset is kept with who did it and why`,
      });
    }
    await this.get(sync);
    const { clock, random } = this.#engine.runtime;
    const now = clock.now();
    const run = uuidv7(now, random);
    const [begun] = await this.#store.begin([{ sync, run, now, leaseUntil: now + RESET_LEASE_MS }]);
    if (begun?.state !== "started") {
      throw new ConfigError({
        path: "reset",
        message: `the sync ${sync} is running${begun === undefined ? "" : ` (${begun.run})`}; reset it when it has ended`,
      });
    }
    const report = { outcome: "reset", by: options.by, reason: options.reason, endedAt: now };
    try {
      const earlier = begun.watermark === undefined ? undefined : readState(begun.watermark, sync);
      const to = writeState(afterReset(earlier, options, now));
      const [moved] = await this.#store.advance([{ sync, run, revision: begun.revision, to, now }]);
      if (moved !== "applied") throw new StoreError(`the watermark of ${sync} was moved by somebody else; nothing was reset`);
    } catch (error) {
      await this.#store.end([{ sync, run, now, report: JSON.stringify({ ...report, outcome: "failed" }) }]);
      throw error;
    }
    await this.#store.end([{ sync, run, now, report: JSON.stringify(report) }]);
    const { events } = this.#engine.runtime;
    if (events.wants("sync:reset")) events.emit("sync:reset", { sync, by: options.by, reason: options.reason });
    return await this.get(sync);
  }

  get #store(): WatermarkStore {
    return watermarksOf(this.#engine.store);
  }
}

/** The watermarks of a store that keeps some. @throws StoreError */
export function watermarksOf({ name, watermarks }: Pick<Store, "name" | "watermarks">): WatermarkStore {
  if (watermarks === undefined) throw new StoreError(`the store ${name} keeps no watermarks; use memory(), sqlite() or postgres()`);
  return watermarks;
}

function afterReset(earlier: SyncState | undefined, { to, by, reason }: ResetOptions, now: number): SyncState {
  const cursor: Cursor | undefined = to === undefined ? undefined : cursorOf(to, "reset.to");
  if (cursor !== undefined && earlier !== undefined && cursor.kind !== earlier.kind) {
    throw new ConfigError({
      path: "reset.to",
      message: `reset.to is a ${cursor.kind}, and the sync's cursor is a ${earlier.kind}; give one of its own kind, or none to begin anew`,
    });
  }
  const reset = { at: now, by, reason, from: earlier?.at ?? null, to: cursor?.position ?? null };
  return {
    kind: cursor?.kind ?? earlier?.kind ?? "number",
    ...(cursor === undefined ? {} : { at: cursor.position }),
    done: [],
    resets: [...(earlier?.resets ?? []), reset].slice(-KEPT_RESETS),
  };
}

/** What a store's view says, for people. */
export function statusOf({ sync, watermark, advancedAt, running, lastRun }: SyncView): SyncStatus {
  const state = watermark === undefined ? undefined : readState(watermark, sync);
  const shownAt = (position: Position | null | undefined): number | string | null =>
    position === null || position === undefined || state === undefined ? null : shownCursor({ kind: state.kind, position });
  return {
    sync,
    watermark: shownAt(state?.at),
    kind: state?.kind ?? null,
    advancedAt: advancedAt ?? null,
    heldSince: state?.heldSince ?? null,
    remembered: state?.done.reduce((sum, [, ids]) => sum + ids.length, 0) ?? 0,
    running: running ?? null,
    lastRun: lastRun === undefined ? null : (JSON.parse(lastRun.report) as SyncStatus["lastRun"]),
    resets: state?.resets?.map((reset) => ({ ...reset, from: shownAt(reset.from), to: shownAt(reset.to) })) ?? [],
  };
}
