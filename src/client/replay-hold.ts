import type { Runtime } from "../engine/runtime.ts";
import type { TimerHandle } from "../ports/clock.ts";
import type { DeadLetterChange, DeadLetterStore } from "../ports/dead-letter-store.ts";

/** A letter that has been on its way for this long without a word belongs to a process that is gone. */
export const REPLAY_LEASE_MS: number = 15 * 60_000;

/** What became of a held letter. */
export type HeldEnd = Omit<DeadLetterChange, "id" | "revision" | "now" | "replayed">;

/**
 * A letter that a replay has taken: `replaying`, under a revision that nobody else knows. It says a word every third of the lease, so
 * that a replay that waits long for its API is not taken over; one whose letter was taken over all the same is told to stop.
 */
export class ReplayHold {
  readonly id: string;
  readonly #store: DeadLetterStore;
  readonly #runtime: Runtime;
  readonly #lost = new AbortController();
  #revision: number;
  #timer: TimerHandle;
  #saying: Promise<void> = Promise.resolve();

  private constructor(store: DeadLetterStore, runtime: Runtime, id: string, revision: number) {
    this.id = id;
    this.#store = store;
    this.#runtime = runtime;
    this.#revision = revision;
    this.#timer = this.#later();
  }

  /** Takes a letter in the revision that was seen. Undefined: somebody else was first. */
  static async take(
    store: DeadLetterStore,
    runtime: Runtime,
    letter: Pick<DeadLetterChange, "id" | "revision" | "attempts">,
  ): Promise<ReplayHold | undefined> {
    const [taken] = await store.change([{ ...letter, state: "replaying", replayed: true, now: runtime.clock.now() }]);
    return taken === "applied" ? new ReplayHold(store, runtime, letter.id, letter.revision + 1) : undefined;
  }

  /** Aborts when the letter is not ours any more. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  /** Lets the letter go as it ended. Answers false where it was taken over before: then nothing is written. */
  async end(end: HeldEnd): Promise<boolean> {
    this.#runtime.clock.clearTimer(this.#timer);
    await this.#saying;
    const [ended] = await this.#store.change([{ ...end, id: this.id, revision: this.#revision, now: this.#runtime.clock.now() }]);
    return ended === "applied";
  }

  #later(): TimerHandle {
    const { clock } = this.#runtime;
    const timer = clock.setTimer(() => {
      this.#saying = this.#say();
    }, REPLAY_LEASE_MS / 3);
    clock.hold?.(timer, false);
    return timer;
  }

  async #say(): Promise<void> {
    this.#timer = this.#later();
    try {
      const now = this.#runtime.clock.now();
      const [said] = await this.#store.change([{ id: this.id, revision: this.#revision, state: "replaying", now }]);
      if (said === "applied") this.#revision += 1;
      else this.#lost.abort(new Error("another replay has taken the letter over"));
    } catch {
      // The store may be back for the next word; the lease has room for two that are lost.
    }
  }
}
