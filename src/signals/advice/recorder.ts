import { isOurs } from "../../api/api-name.ts";
import type { Verdict } from "../../core/verdict.ts";
import type { Events, Metered, Meter } from "../../engine/events.ts";
import type { AttemptRecord } from "../../ports/dead-letter-store.ts";
import type { EventMap, LaneRef } from "../../ports/events.ts";
import { ALL, EndpointTally, type SettingsSeen } from "./history.ts";

/** Operations under way that have failed at least once; of more, the oldest are forgotten, and count for nothing. */
const MOST_PENDING = 10_000;
/** Endpoints that are counted; lanes are bounded, and so is this. */
const MOST_ENDPOINTS = 2_000;
const SECOND_MS = 1_000;

/** The answers of one second, for an API's or a lane's account. */
interface Second {
  index: number;
  answers: number;
  throttled: number;
}

/** Where the attempts of a lane are counted. */
interface Place {
  readonly tally: EndpointTally;
  readonly second: Second;
  readonly all: EndpointTally;
  readonly allSecond: Second;
}

interface Pending {
  readonly api: string;
  readonly endpoint: string;
  /** The first attempt that met each class of failure. */
  readonly met: Map<string, number>;
  last: number;
}

export interface RecorderParts {
  /** Wall-clock ms. */
  readonly now: () => number;
  readonly settings: (api: string, endpoint: string) => SettingsSeen | undefined;
}

/**
 * Counts what advice is drawn from, as it happens: which failures end in success once they are tried again, how many answers a second
 * there are where 429s come, how long breakers stay open. A first attempt that succeeds costs a few additions.
 */
export class HistoryRecorder implements Meter {
  readonly #parts: RecorderParts;
  readonly #tallies = new Map<string, EndpointTally>();
  /** Endpoints that have had trouble: how they do without is to be known from then on. */
  readonly #watched = new Set<string>();
  readonly #pending = new Map<string, Pending>();
  readonly #seconds = new Map<string, Second>();
  /** Breakers that are not closed. */
  readonly #open = new Map<string, { readonly openedAt: number; failedProbes: number }>();
  #lastLane: LaneRef | undefined = undefined;
  #last: Place | undefined = undefined;

