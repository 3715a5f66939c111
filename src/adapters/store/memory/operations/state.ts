import type { LaneKey } from "../../../../ports/operation-store.ts";
import type { Entry } from "./entry.ts";
import { Lane } from "./lane.ts";

/** All operations of a memory store. */
export class QueueState {
  readonly byId: Map<string, Entry> = new Map();
  /** Of operations with an idempotency key: by API and key. */
  readonly byKey: Map<string, Entry> = new Map();
  readonly #lanes = new Map<string, Lane>();
  lastSeq = 0;
  /** Operations that have not ended. */
  unfinished = 0;

  lane(key: LaneKey): Lane {
    const name = laneName(key);
    let lane = this.#lanes.get(name);
    if (!lane) {
      const { api, endpoint, partition } = key;
      this.#lanes.set(name, (lane = new Lane({ api, endpoint, partition })));
    }
    return lane;
  }

  get lanes(): Iterable<Lane> {
    return this.#lanes.values();
  }
}

export function keyName(api: string, idempotencyKey: string): string {
  return JSON.stringify([api, idempotencyKey]);
}

function laneName({ api, endpoint, partition }: LaneKey): string {
  return JSON.stringify([api, endpoint, partition]);
}
