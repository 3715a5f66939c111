import type { Because } from "../../core/decision.ts";
import { ConfigError } from "../../core/errors.ts";
import type { Keep } from "../../engine/call.ts";
import type { Runtime } from "../../engine/runtime.ts";
import type { RunView, StepView } from "../../ports/step-store.ts";
import type { HeldRun } from "./held-run.ts";
import type { Journal } from "./journal.ts";
import { subjectLabels } from "./labels.ts";
import { stepKeyOf, stepOperationOf } from "./names.ts";
import type { PipelinePlan, PlannedStep } from "./plan.ts";
import type { ExecuteStep, StepEnd, StepLetter } from "./step-task.ts";

/** A step that is a dead letter. */
export interface ParkedStep {
  readonly step: string;
  readonly because: Because | undefined;
  /** Id of the dead letter; replaying it goes on with the run. */
  readonly deadLetter: string;
  /** The steps that wait for it. */
  readonly waiting: readonly string[];
}

export interface RunEnd {
  readonly state: "succeeded" | "parked" | "failed" | "lost" | "stopped";
  readonly results: Readonly<Record<string, unknown>>;
  readonly parked: readonly ParkedStep[];
  /** Why it was stopped, where somebody has said so. */
  readonly because: string | undefined;
}

/** What a dead letter's state says to the run that it belongs to. */
export type LetterState = "open" | "resolved" | "discarded" | "missing";

export interface RunPorts {
  readonly runtime: Runtime;
  readonly journal: Journal;
  readonly execute: ExecuteStep;
  readonly keep: Keep;
  letterState(id: string): Promise<LetterState>;
}

export interface RunParts {
  readonly plan: PipelinePlan;
  readonly view: RunView;
  readonly held: HeldRun;
  readonly ports: RunPorts;
  readonly stop: AbortSignal;
  readonly cut: AbortSignal;
  readonly rest: (ms: number) => Promise<void>;
  /** Told of each step that is done, or was before. */
  readonly onStep: ((step: string) => void) | undefined;
  /** A dead letter of this run is replayed: its step is done whatever became of it before, and its failure goes there. */
  readonly replay?: {
    readonly step: string;
    readonly keep: (letter: StepLetter) => Promise<void>;
    readonly inDoubt: boolean;
    readonly confirm: boolean;
    readonly patch: ((body: unknown) => unknown) | undefined;
  };
}

/**
 * One run of a pipeline, from where it stands to where it can get.
 *
 * A step is `ready` when all before it are done, or were optional and failed. It ends `done`, with its result in the same
 * write; or `parked`, with a dead letter that carries on with it. What may have been sent and must not be repeated blindly is
 * written down before it is sent, as parked without a dead letter: whoever finds that knows that it is in doubt.
 */
export class PipelineRun {
  readonly #parts: RunParts;
  readonly #input: unknown;
  readonly #labels: Readonly<Record<string, string>>;
  readonly #results: Record<string, unknown> = {};
  readonly #open: Set<PlannedStep>;
  readonly #settled = new Set<number>();
  readonly #parked = new Map<string, ParkedStep>();
  readonly #inDoubt = new Set<string>();
  /** Steps that are written down as parked, so that they need not be marked again. */
  readonly #marked = new Set<string>();
  #halted: "lost" | "stopped" | undefined = undefined;
  #because: string | undefined = undefined;
  #failed = false;

  constructor(parts: RunParts) {
    this.#parts = parts;
    this.#input = JSON.parse(parts.view.input);
    this.#labels = subjectLabels(parts.plan.spec, this.#input);
    this.#open = new Set(parts.plan.steps);
  }

  get labels(): Readonly<Record<string, string>> {
    return this.#labels;
  }

