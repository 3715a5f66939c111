import type { Because } from "../../core/decision.ts";
import type { Verdict } from "../../core/verdict.ts";
import type { Events, Meter, Metered } from "../../engine/events.ts";
import type { EventMap, LaneRef } from "../../ports/events.ts";
import type { OpenLetters } from "../../ports/dead-letter-store.ts";
import type { LaneBacklog } from "../../ports/operation-store.ts";
import type { Measures } from "../../ports/measures.ts";
import { BUCKETS, METRICS, type MetricName } from "./catalogue.ts";
import { observe, Registry, type Sample, type Series } from "./registry.ts";

/** A lane, as its gauges are read. */
export interface LaneReading {
  readonly api: string;
  readonly endpoint: string;
  readonly breaker: "closed" | "half-open" | "open" | "none";
  readonly inFlight: number;
  readonly waiting: number;
  /** Undefined where it has no retry budget. */
  readonly budget: number | undefined;
}

/** A sync, as its gauges are read. Instants are wall-clock ms. */
export interface SyncReading {
  readonly sync: string;
  readonly heldSince: number | null;
  /** Where the watermark is a time. */
  readonly watermarkAt: number | null;
}

/** What is read when somebody scrapes. */
export interface Gauges {
  now(): number;
  lanes(): readonly LaneReading[];
  backlog(): Promise<readonly LaneBacklog[]>;
  openLetters(): Promise<readonly OpenLetters[]>;
  syncs(): Promise<readonly SyncReading[]>;
}

/** What is looked for in the store again only after this, however often somebody scrapes. */
const STORE_READ_MS = 5_000;
const STATES: Readonly<Record<LaneReading["breaker"], number>> = { none: -1, closed: 0, "half-open": 1, open: 2 };
const NO_LANE: LaneRef = { api: "", endpoint: "", partition: "" };

/** The series of a lane that every call counts in, so that no label is looked up for it. */
interface Often {
  /** By verdict. */
  readonly attempts: Map<string, Series>;
  /** By outcome. */
  readonly calls: Map<string, Series>;
  /** What nearly all of them are. */
  success: Series | undefined;
  succeeded: Series | undefined;
}

type Outcome = EventMap["call:settled"]["outcome"];

/** Counts what events tell, and reads gauges when somebody asks. */
export class Metrics implements Meter {
  readonly #registry = new Registry();
  readonly #gauges: Gauges;
  /** Lanes hand out one and the same ref; operations of the queue bring one of their own, which is soon forgotten. */
  readonly #often = new WeakMap<LaneRef, Often>();
  #lastLane: LaneRef | undefined = undefined;
  #last: Often | undefined = undefined;
  #stored: { readonly at: number; readonly samples: readonly Sample[] } | undefined = undefined;

