import { ClosedError, ConfigError } from "../../core/errors.ts";
import { refuseUnknown } from "../../core/options.ts";
import { shown } from "../../core/shown.ts";
import { uuidv7 } from "../../engine/uuid.ts";
import { sleep } from "../../ports/clock.ts";
import type { Page, PageRequest } from "../../ports/page.ts";
import type { OpenRun, RunFilter, RunView, StepStore } from "../../ports/step-store.ts";
import type { PipelineSpec } from "./definition.ts";
import { endedBefore, onlyStep } from "./ended-run.ts";
import { HeldRun } from "./held-run.ts";
import { runIdOf } from "./names.ts";
import type { Pipeline, PipelineEnd, PipelineProgress, PipelineReport, RunManyOptions } from "./pipeline.ts";
import { PipelineRun, type RunEnd, type RunParts, type RunPorts } from "./pipeline-run.ts";
import type { PipelinePlan } from "./plan.ts";
import { runAll } from "./run-all.ts";
import { RUN_LEASE_MS, type RunKeeper } from "./run-keeper.ts";
import type { StepLetter } from "./step-task.ts";

/** What all pipelines of an engine share. */
export interface PipelinePorts extends RunPorts {
  readonly store: StepStore;
  readonly keeper: RunKeeper;
  /** The engine closes: nothing more is begun. */
  readonly closing: AbortSignal;
  /** Its grace is over: what is under way is aborted. */
  readonly cut: AbortSignal;
  assertOpen(): void;
  begun(): void;
  ended(): void;
}

/** A run that is wanted: opened under its id, or found open. */
interface Wanted {
  readonly id: string;
  readonly subject: string;
  readonly input: string;
}

type Counts = { -readonly [Name in keyof PipelineProgress]: PipelineProgress[Name] } & { readonly steps: Record<string, number> };

type Opened =
  | { readonly state: "busy"; readonly leaseUntil: number }
  | { readonly state: "ended"; readonly view: RunView }
  | { readonly state: "held"; readonly view: RunView; readonly held: HeldRun };

/** A step whose dead letter is replayed. */
export interface ReplayedStep {
  readonly run: string;
  readonly step: string;
  /** It may have happened. */
  readonly inDoubt: boolean;
  /** It is sent all the same, where nobody can tell. */
  readonly confirm: boolean;
  /** Changes the JSON body that the step's request has. */
  readonly patch?: ((body: unknown) => unknown) | undefined;
}

/** How a replay of a step came out. */
export type StepReplay =
  | { readonly state: "done"; readonly because: string }
  | { readonly state: "failed" }
  /** Nothing was tried. */
  | { readonly state: "refused"; readonly because: string };

const MANY = ["concurrency", "signal", "onProgress"] satisfies (keyof RunManyOptions)[];
const DEFAULT_CONCURRENCY = 50;
/** A run that another process holds is looked at so often. */
const BUSY_LOOK_MS = 5_000;
const PAGE = 200;

/** Runs one pipeline. */
export class PipelineRunner implements Pipeline<unknown, Readonly<Record<string, unknown>>> {
  readonly #plan: PipelinePlan;
  readonly #ports: PipelinePorts;
  readonly #holder: string | undefined;
  /** Runs of this process, so that a second call joins the first. */
  readonly #active = new Map<string, Promise<PipelineEnd<Readonly<Record<string, unknown>>>>>();

  constructor(plan: PipelinePlan, ports: PipelinePorts, holder: string | undefined) {
    this.#plan = plan;
    this.#ports = ports;
    this.#holder = holder;
  }

  get name(): string {
    return this.#spec.name;
  }

  get version(): string {
    return this.#spec.version;
  }

  get steps(): readonly string[] {
    return this.#plan.steps.map(({ name }) => name);
  }

