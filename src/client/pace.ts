import type { Runtime } from "../engine/runtime.ts";
import { sleep } from "../ports/clock.ts";

/** A rate begins at this share of itself. */
const FIRST_SHARE = 0.25;
/** And doubles after each of these. */
const STEP_MS = 1_000;

/** So many a second, from a slow start on: a quarter of the rate in the first second, half in the next, then all of it. */
export class Pace {
  readonly #perSecond: number;
  readonly #runtime: Runtime;
  readonly #since: number;
  #nextAt: number;

  constructor(perSecond: number, runtime: Runtime) {
    this.#perSecond = perSecond;
    this.#runtime = runtime;
    this.#since = runtime.clock.monotonic();
    this.#nextAt = this.#since;
  }

  /** Waits for the next turn. Rejects with the signal's reason. */
  async turn(signal: AbortSignal | undefined): Promise<void> {
    const { clock } = this.#runtime;
    const waitMs = this.#nextAt - clock.monotonic();
    if (waitMs > 0) await sleep(clock, waitMs, signal);
    const now = clock.monotonic();
    const share = Math.min(1, FIRST_SHARE * 2 ** Math.floor((now - this.#since) / STEP_MS));
    this.#nextAt = Math.max(this.#nextAt, now) + 1_000 / (this.#perSecond * share);
  }
}