  constructor(events: Events, gauges: Gauges) {
    this.#gauges = gauges;
    const registry = this.#registry;
    events.count(this);
    const add = (name: MetricName, lane: LaneRef | undefined, ...words: readonly string[]): void => {
      const { api, endpoint } = lane ?? NO_LANE;
      registry.add(name, 1, api, endpoint, ...words);
    };
    events.on("retry:scheduled", ({ lane, because }) => add("holdfast_retries_total", lane, because.code));
    events.on("lane:waited", ({ lane, waitMs }) =>
      registry.observe("holdfast_admission_wait_seconds", waitMs / 1_000, lane.api, lane.endpoint),
    );
    events.on("limiter:paused", ({ lane }) => add("holdfast_limiter_pauses_total", lane));
    events.on("breaker:changed", ({ lane, to }) => add("holdfast_breaker_changes_total", lane, to));
    events.on("dead-letter:added", (letter) => add("holdfast_dead_letters_total", { ...letter, partition: "" }, letter.reason));
    events.on("operation:settled", ({ lane, state, applied, ageMs }) => {
      if (!applied) return;
      add("holdfast_operations_settled_total", lane, state);
      if (state === "succeeded" || state === "dead" || state === "cancelled") {
        registry.observe("holdfast_operation_duration_seconds", ageMs / 1_000, lane.api, lane.endpoint, state);
      }
    });
    events.on("idempotency:replayed", ({ api }) => registry.add("holdfast_idempotency_replays_total", 1, api));
    events.on("credential:refreshed", ({ api }) => registry.add("holdfast_credential_refreshes_total", 1, api));
    events.on("nesting:detected", () => registry.add("holdfast_nested_retries_total", 1));
    events.on("store:failed", () => registry.add("holdfast_store_failures_total", 1));
    events.on("listener:failed", ({ event }) => registry.add("holdfast_listener_failures_total", 1, event));
    events.on("sync:ended", ({ sync, outcome, done, failed, parked }) => {
      registry.add("holdfast_sync_runs_total", 1, sync, outcome);
      for (const [result, count] of Object.entries({ done, failed, parked })) {
        registry.add("holdfast_sync_records_total", count, sync, result);
      }
    });
    events.on("run:settled", ({ pipeline, state }) => registry.add("holdfast_pipeline_runs_total", 1, pipeline, state));
    events.on("step:settled", ({ pipeline, step, state }) => registry.add("holdfast_pipeline_steps_total", 1, pipeline, step, state));
  }

  /** All of it, in the text format of Prometheus. A store that does not answer leaves out what stands in it. */
  async render(): Promise<string> {
    return this.#registry.render([...this.#lanes(), ...(await this.#store())]);
  }