  get #spec(): PipelineSpec {
    return this.#plan.spec;
  }

  async run(input: unknown, options: { readonly signal?: AbortSignal } = {}): Promise<PipelineEnd<Readonly<Record<string, unknown>>>> {
    refuseUnknown(options, ["signal"], "run");
    const { signal } = options;
    signal?.throwIfAborted();
    const { runtime, closing } = this.#ports;
    const stop = signal === undefined ? closing : AbortSignal.any([closing, signal]);
    return await this.#once(this.#wanted(input), {
      stop,
      cut: signal === undefined ? this.#ports.cut : AbortSignal.any([this.#ports.cut, signal]),
      rest: (ms) => sleep(runtime.clock, ms, stop),
      onStep: undefined,
    });
  }

  async runAll(inputs: Iterable<unknown> | AsyncIterable<unknown>, options: RunManyOptions = {}): Promise<PipelineReport> {
    const plan = this.#plan;
    const wanted = (input: unknown): Wanted => this.#wanted(input);
    return await this.#many(map(inputs, wanted), plan, checkedMany(options, "runAll"));
  }

  async resume(options: RunManyOptions = {}): Promise<PipelineReport> {
    return await this.#many(this.#openRuns(), this.#plan, checkedMany(options, "resume"));
  }

  get(subject: string): Promise<RunView | undefined> {
    return this.#ports.store.get(runIdOf(this.name, subject));
  }

  list(filter: Omit<RunFilter, "pipeline"> = {}, page: Partial<PageRequest> = {}): Promise<Page<RunView>> {
    refuseUnknown(filter, ["subject", "state"], "list");
    return this.#ports.store.list({ ...filter, pipeline: this.name }, { limit: 50, ...page });
  }

  /** Does the step of a dead letter again, and goes on with its run. `keep` takes its new failure. */
  async replay({ run, step, inDoubt, confirm, patch }: ReplayedStep, keep: (letter: StepLetter) => Promise<void>): Promise<StepReplay> {
    const { store, closing, cut, runtime } = this.#ports;
    const known = await store.get(run);
    if (known === undefined) return { state: "refused", because: `the run ${run} is not kept any more, and its results are gone with it` };
    const { id, subject, input } = known;
    let failed = false;
    const asked: Replay = {
      step,
      inDoubt,
      confirm,
      patch,
      keep: async (letter: StepLetter): Promise<void> => {
        failed = true;
        await keep(letter);
      },
    };
    const way: Way = { stop: closing, cut, rest: (ms) => sleep(runtime.clock, ms, closing), onStep: undefined };
    this.#ports.begun();
    try {
      if (known.state !== "open") return await this.#replayEnded(known, asked, way, () => failed);
      const opened = await this.#open({ id, subject, input });
      if (opened.state === "busy") return { state: "refused", because: `the run ${run} is under way in another process` };
      if (opened.state === "ended") return { state: "refused", because: `the run ${run} has just ended` };
      const end = await this.#carry(opened, way, asked);
      if (failed) return { state: "failed" };
      if (end.results[step] === undefined && !(step in end.results)) {
        const because = end.because ?? `the run ${run} could not go on: it was ${end.state === "lost" ? "taken over" : "stopped"}`;
        return { state: "refused", because };
      }
      const waits = end.parked.map((parked) => parked.step);
      const rest = end.state === "parked" ? `; ${waits.join(" and ")} of its run is a dead letter now` : `; its run has ${end.state}`;
      return { state: "done", because: `replayed${rest}` };
    } finally {
      this.#ports.ended();
    }
  }

  /** An optional step of a run that has ended: it is done for its effect, and changes nothing that the run gave. */
  async #replayEnded(view: RunView, replay: Replay, way: Way, hasFailed: () => boolean): Promise<StepReplay> {
    const { clock } = this.#ports.runtime;
    const held = new HeldRun(view.id, "", clock, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY);
    const only = { ...view, steps: view.steps.filter(({ step, state }) => state === "done" || step === replay.step) };
    const journal = { finish: async () => "applied", end: async () => "applied", release: async () => undefined } as const;
    const end = await new PipelineRun({
      plan: onlyStep(this.#planFor(view), replay.step),
      view: only,
      held,
      ports: { ...this.#ports, journal: journal as unknown as RunPorts["journal"] },
      ...way,
      onStep: () => undefined,
      replay,
    }).carry();
    if (hasFailed()) return { state: "failed" };
    return end.state === "stopped"
      ? { state: "refused", because: end.because ?? "it was stopped" }
      : { state: "done", because: "replayed" };
  }

  #wanted(input: unknown): Wanted {
    const subject = this.#spec.subject(input);
    const path = `pipelines.${this.name}.input`;
    let text: string | undefined;
    try {
      text = JSON.stringify(input);
    } catch (cause) {
      throw new ConfigError({
        path,
        message: `${path} has no JSON form: ${cause instanceof Error ? cause.message : String(cause)}`,
        cause,
      });
    }
    if (text === undefined) throw new ConfigError({ path, message: `${path} is ${shown(input)}, which has no JSON form` });
    return { id: runIdOf(this.name, subject), subject, input: text };
  }

  async *#openRuns(): AsyncGenerator<Wanted, void, undefined> {
    for (let after: string | null | undefined; after !== null;) {
      const page: Page<RunView> = await this.#ports.store.list(
        { pipeline: this.name, state: "open" },
        { limit: PAGE, ...(after === undefined ? {} : { after }) },
      );
      for (const { id, subject, input } of page.items) yield { id, subject, input };
      after = page.next;
    }
  }

  async #many(source: Iterable<Wanted> | AsyncIterable<Wanted>, plan: PipelinePlan, options: RunManyOptions): Promise<PipelineReport> {
    const { concurrency = DEFAULT_CONCURRENCY, signal, onProgress } = options;
    const { closing, cut, runtime } = this.#ports;
    this.#ports.assertOpen();
    const counts: Counts = {
      runs: 0,
      succeeded: 0,
      parked: 0,
      failed: 0,
      busy: 0,
      steps: Object.fromEntries(plan.steps.map(({ name }) => [name, 0])),
    };
    const tell = (): void => onProgress?.(counts);
    const onStep = (step: string): void => {
      counts.steps[step] = (counts.steps[step] ?? 0) + 1;
      tell();
    };
    const failed = new AbortController();
    const stop = AbortSignal.any([closing, failed.signal, ...(signal === undefined ? [] : [signal])]);
    const way = {
      stop,
      cut: signal === undefined ? cut : AbortSignal.any([cut, signal]),
      onStep,
    };
    await runAll(source, {
      concurrency,
      signal: stop,
      runtime,
      work: async (wanted, { rest }) => {
        counts.runs += 1;
        try {
          for (;;) {
            const end = await this.#once(wanted, { ...way, rest });
            if (end.state !== "busy") {
              counts[end.state] += 1;
              break;
            }
            counts.busy += 1;
            tell();
            await rest(Math.min(BUSY_LOOK_MS, end.retryAfterMs + 1)).finally(() => (counts.busy -= 1));
          }
        } catch (error) {
          failed.abort(error);
          throw error;
        }
        tell();
      },
    });
    const { runs, succeeded, parked, failed: died } = counts;
    return { runs, succeeded, parked, failed: died };
  }

  /** One run at a time for each subject in this process. */
  #once(wanted: Wanted, way: Way): Promise<PipelineEnd<Readonly<Record<string, unknown>>>> {
    const active = this.#active.get(wanted.id);
    if (active !== undefined) return active;
    const run = this.#run(wanted, way).finally(() => this.#active.delete(wanted.id));
    this.#active.set(wanted.id, run);
    return run;
  }

  async #run(wanted: Wanted, way: Way): Promise<PipelineEnd<Readonly<Record<string, unknown>>>> {
    this.#ports.begun();
    try {
      const opened = await this.#open(wanted);
      const run = wanted.id;
      if (opened.state === "busy") return { state: "busy", run, retryAfterMs: this.#waitFor(opened.leaseUntil) };
      if (opened.state === "ended") return endedBefore(opened.view, this.#planFor(opened.view), way.onStep);
      const { state, results, parked } = await this.#carry(opened, way, undefined);
      if (state === "lost") return { state: "busy", run, retryAfterMs: BUSY_LOOK_MS };
      if (state === "stopped") {
        this.#ports.closing.throwIfAborted();
        way.stop.throwIfAborted();
        throw new ClosedError();
      }
      return { state, run, results, parked };
    } finally {
      this.#ports.ended();
    }
  }

  #waitFor(leaseUntil: number): number {
    return Math.max(1, leaseUntil - this.#ports.runtime.clock.now());
  }

  async #open({ id, subject, input }: Wanted): Promise<Opened> {
    const { runtime, journal } = this.#ports;
    const { clock, random } = runtime;
    const token = this.#holder ?? uuidv7(clock.now(), random);
    const now = clock.now();
    const leaseUntil = now + RUN_LEASE_MS;
    const leaseEndsAt = clock.monotonic() + RUN_LEASE_MS;
    const request: OpenRun = { id, pipeline: this.name, version: this.version, subject, input, token, now, leaseUntil };
    const opened = await journal.open(request);
    if (opened.state === "busy") return opened;
    if (opened.state === "ended") return { state: "ended", view: opened.run };
    return { state: "held", view: opened.run, held: new HeldRun(id, token, clock, leaseUntil, leaseEndsAt) };
  }

  /** The steps under which the run was opened. */
  #planFor({ id, version }: RunView): PipelinePlan {
    const plan = this.#plan.versions.get(version);
    if (plan !== undefined) return plan;
    const path = `pipelines.${this.name}.earlier`;
    throw new ConfigError({
      path,
      message: `the run ${id} was opened under version ${shown(version)}, which is not known here; add that definition to ${path}, so that it can end on its own steps`,
    });
  }

  async #carry({ view, held }: Extract<Opened, { readonly state: "held" }>, way: Way, replay: Replay | undefined): Promise<RunEnd> {
    const { keeper, journal, runtime } = this.#ports;
    const { events, clock } = runtime;
    const startedAt = clock.monotonic();
    keeper.add(held);
    try {
      const run = new PipelineRun({
        plan: this.#planFor(view),
        view,
        held,
        ports: this.#ports,
        ...way,
        ...(replay === undefined ? {} : { replay }),
      });
      const { id, pipeline, subject } = view;
      const { labels } = run;
      if (events.wants("run:opened")) {
        const steps = view.steps.filter(({ state }) => state === "done").length;
        events.emit("run:opened", { pipeline, run: id, subject, steps, labels });
      }
      const end = await run.carry();
      if (events.wants("run:settled")) {
        events.emit("run:settled", { pipeline, run: id, subject, state: end.state, durationMs: clock.monotonic() - startedAt, labels });
      }
      return end;
    } catch (error) {
      await journal.release(held);
      throw error;
    } finally {
      keeper.delete(held);
    }
  }
}

interface Way {
  readonly stop: AbortSignal;
  readonly cut: AbortSignal;
  readonly rest: (ms: number) => Promise<void>;
  readonly onStep: ((step: string) => void) | undefined;
}

type Replay = NonNullable<RunParts["replay"]>;

async function* map<From, To>(
  source: Iterable<From> | AsyncIterable<From>,
  change: (item: From) => To,
): AsyncGenerator<To, void, undefined> {
  for await (const item of source) yield change(item);
}

function checkedMany(options: RunManyOptions, path: string): RunManyOptions {
  refuseUnknown(options, MANY, path);
  const { concurrency, onProgress } = options;
  if (concurrency !== undefined && !(Number.isInteger(concurrency) && concurrency >= 1)) {
    throw new ConfigError({
      path: `${path}.concurrency`,
      message: `${path}.concurrency is ${shown(concurrency)}; give a whole number of at least 1`,
    });
  }
  if (onProgress !== undefined && typeof onProgress !== "function") {
    throw new ConfigError({ path: `${path}.onProgress`, message: `${path}.onProgress is ${shown(onProgress)}; give a function` });
  }
  return options;
}