  constructor(events: Events, parts: RecorderParts) {
    this.#parts = parts;
    events.count(this);
    events.on("breaker:changed", (event) => this.#breaker(event));
    events.on("nesting:detected", ({ lane, by }) => {
      if (by === "sdk" && lane !== undefined && this.#counts(lane)) this.#tally(lane.api, lane.endpoint).sdkRetries += 1;
    });
    events.on("dead-letter:added", ({ id }) => this.#resolve(id, false));
    events.on("operation:settled", ({ id, state, applied }) => {
      if (applied && (state === "succeeded" || state === "cancelled" || state === "dead")) this.#resolve(id, state === "succeeded");
    });
    events.on("step:settled", ({ operation, state }) => this.#resolve(operation, state === "done"));
  }

  attempt(lane: LaneRef | undefined, durationMs: number, { kind, status, quota }: Verdict, call: Metered, now: number): void {
    if (lane === undefined || !this.#counts(lane)) return;
    const { tally, second, all, allSecond } = this.#placeOf(lane);
    const success = kind === "success";
    if (success || status !== undefined) {
      const throttled = kind === "throttled" && (quota ?? "burst") === "burst";
      this.#answer(second, tally, throttled, now);
      this.#answer(allSecond, all, throttled, now);
      if (throttled) all.throttled += 1;
    }
    if (!success) return;
    tally.success(call.attempt, durationMs, this.#parts.now());
    if (call.attempt > 1) {
      const pending = this.#pending.get(call.operation);
      if (pending !== undefined) pending.last = call.attempt;
      this.#resolve(call.operation, true);
    }
  }

  call(lane: LaneRef | undefined, outcome: EventMap["call:settled"]["outcome"], call: Metered): void {
    if (lane !== undefined && outcome === "failed" && call.attempt > 0) this.#resolve(call.operation, false);
  }

  remembered(lane: LaneRef | undefined, record: AttemptRecord, { operation }: Metered): void {
    const { kind } = record.verdict;
    if (lane === undefined || kind === "success" || kind === "cancelled" || !this.#counts(lane)) return;
    const name = this.#tally(lane.api, lane.endpoint).failure(record, this.#parts.now());
    const pending = this.#pending.get(operation) ?? { api: lane.api, endpoint: lane.endpoint, met: new Map<string, number>(), last: 0 };
    pending.last = record.attempt;
    if (!pending.met.has(name)) pending.met.set(name, record.attempt);
    this.#pending.set(operation, pending);
    if (this.#pending.size > MOST_PENDING) this.#pending.delete(this.#pending.keys().next().value as string);
  }

  /** What has been counted since it was last taken, of endpoints that have ever had trouble; the others go on being counted. */
  take(): readonly EndpointTally[] {
    const taken = this.troubled();
    for (const { api, endpoint } of taken) this.#tallies.delete(nameOf(api, endpoint));
    this.#lastLane = undefined;
    return taken;
  }

  /** The same, left where it is. */
  troubled(): readonly EndpointTally[] {
    for (const [name, { isTroubled }] of this.#tallies) if (isTroubled) this.#watched.add(name);
    const found = [...this.#tallies].flatMap(([name, tally]) => (this.#watched.has(name) ? [tally] : []));
    for (const tally of found) if (tally.endpoint !== ALL) tally.settings = this.#parts.settings(tally.api, tally.endpoint);
    return found;
  }

  /** Counts again what could not be put away. */
  giveBack(taken: EndpointTally): void {
    this.#tally(taken.api, taken.endpoint).take(taken.toJSON());
  }

  #resolve(operation: string, recovered: boolean): void {
    const pending = this.#pending.get(operation);
    if (pending === undefined) return;
    this.#pending.delete(operation);
    const tally = this.#tally(pending.api, pending.endpoint);
    for (const [name, attempt] of pending.met) {
      if (pending.last > attempt) tally.ended(name, recovered, pending.last - attempt);
    }
  }

  #breaker({ lane, from, to }: EventMap["breaker:changed"]): void {
    if (!this.#counts(lane)) return;
    const name = `${nameOf(lane.api, lane.endpoint)}\n${lane.partition}`;
    const now = this.#parts.now();
    const open = this.#open.get(name);
    if (to === "open") {
      if (open === undefined) this.#open.set(name, { openedAt: now, failedProbes: 0 });
      else if (from === "half-open") open.failedProbes += 1;
    } else if (to === "closed" && open !== undefined) {
      this.#open.delete(name);
      this.#tally(lane.api, lane.endpoint).outage({ ...open, closedAt: now });
    }
  }

  #answer(second: Second, tally: EndpointTally, throttled: boolean, now: number): void {
    const index = Math.floor(now / SECOND_MS);
    if (second.index !== index) {
      if (second.answers > 0) tally.second(second.answers, second.throttled);
      second.index = index;
      second.answers = 0;
      second.throttled = 0;
    }
    second.answers += 1;
    if (throttled) second.throttled += 1;
  }

  /** Calls come in runs: the lane of the last one is most often that of the next. */
  #placeOf(lane: LaneRef): Place {
    if (lane === this.#lastLane && this.#last !== undefined) return this.#last;
    const { api, endpoint, partition } = lane;
    this.#last = {
      tally: this.#tally(api, endpoint),
      second: this.#second(`${nameOf(api, endpoint)}\n${partition}`),
      all: this.#tally(api, ALL),
      allSecond: this.#second(`${nameOf(api, ALL)}\n${partition}`),
    };
    this.#lastLane = lane;
    return this.#last;
  }

  #second(name: string): Second {
    let second = this.#seconds.get(name);
    if (second === undefined) {
      second = { index: -1, answers: 0, throttled: 0 };
      if (this.#seconds.size < MOST_PENDING) this.#seconds.set(name, second);
    }
    return second;
  }

  /** Deliveries of our own are nobody's to tune, and there is an end to what is kept apart. */
  #counts({ api, endpoint }: LaneRef): boolean {
    return !isOurs(api) && (this.#tallies.size < MOST_ENDPOINTS || this.#tallies.has(nameOf(api, endpoint)));
  }

  #tally(api: string, endpoint: string): EndpointTally {
    const name = nameOf(api, endpoint);
    let tally = this.#tallies.get(name);
    if (tally === undefined) {
      tally = new EndpointTally(api, endpoint, this.#parts.now());
      this.#tallies.set(name, tally);
    }
    return tally;
  }
}

function nameOf(api: string, endpoint: string): string {
  return `${api}\n${endpoint}`;
}
