import { ClosedError, ConfigError, StoreError, UnknownApiError } from "../core/errors.ts";
import { refuseUnknown } from "../core/options.ts";
import { shown } from "../core/shown.ts";
import {
  specOf,
  type AnyPipelineDefinition,
  type PipelineDefinition,
  type PipelineResults,
  type StepTypes,
} from "../durable/pipeline/definition.ts";
import { Journal } from "../durable/pipeline/journal.ts";
import type { Pipeline } from "../durable/pipeline/pipeline.ts";
import { PipelineRunner, type PipelinePorts, type ReplayedStep, type StepReplay } from "../durable/pipeline/runner.ts";
import { planOf, type PipelinePlan } from "../durable/pipeline/plan.ts";
import { RunKeeper } from "../durable/pipeline/run-keeper.ts";
import type { StepLetter } from "../durable/pipeline/step-task.ts";
import { sleep } from "../ports/clock.ts";
import type { StepStore } from "../ports/step-store.ts";
import type { Store } from "../ports/store.ts";
import type { Engine, OpenApi } from "./engine.ts";
import { StepCalls } from "./step-call.ts";
import { stepPolicy } from "./step-policy.ts";

export interface PipelineHandleOptions {
  /**
   * Names whoever runs this pipeline, for programs of which there is certainly one, under a lock of theirs: a process of the same
   * name takes up the runs of the one before it at once, and does not wait until their leases are over.
   * @default every process is another
   */
  readonly holder?: string;
}

/** The pipelines of one engine. */
export class PipelineDoor {
  readonly #engine: Engine;
  readonly #find: (name: string) => OpenApi | undefined;
  readonly #closing = new AbortController();
  readonly #cut = new AbortController();
  readonly #known = new Map<string, AnyPipelineDefinition>();
  #ports: PipelinePorts | undefined = undefined;

  constructor(engine: Engine, find: (name: string) => OpenApi | undefined) {
    this.#engine = engine;
    this.#find = find;
  }

  /** Makes a pipeline known, so that its dead letters can be replayed. */
  add(definition: AnyPipelineDefinition, path: string): void {
    const { name } = specOf(definition, path);
    const known = this.#known.get(name);
    if (known !== undefined && known !== definition) {
      throw new ConfigError({ path, message: `${path} is another pipeline of the name ${name}; names are unique within an engine` });
    }
    this.#planOf(definition, path);
    this.#known.set(name, definition);
  }

  addAll(definitions: readonly AnyPipelineDefinition[]): void {
    for (const [index, definition] of definitions.entries()) this.add(definition, `pipelines[${index}]`);
  }

  get names(): readonly string[] {
    return [...this.#known.keys()];
  }

  /** Runs of all pipelines. @throws StoreError where the store keeps none */
  get store(): StepStore {
    return this.#portsOf().store;
  }

  byName(name: string): Pipeline<unknown, Readonly<Record<string, unknown>>> | undefined {
    const definition = this.#known.get(name);
    return definition === undefined
      ? undefined
      : new PipelineRunner(this.#planOf(definition, `pipelines.${name}`), this.#portsOf(), undefined);
  }

  /** The steps of one that is known here, in their order. */
  stepsOf(name: string): readonly { readonly name: string; readonly waiting: readonly string[] }[] | undefined {
    const definition = this.#known.get(name);
    return definition === undefined ? undefined : this.#planOf(definition, `pipelines.${name}`).steps;
  }

  /** Whether a step of one that is known here makes a request, which can be changed; others are functions. */
  requests(name: string, step: string): boolean {
    const definition = this.#known.get(name);
    const plan = definition === undefined ? undefined : this.#planOf(definition, `pipelines.${name}`);
    return plan?.steps.find((one) => one.name === step)?.options.run === undefined;
  }

  knows(name: string): boolean {
    return this.#known.has(name);
  }

  handle<Input, Steps extends StepTypes>(
    definition: PipelineDefinition<Input, Steps, string>,
    options: PipelineHandleOptions,
  ): Pipeline<Input, PipelineResults<Steps>> {
    refuseUnknown(options, ["holder"], "pipeline");
    const { holder } = options;
    if (holder !== undefined && !(typeof holder === "string" && holder !== "")) {
      throw new ConfigError({ path: "pipeline.holder", message: `pipeline.holder is ${shown(holder)}; give a text, or leave it out` });
    }
    this.add(definition, "pipeline");
    const runner: unknown = new PipelineRunner(this.#planOf(definition, "pipeline"), this.#portsOf(), holder);
    return runner as Pipeline<Input, PipelineResults<Steps>>;
  }

  /** Does the step of a dead letter again; its new failure goes to `keep`. */
  async replay(
    { pipeline, ...asked }: ReplayedStep & { readonly pipeline: string },
    keep: (letter: StepLetter) => Promise<void>,
  ): Promise<StepReplay> {
    const definition = this.#known.get(pipeline) as AnyPipelineDefinition;
    const runner = new PipelineRunner(this.#planOf(definition, `pipelines.${pipeline}`), this.#portsOf(), undefined);
    return await runner.replay(asked, keep);
  }

  /** Begins nothing more; what is under way has so long to come to the end of a step. */
  async close(graceMs: number): Promise<void> {
    this.#closing.abort(new ClosedError());
    if (this.#ports === undefined) return;
    const over = new AbortController();
    const late = sleep(this.#engine.runtime.clock, graceMs, over.signal).then(
      () => this.#cut.abort(new ClosedError()),
      () => undefined,
    );
    // Half a second more than the grace, for the last writes.
    await this.#engine.settled(graceMs + LAST_WRITES_MS);
    over.abort();
    await late;
  }

  #planOf(definition: AnyPipelineDefinition, path: string): PipelinePlan {
    const plan = planOf(definition, path);
    for (const version of plan.versions.values()) {
      for (const { name, options } of version.steps) {
        const at = `pipelines.${plan.spec.name}.steps.${name}.`;
        const open = options.api === undefined ? undefined : this.#find(options.api);
        if (options.api !== undefined && open === undefined) {
          const { message } = new UnknownApiError(options.api, []);
          throw new ConfigError({ path: `${at}api`, message: `${at}api: ${message.replace(/; defined are: none/, "")}` });
        }
        stepPolicy(options, open?.api.settings("").policy, at);
      }
    }
    return plan;
  }

  #portsOf(): PipelinePorts {
    return (this.#ports ??= this.#newPorts());
  }

  #newPorts(): PipelinePorts {
    const engine = this.#engine;
    const { runtime, store } = engine;
    const steps = stepsOf(store);
    return {
      runtime,
      store: steps,
      journal: new Journal(steps, runtime),
      keeper: new RunKeeper(steps, runtime),
      execute: new StepCalls(engine, this.#find).execute,
      keep: engine.keep,
      async letterState(id) {
        const letter = await store.deadLetters.get(id);
        if (letter === undefined) return "missing";
        return letter.state === "replaying" ? "open" : letter.state;
      },
      closing: this.#closing.signal,
      cut: this.#cut.signal,
      assertOpen: () => engine.assertOpen(),
      begun: () => engine.begun(),
      ended: engine.ended,
    };
  }
}

const LAST_WRITES_MS = 500;

function stepsOf({ name, steps }: Store): NonNullable<Store["steps"]> {
  if (steps === undefined) throw new StoreError(`the store ${name} keeps no runs of pipelines; use memory(), sqlite() or postgres()`);
  return steps;
}
