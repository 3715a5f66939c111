import { StoreError } from "../../core/errors.ts";
import type { CursorKind, Position } from "./cursor.ts";

/** How far a sync has come, as it is kept between runs. */
export interface SyncState {
  readonly kind: CursorKind;
  /** The watermark: all records up to here, and at it, are settled. Absent before the first. */
  readonly at?: Position;
  /** `done` names every settled record from here on. @default the watermark */
  readonly since?: Position;
  /** Records at or above `since` that are settled: the watermark's own tie, those within the lookback, those ahead of one that is not. */
  readonly done: readonly (readonly [position: Position, ids: readonly string[]])[];
  /** Since when the watermark has not moved although there was something to do; wall-clock ms. */
  readonly heldSince?: number;
  /** The source was found out of order: what it holds from here on has to be read again. Null: from its beginning. */
  readonly rereadFrom?: Position | null;
  /** Times that an operator set it back or on; the last ones with who and why. */
  readonly resets?: readonly SyncReset[];
}

export interface SyncReset {
  /** Wall-clock ms. */
  readonly at: number;
  readonly by: string;
  readonly reason: string;
  readonly from: Position | null;
  readonly to: Position | null;
}

const VERSION = 1;
const KINDS: readonly CursorKind[] = ["number", "time", "text"];

export function writeState(state: SyncState): string {
  return JSON.stringify({ v: VERSION, ...state });
}

/** Reads what {@link writeState} wrote. @throws StoreError for what a later version wrote, or nobody. */
export function readState(text: string, sync: string): SyncState {
  let state: (Partial<SyncState> & { readonly v?: unknown }) | null;
  try {
    state = JSON.parse(text) as typeof state;
  } catch (cause) {
    throw new StoreError(`the watermark of the sync ${sync} cannot be read: it is not JSON`, { cause });
  }
  if (state?.v !== VERSION || !KINDS.includes(state.kind as CursorKind) || !Array.isArray(state.done)) {
    throw new StoreError(
      `the watermark of the sync ${sync} has the version ${String(state?.v)}, and this program knows ${VERSION}; run the newer program, or reset the sync`,
    );
  }
  const { v: _version, ...rest } = state;
  return rest as SyncState;
}
