import type { Holdfast } from "../client/holdfast.ts";
import type { ReplayEntry, ReplayOptions } from "../client/replay-options.ts";
import type { Clock } from "../ports/clock.ts";
import { uuidv7 } from "../engine/uuid.ts";
import type { Random } from "../ports/random.ts";
import type { Principal } from "./principal.ts";

/** A run over dead letters, as it stands. */
export interface ReplayRunView {
  readonly id: string;
  readonly state: "running" | "stopping" | "finished" | "failed";
  readonly by: string;
  readonly startedAt: number;
  readonly endedAt?: number;
  readonly resolved: number;
  readonly failedAgain: number;
  readonly skipped: number;
  /** Why it ended before its last letter. */
  readonly stopped?: string;
  readonly error?: string;
  /** The last of them; the letters themselves keep what became of them. */
  readonly entries: readonly ReplayEntry[];
}

interface Run {
  view: ReplayRunView;
  readonly stop: AbortController;
  readonly ended: Promise<void>;
  /** Who may see it, where the one who began it sees not everything. */
  readonly principal: Principal;
}

const MOST_RUNS = 100;
const MOST_ENTRIES = 1_000;

/**
 * The runs of this process. They are work under way and end with it; what they did stands in the letters, which are open again
 * where it was cut short.
 */
export class ReplayRuns {
  readonly #hf: Holdfast;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #runs = new Map<string, Run>();

  constructor(hf: Holdfast, clock: Clock, random: Random) {
    this.#hf = hf;
    this.#clock = clock;
    this.#random = random;
  }

  start(options: ReplayOptions, principal: Principal): ReplayRunView {
    const stop = new AbortController();
    const startedAt = this.#clock.now();
    const id = uuidv7(startedAt, this.#random);
    const view: ReplayRunView = {
      id,
      state: "running",
      by: principal.name,
      startedAt,
      resolved: 0,
      failedAgain: 0,
      skipped: 0,
      entries: [],
    };
    const { promise: ended, resolve } = Promise.withResolvers<void>();
    const run: Run = { view, stop, ended, principal };
    this.#forgetOld();
    this.#runs.set(id, run);
    void this.#work(run, options).then(resolve, resolve);
    return view;
  }

  get(id: string, principal: Principal): ReplayRunView | undefined {
    const run = this.#runs.get(id);
    return run !== undefined && sees(principal, run) ? run.view : undefined;
  }

  /** Newest first. */
  list(principal: Principal): readonly ReplayRunView[] {
    return [...this.#runs.values()]
      .filter((run) => sees(principal, run))
      .map(({ view }) => view)
      .reverse();
  }

  /** Ends a run after the letters under way. */
  stop(id: string, principal: Principal): ReplayRunView | undefined {
    const run = this.#runs.get(id);
    if (run === undefined || !sees(principal, run)) return undefined;
    if (run.view.state === "running") {
      run.view = { ...run.view, state: "stopping" };
      run.stop.abort();
    }
    return run.view;
  }

  async close(): Promise<void> {
    for (const { stop } of this.#runs.values()) stop.abort();
    await Promise.all([...this.#runs.values()].map(({ ended }) => ended));
  }

  async #work(run: Run, options: ReplayOptions): Promise<void> {
    const onEntry = (entry: ReplayEntry): void => {
      const { view } = run;
      const count = { resolved: "resolved", "failed-again": "failedAgain", skipped: "skipped" } as const;
      const name = count[entry.result];
      run.view = { ...view, [name]: view[name] + 1, entries: [...view.entries, entry].slice(-MOST_ENTRIES) };
    };
    try {
      const { stopped } = await this.#hf.deadLetters.replay({ ...options, signal: run.stop.signal, onEntry });
      run.view = { ...run.view, state: "finished", endedAt: this.#clock.now(), ...(stopped === undefined ? {} : { stopped }) };
    } catch (error) {
      const told = error instanceof Error ? error.message : "unknown";
      run.view = { ...run.view, state: "failed", endedAt: this.#clock.now(), error: told };
    }
  }

  #forgetOld(): void {
    for (const [id, { view }] of this.#runs) {
      if (this.#runs.size < MOST_RUNS) return;
      if (view.endedAt !== undefined) this.#runs.delete(id);
    }
  }
}

/** Whoever sees everything sees all runs; others those that they began. */
function sees(principal: Principal, run: Run): boolean {
  return (principal.apis === undefined && !principal.bound) || principal.name === run.principal.name;
}
