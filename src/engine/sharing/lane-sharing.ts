import type { Coordinator, ExchangeAnswer } from "../../ports/coordinator.ts";
import { sleep, type TimerHandle } from "../../ports/clock.ts";
import type { LaneKey } from "../../ports/operation-store.ts";
import type { ResolvedRateLimit } from "../../policy/rate-limit/options.ts";
import type { Runtime } from "../runtime.ts";
import { PATIENCE_MS, type Party } from "./party.ts";
import { SharedBreakerLink, type HearingLane } from "./shared-breaker-link.ts";
import { SharedRateBlock } from "./shared-rate-block.ts";

/** How often lanes that are in use hear what others have to say. */
const BEAT_MS = 1_000;
/** How often what is known of idle lanes is forgotten, while lanes are in use. */
const SWEEP_MS = 60_000;
const SWEEP_BATCH = 1_000;
/** A lane that nobody used for so long has nothing to hear. */
const QUIET_MS = 10_000;

/**
 * Makes the lanes of several processes one, through the coordinator. What lanes have to ask is asked in batches, one under way at
 * a time, so that a call costs no round trip of its own. Where the coordinator does not answer, each process goes on by its own
 * limits: work that can be done is worth more than a limit that is exact.
 */
export class LaneSharing {
  readonly #coordinator: Coordinator;
  readonly #runtime: Runtime;
  readonly #waiting = new Set<Party>();
  #underWay: Promise<void> | undefined = undefined;
  readonly #used = new Map<SharedBreakerLink, number>();
  #timer: TimerHandle | undefined = undefined;
  #sweptAt: number;
  #closed = false;

  constructor(coordinator: Coordinator, runtime: Runtime) {
    this.#coordinator = coordinator;
    this.#runtime = runtime;
    this.#sweptAt = runtime.clock.monotonic();
  }

  /** One bucket of a rate limit, shared with all who have the same name for it. */
  rate(key: LaneKey, bucket: ResolvedRateLimit): SharedRateBlock {
    const { clock } = this.#runtime;
    return new SharedRateBlock(key, bucket, clock, (block) => this.ask(block));
  }

  /** What a lane's breaker is told by, and tells. */
  link(key: LaneKey, lane: HearingLane): SharedBreakerLink {
    return new SharedBreakerLink(key, lane, this.#runtime, (link, isNew) => this.#use(link, isNew));
  }

  /** Asks for a party soon, together with others. */
  ask(party: Party): void {
    if (this.#closed) return;
    this.#waiting.add(party);
    // Whoever asks in the same turn comes along.
    this.#underWay ??= Promise.resolve()
      .then(() => this.#exchange())
      .finally(() => {
        this.#underWay = undefined;
        // Who came when the last look had been taken.
        for (const late of this.#waiting) this.ask(late);
      });
  }

  /** Waits for what is under way, as long as a lane would. */
  async close(): Promise<void> {
    const { clock } = this.#runtime;
    this.#closed = true;
    if (this.#timer !== undefined) clock.clearTimer(this.#timer);
    if (this.#underWay === undefined) return;
    const enough = new AbortController();
    const waited = sleep(clock, PATIENCE_MS, enough.signal).catch(() => undefined);
    await Promise.race([this.#underWay, waited]);
    enough.abort();
  }

  async #exchange(): Promise<void> {
    const { clock, events } = this.#runtime;
    while (this.#waiting.size > 0 && !this.#closed) {
      const parties = [...this.#waiting];
      this.#waiting.clear();
      const sentAt = clock.monotonic();
      try {
        const now = clock.now();
        const answers = await this.#coordinator.exchange(parties.map((party) => party.request(now)));
        for (const [index, party] of parties.entries()) party.answered(answers[index] as ExchangeAnswer, sentAt);
      } catch (error) {
        for (const party of parties) party.unanswered();
        if (events.wants("store:failed")) events.emit("store:failed", { error });
      }
    }
  }

  /** A lane is in use, or has something to tell (`isNew`). */
  #use(link: SharedBreakerLink, isNew: boolean): void {
    const first = !this.#used.has(link);
    this.#used.set(link, this.#runtime.clock.monotonic());
    if (first || isNew) this.ask(link);
    if (this.#timer === undefined && !this.#closed) this.#beatLater();
  }

  #beatLater(): void {
    const { clock } = this.#runtime;
    this.#timer = clock.setTimer(() => {
      this.#timer = undefined;
      const now = clock.monotonic();
      for (const [link, usedAt] of this.#used) {
        if (now - usedAt > QUIET_MS) this.#used.delete(link);
        else this.ask(link);
      }
      if (now - this.#sweptAt > SWEEP_MS) {
        this.#sweptAt = now;
        this.#coordinator.sweep(clock.now(), SWEEP_BATCH).catch(() => {});
      }
      if (this.#used.size > 0 && !this.#closed) this.#beatLater();
    }, BEAT_MS);
    clock.hold?.(this.#timer, false);
  }
}
