import type { Because } from "../../core/decision.ts";
import { StoreError } from "../../core/errors.ts";
import type { Clock, TimerHandle } from "../../ports/clock.ts";
import type { RunView, StepStore, StepView } from "../../ports/step-store.ts";
import type { Store } from "../../ports/store.ts";
import type { GroupRef } from "./process-group.ts";

/** One attempt, as it is kept. */
export interface AttemptNote {
  readonly startedAt: number;
  readonly group?: GroupRef | undefined;
  readonly durationMs?: number;
  /** What came of it, in a clause. */
  readonly because?: string;
  readonly output?: string;
}

const LEASE_MS = 30_000;
const KEEP_MS = 90 * 86_400_000;
const PAGE = 100;

/** What a run of a command is listed under. */
export function pipelineOf(name: string): string {
  return `exec:${name}`;
}

/** Keeps the runs of one command in the store: that there is one at a time, each attempt, and how it ended. */
export class ExecBook {
  readonly #steps: StepStore;
  readonly #name: string;
  readonly #clock: Clock;
  readonly #run: string;
  #timer: TimerHandle | undefined = undefined;

  constructor(store: Store, name: string, run: string, clock: Clock) {
    if (store.steps === undefined) throw new StoreError(`the store ${store.name} keeps no runs; use sqlite() or postgres()`);
    this.#steps = store.steps;
    this.#name = name;
    this.#run = run;
    this.#clock = clock;
  }

  /** Takes the name for this run. Answers false where another has it. */
  async take(): Promise<boolean> {
    const [opened] = await this.#steps.open([this.#open(`exec-lock:${this.#name}`, "exec-lock", "{}")]);
    if (opened?.state !== "held") return false;
    this.#extendLater();
    return true;
  }

  /** Runs that nobody has ended: their holdfast vanished. */
  async vanished(): Promise<readonly RunView[]> {
    const { items } = await this.#steps.list({ pipeline: pipelineOf(this.#name), state: "open" }, { limit: PAGE });
    return items;
  }

  /** Ends a run of a process that is gone. */
  async close({ id, version, input }: RunView, because: Because, operation: string): Promise<void> {
    const now = this.#clock.now();
    const token = this.#run;
    // Whatever is left of its lease: we hold the name, so nobody is at work on it.
    const opened = await this.#steps.open([{ ...this.#open(id, pipelineOf(this.#name), input), version, now: now + LEASE_MS }]);
    if (opened[0]?.state !== "held") return;
    await this.#steps.finish([{ run: id, token, step: "vanished", state: "failed", because, operation, now }]);
    await this.#steps.end([{ run: id, token, state: "failed", now, keepUntil: now + KEEP_MS }]);
  }

  async begin(command: readonly string[]): Promise<void> {
    await this.#steps.open([this.#open(this.#run, pipelineOf(this.#name), JSON.stringify({ command }))]);
  }

  /** Notes an attempt: as parked while it is under way, then how it ended. */
  async attempt(attempt: number, state: "parked" | "done" | "failed", note: AttemptNote, because?: Because): Promise<void> {
    const step = `attempt ${attempt}`;
    const now = this.#clock.now();
    await this.#steps.finish([
      { run: this.#run, token: this.#run, step, state, result: JSON.stringify(note), now, ...(because === undefined ? {} : { because }) },
    ]);
  }

  async end(state: "succeeded" | "failed"): Promise<void> {
    const now = this.#clock.now();
    await this.#steps.end([{ run: this.#run, token: this.#run, state, now, keepUntil: now + KEEP_MS }]);
  }

  /** Lets go of the name. */
  async release(): Promise<void> {
    if (this.#timer !== undefined) this.#clock.clearTimer(this.#timer);
    await this.#steps.release([{ run: `exec-lock:${this.#name}`, token: this.#run }]);
    await this.#steps.sweep(this.#clock.now(), PAGE);
  }

  #open(id: string, pipeline: string, input: string): Parameters<StepStore["open"]>[0][number] {
    const now = this.#clock.now();
    return { id, pipeline, version: "1", subject: this.#name, input, token: this.#run, now, leaseUntil: now + LEASE_MS };
  }

  #extendLater(): void {
    this.#timer = this.#clock.setTimer(() => void this.#extend(), LEASE_MS / 3);
  }

  async #extend(): Promise<void> {
    const leaseUntil = this.#clock.now() + LEASE_MS;
    const token = this.#run;
    this.#extendLater();
    // A store that does not answer now has two more chances.
    await this.#steps
      .extend([
        { run: `exec-lock:${this.#name}`, token, leaseUntil },
        { run: this.#run, token, leaseUntil },
      ])
      .catch(() => undefined);
  }
}

/** An attempt as it was noted. */
export function noteOf({ result }: StepView): AttemptNote | undefined {
  return result === undefined ? undefined : (JSON.parse(result) as AttemptNote);
}
