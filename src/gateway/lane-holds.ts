import type { Holdfast } from "../client/holdfast.ts";
import type { Clock } from "../ports/clock.ts";
import type { DocumentRef, DocumentStore } from "../ports/document-store.ts";
import type { LaneKey } from "../ports/operation-store.ts";
import { allOf } from "./documents.ts";

/** What an operator has done to a lane that does not end by itself. */
export interface LaneHold extends LaneKey {
  readonly what: "open" | "closed" | "paused";
  readonly by: string;
  readonly why?: string;
  readonly since: number;
  /** Wall-clock milliseconds; left out: until somebody ends it. */
  readonly until?: number;
}

/** Something that an operator did to a lane. */
export interface LaneAct {
  /** Wall-clock ms. */
  readonly at: number;
  readonly what: LaneHold["what"] | "auto" | "resumed";
  readonly by: string;
  readonly why?: string;
  /** When it was to end by itself. */
  readonly until?: number;
}

const KIND = "lane-hold";
const ACTS = "lane-acts";
/** Acts that are kept of a lane. */
const KEPT_ACTS = 50;

/**
 * Breakers that are held and lanes that are paused, with their ends. They stand in the store: a restart forgets none, every process
 * over the store keeps them, and each one is ended when its time is over by whoever looks first.
 */
export class LaneHolds {
  readonly #hf: Holdfast;
  readonly #documents: DocumentStore;
  readonly #clock: Clock;
  /** Revisions of holds that this process has put into force. */
  #inForce: ReadonlyMap<string, string> = new Map();
  #known: readonly LaneHold[] = [];

  constructor(hf: Holdfast, documents: DocumentStore, clock: Clock) {
    this.#hf = hf;
    this.#documents = documents;
    this.#clock = clock;
  }

  /** As they stood when they were read last. */
  get known(): readonly LaneHold[] {
    return this.#known;
  }

  async hold(
    lane: LaneKey,
    what: LaneHold["what"],
    more: { readonly by: string; readonly why?: string | undefined; readonly forMs?: number | undefined },
  ): Promise<void> {
    const now = this.#clock.now();
    const { by, why, forMs } = more;
    const { api, endpoint, partition } = lane;
    const hold: LaneHold = {
      ...{ api, endpoint, partition, what, by, since: now },
      ...(why === undefined ? {} : { why }),
      ...(forMs === undefined ? {} : { until: now + forMs }),
    };
    // First what can be refused, so that nothing stands in the store that has no effect.
    if (what === "paused") await this.#hf.operations.pause(lane);
    else this.#hf.holdBreaker(lane, what, forMs === undefined ? {} : { for: forMs });
    await this.#write({ kind: KIND, id: idOf(hold) }, () => JSON.stringify(hold));
    await this.#note(lane, {
      at: now,
      what,
      by,
      ...(why === undefined ? {} : { why }),
      ...(forMs === undefined ? {} : { until: now + forMs }),
    });
    await this.look();
  }

  /** Ends a pause, or gives a breaker back to its own judgement. */
  async release(
    lane: LaneKey,
    what: "breaker" | "pause",
    { by, why }: { readonly by: string; readonly why?: string | undefined },
  ): Promise<void> {
    await this.#write({ kind: KIND, id: idOf({ ...lane, what: what === "pause" ? "paused" : "open" }) }, () => null);
    await this.#end(lane, what);
    const done = what === "pause" ? "resumed" : "auto";
    await this.#note(lane, { at: this.#clock.now(), what: done, by, ...(why === undefined ? {} : { why }) });
    await this.look();
  }

  /** What operators did to a lane, oldest first; the last ones. */
  async acts({ api, endpoint, partition }: LaneKey): Promise<readonly LaneAct[]> {
    const [found] = await this.#documents.read([{ kind: ACTS, id: JSON.stringify([api, endpoint, partition]) }]);
    return found === undefined ? [] : (JSON.parse(found.body) as readonly LaneAct[]);
  }

  /** Puts into force what others have held, and ends what is over. */
  async look(): Promise<void> {
    const now = this.#clock.now();
    const inForce = new Map<string, string>();
    const known: LaneHold[] = [];
    for (const { id, revision, changedAt, parsed } of await allOf(this.#documents, KIND)) {
      const hold = parsed as LaneHold;
      if (hold.until !== undefined && hold.until <= now) {
        await this.#documents.write([{ kind: KIND, id, revision, body: null, now }]);
        if (hold.what === "paused") await this.#end(hold, "pause");
        continue;
      }
      const stamp = `${revision} ${changedAt}`;
      inForce.set(id, stamp);
      known.push(hold);
      if (hold.what !== "paused" && this.#inForce.get(id) !== stamp) this.#force(hold, now);
    }
    for (const id of this.#inForce.keys()) {
      if (inForce.has(id)) continue;
      const [what, api, endpoint, partition] = JSON.parse(id) as [string, string, string, string];
      if (what === "breaker") await this.#end({ api, endpoint, partition }, "breaker");
    }
    this.#inForce = inForce;
    this.#known = known;
  }

  #force(hold: LaneHold, now: number): void {
    try {
      this.#hf.holdBreaker(hold, hold.what === "open" ? "open" : "closed", hold.until === undefined ? {} : { for: hold.until - now });
    } catch {
      // An API that this process does not have, or has without a breaker: there is nothing to hold here.
    }
  }

  async #end(lane: LaneKey, what: "breaker" | "pause"): Promise<void> {
    if (what === "pause") {
      await this.#hf.operations.resume(lane);
      return;
    }
    try {
      this.#hf.holdBreaker(lane, "auto");
    } catch {
      // As above.
    }
  }

  async #note({ api, endpoint, partition }: LaneKey, act: LaneAct): Promise<void> {
    await this.#write({ kind: ACTS, id: JSON.stringify([api, endpoint, partition]) }, (before) => {
      const acts = before === undefined ? [] : (JSON.parse(before) as readonly LaneAct[]);
      return JSON.stringify([...acts, act].slice(-KEPT_ACTS));
    });
  }

  /** The last word counts: whoever was first meanwhile is overruled. */
  async #write(ref: DocumentRef, bodyOf: (before: string | undefined) => string | null): Promise<void> {
    for (;;) {
      const [found] = await this.#documents.read([ref]);
      const body = bodyOf(found?.body);
      if (found === undefined && body === null) return;
      const [result] = await this.#documents.write([{ ...ref, revision: found?.revision ?? 0, body, now: this.#clock.now() }]);
      if (result === "applied") return;
    }
  }
}

function idOf({ api, endpoint, partition, what }: Pick<LaneHold, "api" | "endpoint" | "partition" | "what">): string {
  return JSON.stringify([what === "paused" ? "pause" : "breaker", api, endpoint, partition]);
}
