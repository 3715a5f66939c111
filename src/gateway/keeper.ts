import type { Clock, TimerHandle } from "../ports/clock.ts";

/** How long a token that was revoked by another process may still work, and a hold go on after its end. */
const EVERY_MS = 2_000;

/** Looks at what stands in the store, first before anybody is let in, then again and again. */
export class Keeper {
  readonly #clock: Clock;
  readonly #failed: (error: unknown, where: string) => void;
  readonly #look: () => Promise<void>;
  #started: Promise<void> | undefined = undefined;
  #timer: TimerHandle | undefined = undefined;
  #closed = false;

  constructor(
    { clock, failed }: { readonly clock: Clock; readonly failed: (error: unknown, where: string) => void },
    look: () => Promise<void>,
  ) {
    this.#clock = clock;
    this.#failed = failed;
    this.#look = look;
  }

  /** Resolves once it has looked; a store that did not answer is asked again by whoever comes next. */
  start(): Promise<void> {
    this.#started ??= this.#first();
    return this.#started;
  }

  close(): void {
    this.#closed = true;
    if (this.#timer !== undefined) this.#clock.clearTimer(this.#timer);
  }

  async #first(): Promise<void> {
    try {
      await this.#look();
      this.#later();
    } catch (error) {
      this.#started = undefined;
      throw error;
    }
  }

  #later(): void {
    if (this.#closed) return;
    this.#timer = this.#clock.setTimer(() => void this.#again(), EVERY_MS);
    this.#clock.hold?.(this.#timer, false);
  }

  async #again(): Promise<void> {
    try {
      await this.#look();
    } catch (error) {
      if (!this.#closed) this.#failed(error, "looking at the store");
    }
    this.#later();
  }
}
