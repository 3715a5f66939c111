import type { Runtime } from "../../engine/runtime.ts";
import type { Position } from "../../policy/watermark/cursor.ts";
import { readState, writeState, type SyncState } from "../../policy/watermark/state.ts";
import type { Fenced } from "../../ports/idempotency-store.ts";
import type { WatermarkStore } from "../../ports/watermark-store.ts";

export interface BookmarkPorts {
  readonly store: WatermarkStore;
  readonly runtime: Runtime;
  readonly sync: string;
  readonly run: string;
  /** Told of a store that does not answer; what was asked is asked once more. */
  readonly failed: (error: unknown) => void;
}

/** The watermark in the store, as one run moves it: step by step, each shown the revision that it knows. */
export class Bookmark {
  readonly #ports: BookmarkPorts;
  #revision: number;
  /** As it was written last. */
  #text: string | undefined;
  /** What was found when the run began. */
  readonly earlier: SyncState | undefined;
  /** The watermark that stands in the store. */
  at: Position | undefined;

  /** @throws StoreError where a later version wrote it */
  constructor(ports: BookmarkPorts, { watermark, revision }: { readonly watermark?: string; readonly revision: number }) {
    this.#ports = ports;
    this.#revision = revision;
    this.#text = watermark;
    this.earlier = watermark === undefined ? undefined : readState(watermark, ports.sync);
    this.at = this.earlier?.at;
  }

  /** Writes a state. `stale`: the sync is somebody else's now. */
  async write(state: SyncState): Promise<Fenced> {
    const to = writeState(state);
    if (to === this.#text) return "applied";
    const result = await this.#advance(to);
    if (result === "stale") return result;
    this.#revision += 1;
    this.#text = to;
    this.at = state.at;
    return result;
  }

  /** A store that broke off in the middle may have done it: that is looked up, and it is asked once more. */
  async #advance(to: string): Promise<Fenced> {
    const { store, runtime, sync, run, failed } = this.#ports;
    const revision = this.#revision;
    const ask = async (): Promise<Fenced> => (await store.advance([{ sync, run, revision, to, now: runtime.clock.now() }]))[0] ?? "stale";
    try {
      return await ask();
    } catch (error) {
      failed(error);
      const view = await store.read(sync);
      const done = view?.running?.run === run && view.revision === revision + 1 && view.watermark === to;
      return done ? "applied" : await ask();
    }
  }
}
