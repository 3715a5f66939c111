import type { BreakerMode } from "../../policy/breaker/breaker.ts";
import type { ExchangeAnswer, ExchangeRequest, SharedBreaker } from "../../ports/coordinator.ts";
import type { LaneKey } from "../../ports/operation-store.ts";
import type { Runtime } from "../runtime.ts";
import type { Party } from "./party.ts";

/** A lane that can hear of its breaker. `until` is monotonic ms. */
export interface HearingLane {
  hear(heard: { readonly mode: "closed" } | { readonly mode: "open"; readonly until: number; readonly openings: number }): void;
}

/** Who has heard of an opening probes a little later than who has seen it, so that not all probe at once: by up to this share of the rest. */
const LATER = 0.1;

/** Tells other processes when a lane's breaker opens and closes here, and the lane when it does there. */
export class SharedBreakerLink implements Party {
  readonly #key: LaneKey;
  readonly #lane: HearingLane;
  readonly #runtime: Runtime;
  readonly #use: (link: SharedBreakerLink, isNew: boolean) => void;
  #revision = 0;
  #tell: SharedBreaker | undefined = undefined;

  constructor(key: LaneKey, lane: HearingLane, runtime: Runtime, use: (link: SharedBreakerLink, isNew: boolean) => void) {
    this.#key = key;
    this.#lane = lane;
    this.#runtime = runtime;
    this.#use = use;
  }

  /** A call comes to the lane. */
  used(): void {
    this.#use(this, false);
  }

  /** The lane's own breaker has changed. What a probe is about, others need not know. */
  changed(mode: BreakerMode, openForMs: number, openings: number): void {
    if (mode === "half-open") return;
    const until = this.#runtime.clock.now() + openForMs;
    this.#tell = mode === "open" ? { state: "open", until, reopened: Math.max(0, openings - 1) } : { state: "closed", reopened: 0 };
    this.#use(this, true);
  }

  request(now: number): ExchangeRequest {
    const breaker = this.#tell && { revision: this.#revision, to: this.#tell };
    return { ...this.#key, now, rates: [], want: 0, unused: 0, ...(breaker && { breaker }) };
  }

  answered({ breaker: { revision, ...heard } }: ExchangeAnswer): void {
    const told = this.#tell;
    const isNews = revision !== this.#revision;
    const isOurs = told !== undefined && heard.state === told.state && heard.until === told.until && heard.reopened === told.reopened;
    this.#revision = revision;
    this.#tell = undefined;
    if (!isNews || isOurs) return;
    if (heard.state === "closed") return this.#lane.hear({ mode: "closed" });
    const { clock, random } = this.#runtime;
    const restMs = (heard.until ?? 0) - clock.now();
    if (restMs <= 0) return;
    const until = clock.monotonic() + restMs * (1 + LATER * random());
    this.#lane.hear({ mode: "open", until, openings: heard.reopened + 1 });
  }

  unanswered(): void {
    // What was to be told is told with the next beat.
  }
}