  /** The same for those who export it in another form. */
  get measures(): Measures {
    return {
      definitions: Object.entries(METRICS).map(([name, definition]) => ({
        name,
        ...definition,
        ...(definition.type === "histogram" ? { buckets: BUCKETS } : {}),
      })),
      read: async () => {
        const samples = [...this.#registry.counters(), ...this.#lanes(), ...(await this.#store())];
        return samples.map(([name, labels, value]) => ({ name, labels, value }));
      },
    };
  }

  attempt(lane: LaneRef = NO_LANE, durationMs: number, { kind }: Verdict): void {
    const often = this.#oftenOf(lane);
    observe(
      kind === "success" ? (often.success ??= this.#attempts(often, lane, kind)) : this.#attempts(often, lane, kind),
      durationMs / 1_000,
    );
  }

  call(lane: LaneRef = NO_LANE, outcome: Outcome, { attempt }: Metered, durationMs: number, because: Because): void {
    const often = this.#oftenOf(lane);
    const isSuccess = outcome === "succeeded";
    observe(isSuccess ? (often.succeeded ??= this.#calls(often, lane, outcome)) : this.#calls(often, lane, outcome), durationMs / 1_000);
    if (attempt > 1) this.#registry.add("holdfast_retried_calls_total", 1, lane.api, lane.endpoint, outcome);
    if (outcome === "failed" || outcome === "refused") {
      this.#registry.add("holdfast_failed_calls_total", 1, lane.api, lane.endpoint, because.code);
    }
  }

  #attempts({ attempts }: Often, lane: LaneRef, verdict: string): Series {
    let series = attempts.get(verdict);
    if (series === undefined) {
      series = this.#registry.series("holdfast_attempt_duration_seconds", lane.api, lane.endpoint, verdict);
      attempts.set(verdict, series);
    }
    return series;
  }

  #calls({ calls }: Often, lane: LaneRef, outcome: string): Series {
    let series = calls.get(outcome);
    if (series === undefined) {
      series = this.#registry.series("holdfast_call_duration_seconds", lane.api, lane.endpoint, outcome);
      calls.set(outcome, series);
    }
    return series;
  }

  #oftenOf(lane: LaneRef): Often {
    // Calls come in runs: the lane of the last one is most often that of the next.
    if (lane === this.#lastLane) return this.#last as Often;
    let often = this.#often.get(lane);
    if (often === undefined) {
      often = { attempts: new Map(), calls: new Map(), success: undefined, succeeded: undefined };
      this.#often.set(lane, often);
    }
    this.#lastLane = lane;
    this.#last = often;
    return often;
  }

  /** Lanes of several accounts are one series: the account is no label, since there is no end of them. */
  #lanes(): readonly Sample[] {
    const byEndpoint = new Map<string, LaneReading>();
    for (const lane of this.#gauges.lanes()) {
      const key = `${lane.api}\u0000${lane.endpoint}`;
      const other = byEndpoint.get(key);
      byEndpoint.set(key, other === undefined ? lane : together(other, lane));
    }
    return [...byEndpoint.values()].flatMap(({ api, endpoint, breaker, inFlight, waiting, budget }): Sample[] => {
      const labels = [api, endpoint];
      return [
        ["holdfast_lane_in_flight", labels, inFlight],
        ["holdfast_lane_waiting", labels, waiting],
        ...(breaker === "none" ? [] : [["holdfast_breaker_state", labels, STATES[breaker]] as const]),
        ...(budget === undefined ? [] : [["holdfast_retry_budget_available", labels, budget] as const]),
      ];
    });
  }

  async #store(): Promise<readonly Sample[]> {
    const now = this.#gauges.now();
    if (this.#stored !== undefined && Math.abs(now - this.#stored.at) < STORE_READ_MS) return this.#stored.samples;
    const [backlog, letters, syncs] = await Promise.allSettled([this.#gauges.backlog(), this.#gauges.openLetters(), this.#gauges.syncs()]);
    const samples = [
      ...(backlog.status === "fulfilled" ? queueSamples(backlog.value, now) : []),
      ...(letters.status === "fulfilled"
        ? letters.value.map(({ api, endpoint, open }): Sample => ["holdfast_dead_letters_open", [api, endpoint], open])
        : []),
      ...(syncs.status === "fulfilled" ? syncSamples(syncs.value, now) : []),
    ];
    this.#stored = { at: now, samples };
    return samples;
  }
}

function together(a: LaneReading, b: LaneReading): LaneReading {
  return {
    ...a,
    breaker: STATES[a.breaker] >= STATES[b.breaker] ? a.breaker : b.breaker,
    inFlight: a.inFlight + b.inFlight,
    waiting: a.waiting + b.waiting,
    budget: a.budget === undefined || b.budget === undefined ? (a.budget ?? b.budget) : Math.min(a.budget, b.budget),
  };
}

function queueSamples(backlog: readonly LaneBacklog[], now: number): readonly Sample[] {
  const sums = new Map<string, { labels: readonly string[]; due: number; leased: number; parked: number; oldest: number }>();
  for (const { api, endpoint, due, leased, parked, oldestDueAt = now } of backlog) {
    const key = `${api}\u0000${endpoint}`;
    const sum = sums.get(key) ?? { labels: [api, endpoint], due: 0, leased: 0, parked: 0, oldest: now };
    sums.set(key, {
      labels: sum.labels,
      due: sum.due + due,
      leased: sum.leased + leased,
      parked: sum.parked + parked,
      oldest: Math.min(sum.oldest, oldestDueAt),
    });
  }
  return [...sums.values()].flatMap(({ labels, due, leased, parked, oldest }): Sample[] => [
    ["holdfast_queue_operations", [...labels, "due"], due],
    ["holdfast_queue_operations", [...labels, "leased"], leased],
    ["holdfast_queue_operations", [...labels, "parked"], parked],
    ["holdfast_queue_oldest_due_seconds", labels, (now - oldest) / 1_000],
  ]);
}

function syncSamples(syncs: readonly SyncReading[], now: number): readonly Sample[] {
  return syncs.flatMap(({ sync, heldSince, watermarkAt }): Sample[] => [
    ["holdfast_sync_held_seconds", [sync], heldSince === null ? 0 : (now - heldSince) / 1_000],
    ...(watermarkAt === null ? [] : [["holdfast_sync_watermark_lag_seconds", [sync], (now - watermarkAt) / 1_000] as const]),
  ]);
}