  /** Takes the run as far as it goes now. What it holds is let go, or the run is ended. */
  async carry(): Promise<RunEnd> {
    const { held, ports, plan } = this.#parts;
    for (const view of this.#parts.view.steps) await this.#recall(view);
    if (!this.#failed) await this.#takeAll();
    if (this.#halted === "lost") return this.#end("lost");
    if (this.#halted === "stopped") {
      await ports.journal.release(held);
      return this.#end("stopped");
    }
    const blocked = this.#open.size > 0 || [...this.#parked.keys()].some((step) => plan.step.get(step)?.optional === false);
    if (!this.#failed && blocked) {
      await ports.journal.release(held);
      return this.#end("parked");
    }
    const state = this.#failed ? "failed" : "succeeded";
    return this.#end((await ports.journal.end(held, state, plan.spec.keepMs)) === "stale" ? "lost" : state);
  }

  #end(state: RunEnd["state"]): RunEnd {
    return { state, results: this.#results, parked: [...this.#parked.values()], because: this.#because };
  }

  /** Takes in what is written down of a step. */
  async #recall({ step: name, state, result, operation, because }: StepView): Promise<void> {
    const { plan, ports, view, replay } = this.#parts;
    const step = plan.step.get(name);
    if (step === undefined) {
      const path = `pipelines.${plan.spec.name}.version`;
      throw new ConfigError({
        path,
        message: `the run ${view.id} has a step ${name}, which version ${plan.spec.version} of ${plan.spec.name} does not have; give changed steps a new version, and the old ones under earlier`,
      });
    }
    if (state === "done") {
      this.#done(step, result);
      return;
    }
    if (state === "failed") {
      this.#failed = true;
      return;
    }
    this.#marked.add(name);
    if (replay?.step === name) {
      if (replay.inDoubt) this.#inDoubt.add(name);
      return;
    }
    // Without one it may have been kept in the moment in which its process ended.
    const letter = operation ?? stepOperationOf(stepKeyOf(view.id, name), view.openedAt);
    const found = await ports.letterState(letter);
    if (found === "open") this.#park(step, letter, because);
    else if (found === "resolved" || (found === "missing" && operation === undefined)) this.#inDoubt.add(name);
    // Somebody has given it up.
    else if (step.optional) this.#park(step, letter, because);
    else await this.#giveUp(step, letter, because);
  }

  async #giveUp(step: PlannedStep, letter: string, because: Because | undefined): Promise<void> {
    const { held, ports } = this.#parts;
    this.#failed = true;
    this.#park(step, letter, because);
    const written = await ports.journal.finish(held, {
      step: step.name,
      state: "failed",
      operation: letter,
      ...(because === undefined ? {} : { because }),
    });
    if (written === "stale") this.#lost();
  }

  async #takeAll(): Promise<void> {
    const active = new Set<Promise<void>>();
    try {
      for (;;) {
        if (this.#halted === undefined && this.#parts.stop.aborted && this.#ready().length > 0) this.#halted = "stopped";
        const ready = this.#halted === undefined ? this.#ready() : [];
        const [only, ...others] = ready;
        if (only === undefined && active.size === 0) return;
        if (only !== undefined && others.length === 0 && active.size === 0) {
          this.#open.delete(only);
          await this.#take(only);
          continue;
        }
        for (const step of ready) {
          this.#open.delete(step);
          const taken: Promise<void> = this.#take(step).finally(() => active.delete(taken));
          active.add(taken);
        }
        await Promise.race(active);
      }
    } finally {
      await Promise.allSettled(active);
    }
  }

  #ready(): readonly PlannedStep[] {
    const ready: PlannedStep[] = [];
    for (const step of this.#open) if (step.after.every((before) => this.#settled.has(before))) ready.push(step);
    return ready;
  }

  async #take(step: PlannedStep): Promise<void> {
    const { plan, view, held, ports, stop, cut, rest, replay } = this.#parts;
    const { clock, events } = ports.runtime;
    const { name } = step;
    const key = stepKeyOf(view.id, name);
    const operation = stepOperationOf(key, view.openedAt);
    const waiting = step.waiting.length === 0 ? {} : { waiting: step.waiting.join(",") };
    const labels = { ...this.#labels, pipeline: plan.spec.name, run: view.id, step: name, ...waiting };
    const startedAt = clock.monotonic();
    const end = await ports.execute({
      pipeline: plan.spec,
      step,
      context: { input: this.#input, results: this.#results, subject: view.subject, run: view.id, key },
      labels,
      operation,
      held,
      inDoubt: this.#inDoubt.has(name),
      insist: replay?.step === name && replay.confirm,
      replayed: replay?.step === name,
      patch: replay?.step === name ? replay.patch : undefined,
      stop,
      cut,
      mark: () => this.#mark(name),
      rest,
    });
    await this.#settle(step, operation, end);
    if (end.state !== "done" && end.state !== "dead") return;
    if (!events.wants("step:settled")) return;
    events.emit("step:settled", {
      pipeline: plan.spec.name,
      run: view.id,
      step: name,
      lane: end.lane,
      state: end.state === "done" ? "done" : "parked",
      durationMs: clock.monotonic() - startedAt,
      operation,
      labels,
    });
  }

  async #settle(step: PlannedStep, operation: string, end: StepEnd): Promise<void> {
    const { held, ports, replay } = this.#parts;
    const { name } = step;
    if (end.state === "lost" || end.state === "stopped") {
      // What is lost weighs more: nothing of it may be let go.
      if (end.state === "lost") this.#lost();
      else this.#because = end.because;
      this.#halted ??= end.state;
      return;
    }
    if (end.state === "done") {
      const result = end.json === undefined ? {} : { result: end.json };
      const written = await ports.journal.finish(held, { step: name, state: "done", ...result });
      if (written === "stale") this.#lost();
      else this.#done(step, end.json);
      return;
    }
    const { letter, verdict } = end.letter;
    if (replay?.step === name) {
      await replay.keep(end.letter);
    } else {
      // Known to be in doubt until the letter is there, so that none is written twice and none is missed.
      if (!(await this.#mark(name, letter.because))) return;
      await ports.keep(letter, verdict);
    }
    const written = await ports.journal.finish(held, { step: name, state: "parked", operation, because: letter.because });
    if (written === "stale") this.#lost();
    else this.#park(step, operation, letter.because);
  }

  async #mark(name: string, because: Because = SENDING): Promise<boolean> {
    if (this.#marked.has(name)) return true;
    const { held, ports } = this.#parts;
    const written = await ports.journal.finish(held, { step: name, state: "parked", because });
    if (written === "applied") this.#marked.add(name);
    else this.#lost();
    return written === "applied";
  }

  #lost(): void {
    this.#parts.held.lost();
    this.#halted = "lost";
  }

  #done(step: PlannedStep, json: string | undefined): void {
    this.#open.delete(step);
    this.#settled.add(step.index);
    this.#results[step.name] = json === undefined ? undefined : JSON.parse(json);
    this.#parts.onStep?.(step.name);
  }

  #park(step: PlannedStep, deadLetter: string, because: Because | undefined): void {
    this.#open.delete(step);
    this.#parked.set(step.name, { step: step.name, because, deadLetter, waiting: step.waiting });
    if (!step.optional) return;
    this.#settled.add(step.index);
    this.#results[step.name] = undefined;
  }
}

const SENDING: Because = Object.freeze({ code: "outcome-unknown", detail: "it was about to be tried when this was written" });
