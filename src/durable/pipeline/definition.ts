import { durationMs, type Duration } from "../../core/duration.ts";
import { ConfigError } from "../../core/errors.ts";
import { refuseUnknown } from "../../core/options.ts";
import { shown } from "../../core/shown.ts";
import type { RetryConfig } from "../../api/api-options.ts";
import type { Reconcile } from "../../api/reconcile.ts";
import type { Reconciled } from "../../engine/call.ts";
import type { TimeoutOptions } from "../../engine/call-policy.ts";

/** What the steps of a pipeline give, by name, and which steps are done before each. For the compiler only. */
export type StepTypes = Readonly<Record<string, { readonly value: unknown; readonly before: string }>>;

/** The results that a step after `After` can see: of these, and of all that come before them. */
export type ResultsBefore<Steps extends StepTypes, After extends string> = {
  readonly [Name in (After | Steps[After]["before"]) & keyof Steps]: Steps[Name]["value"];
};

/** The results of a whole run. */
export type PipelineResults<Steps extends StepTypes> = { readonly [Name in keyof Steps]: Steps[Name]["value"] };

/** What a step is given to work with. */
export interface StepContext<Input, Results> {
  readonly input: Input;
  /** What the steps before it gave, as it came out of JSON; `undefined` of an optional one that failed. */
  readonly results: Results;
  readonly subject: string;
  /** Id of the run: the same for the same pipeline and subject. */
  readonly run: string;
  /** Run and step: the idempotency key, the same at every attempt, restart and replay. */
  readonly key: string;
}

/** What a function step is given beside that. */
export interface StepAttempt<Input, Results> extends StepContext<Input, Results> {
  /** 1 for the first try. */
  readonly attempt: number;
  /** Ends with the attempt's timeout, or when the engine closes. */
  readonly signal: AbortSignal;
  /** Id of the operation (UUIDv7): the same at every attempt, restart and replay. */
  readonly operation: string;
}

/** One request, as data. */
export interface StepRequest {
  /** Method and path, such as `POST /contacts`; a query may follow. */
  readonly endpoint: string;
  /** A body, sent as JSON. */
  readonly json?: unknown;
  /** A body of another kind. Give `headers` its content type. */
  readonly body?: string | Uint8Array | URLSearchParams;
  /** Only headers that may be kept: no credential. */
  readonly headers?: Readonly<Record<string, string>>;
  /** The account or token that the other side counts by. */
  readonly partition?: string;
}

interface CommonStep<After extends string, Optional extends boolean> {
  /** Steps that must be done before. @default the step defined before it */
  readonly after?: readonly After[];
  /** Its failure parks only itself: what comes after it goes on without its result. @default false */
  readonly optional?: Optional;
  /** Over what the API says. */
  readonly retry?: RetryConfig;
  /** Over what the API says; a list escalates. The whole of a step has no limit: it is on disk, and may rest. */
  readonly timeout?: Pick<TimeoutOptions, "attempt">;
}

/** A step that is one HTTP request under all policies of its API. */
export interface RequestStep<Input, Results, Value, After extends string, Optional extends boolean> extends CommonStep<After, Optional> {
  /** Name of the API, as in `createHoldfast({ apis })`. */
  readonly api: string;
  readonly request: (context: StepContext<Input, Results>) => StepRequest;
  /** What is kept of the answer. It must have a JSON form. @default the answer's JSON, or its text */
  readonly result?: (response: Response, context: StepContext<Input, Results>) => Value | Promise<Value>;
  /** Asked when nobody knows whether the request happened. @default what the endpoint says */
  readonly reconcile?: Reconcile;
  readonly run?: never;
  readonly effects?: never;
}

/** A step that is a function: of an API under its policies, or local work without one. */
export interface FunctionStep<Input, Results, Value, After extends string, Optional extends boolean> extends CommonStep<After, Optional> {
  /** The API whose policies hold. Without one the function is tried once, unless `retry` says otherwise. */
  readonly api?: string;
  /** What it does may be repeated without harm (`read`), or only under its key (`write`). */
  readonly effects: "read" | "write";
  /** What it returns is kept, and must have a JSON form. */
  readonly run: (context: StepAttempt<Input, Results>) => Value | Promise<Value>;
  /** Asked when nobody knows whether the function's effect happened. */
  readonly reconcile?: (context: StepContext<Input, Results>) => Promise<Reconciled<Value>>;
  readonly request?: never;
  readonly result?: never;
}

export type StepOptions<Input, Results, Value, After extends string, Optional extends boolean> =
  RequestStep<Input, Results, Value, After, Optional> | FunctionStep<Input, Results, Value, After, Optional>;

export interface PipelineOptions<Input> {
  /** Whom a run is about: two inputs with the same subject are the same run. @default the input, where that is a text */
  readonly subject?: (input: Input) => string;
  /** Of the steps. Give it a new one when they change: runs that were opened under another end under that. @default "1" */
  readonly version?: string;
  /** The pipeline as it was under earlier versions, so that their open runs can end. */
  readonly earlier?: readonly AnyPipelineDefinition[];
  /** For whoever looks for it later: they travel with every step, its dead letter and its events. */
  readonly labels?: (input: Input) => Readonly<Record<string, string>>;
  /** How long runs that have ended are kept, and so not done again. @default "7d" */
  readonly keep?: Duration;
}

declare const types: unique symbol;

/** Any pipeline, whatever goes in and comes out. */
export interface AnyPipelineDefinition {
  readonly name: string;
  readonly version: string;
}

/** Steps over one subject. Immutable: each `step` gives a new definition. */
export interface PipelineDefinition<Input, Steps extends StepTypes = {}, Last extends string = never> extends AnyPipelineDefinition {
  /** What goes in and comes out; there is no such property at run time. */
  readonly [types]?: { readonly input: Input; readonly steps: Steps };
  /** Adds a step. Without `after` it follows the one before it. @throws ConfigError for options that make no sense. */
  step<Name extends string, Value, const After extends keyof Steps & string = Last, const Optional extends boolean = false>(
    name: Name extends keyof Steps ? never : Name,
    options: StepOptions<Input, ResultsBefore<Steps, After>, Value, After, Optional>,
  ): PipelineDefinition<
    Input,
    Steps & {
      readonly [New in Name]: {
        readonly value: Optional extends true ? Value | undefined : Value;
        readonly before: After | Steps[After]["before"];
      };
    },
    Name
  >;
}

/** A step as the runner reads it: types have done their work. */
export interface StepSpec {
  readonly name: string;
  readonly options: StepOptions<unknown, never, unknown, string, boolean>;
}

/** What a definition is made of. */
export interface PipelineSpec {
  readonly name: string;
  readonly version: string;
  readonly subject: (input: unknown) => string;
  readonly labels: (input: unknown) => Readonly<Record<string, string>>;
  readonly keepMs: number;
  readonly earlier: readonly AnyPipelineDefinition[];
  readonly steps: readonly StepSpec[];
}

const specs = new WeakMap<object, PipelineSpec>();

/**
 * Describes a pipeline: named steps over one subject, each done once, with its result kept when it is done. `createHoldfast()`
 * runs it: `hf.pipeline(definition).run(subject)`.
 *
 * @throws ConfigError that names a wrong option by its path.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { createHoldfast, definePipeline } from "holdfast";
 *
 * const greeting = definePipeline("greeting")
 *   .step("words", { effects: "read", run: ({ input }) => ["hello", input] })
 *   .step("text", { effects: "read", run: ({ results }) => results.words.join(" ") });
 *
 * const hf = await createHoldfast({ apis: {} });
 * const end = await hf.pipeline(greeting).run("Ada");
 * assert.equal(end.state, "succeeded");
 * assert.equal(end.results.text, "hello Ada");
 * await hf.close();
 * ```
 */
export function definePipeline<Input = string>(
  name: string,
  ...[options]: Input extends string
    ? [options?: PipelineOptions<Input>]
    : [options: PipelineOptions<Input> & { readonly subject: (input: Input) => string }]
): PipelineDefinition<Input> {
  return built(checkedSpec(name, (options ?? {}) as PipelineOptions<unknown>)) as PipelineDefinition<Input>;
}

/** What a definition is made of. @throws ConfigError for what was not made by {@link definePipeline} */
export function specOf(definition: AnyPipelineDefinition, path: string): PipelineSpec {
  const spec = typeof definition === "object" && (definition as unknown) !== null ? specs.get(definition) : undefined;
  if (spec === undefined) {
    throw new ConfigError({ path, message: `${path} is ${shown(definition)}; give what definePipeline() made` });
  }
  return spec;
}

function built(spec: PipelineSpec): AnyPipelineDefinition {
  const definition = {
    name: spec.name,
    version: spec.version,
    step(name: string, options: StepSpec["options"]): AnyPipelineDefinition {
      return built({ ...spec, steps: [...spec.steps, checkedStep(spec, name, options)] });
    },
  };
  specs.set(definition, spec);
  return Object.freeze(definition);
}

const OPTIONS = ["subject", "version", "earlier", "labels", "keep"] satisfies (keyof PipelineOptions<unknown>)[];
/** Names go into keys, labels and file names. */
const NAME = /^[A-Za-z0-9][\w.-]{0,63}$/;

function checkName(name: unknown, path: string): void {
  if (typeof name !== "string" || !NAME.test(name)) {
    throw new ConfigError({
      path,
      message: `${path} is ${shown(name)}; give a name of letters, digits, "_", "." and "-", at most 64 of them`,
    });
  }
}

function checkedSpec(name: string, options: PipelineOptions<unknown>): PipelineSpec {
  checkName(name, "pipeline.name");
  const path = `pipelines.${name}`;
  refuseUnknown(options, OPTIONS, path);
  const { subject, version = "1", earlier = [], labels } = options;
  checkName(version, `${path}.version`);
  for (const [option, value] of Object.entries({ subject, labels })) {
    if (value !== undefined && typeof value !== "function") {
      throw new ConfigError({ path: `${path}.${option}`, message: `${path}.${option} is ${shown(value)}; give a function of the input` });
    }
  }
  if (!Array.isArray(earlier)) {
    throw new ConfigError({ path: `${path}.earlier`, message: `${path}.earlier is ${shown(earlier)}; give a list of definitions` });
  }
  const versions = [version];
  for (const [index, one] of (earlier as readonly AnyPipelineDefinition[]).entries()) {
    const at = `${path}.earlier[${index}]`;
    const spec = specOf(one, at);
    if (spec.name !== name) {
      throw new ConfigError({ path: at, message: `${at} is a version of the pipeline ${spec.name}, not of ${name}` });
    }
    if (versions.includes(spec.version)) {
      throw new ConfigError({ path: at, message: `${at} has the version ${shown(spec.version)}, which is taken; each has one of its own` });
    }
    versions.push(spec.version);
  }
  return {
    name,
    version,
    subject: (input) => subjectOf(subject === undefined ? input : subject(input), path),
    labels: labels ?? (() => ({})),
    keepMs: durationMs(options.keep ?? "7d", `${path}.keep`),
    earlier,
    steps: [],
  };
}

function subjectOf(subject: unknown, path: string): string {
  if (typeof subject === "string" && subject !== "") return subject;
  throw new ConfigError({
    path: `${path}.subject`,
    message: `${path}.subject gives ${shown(subject)}; give a text that is the same for the same subject, such as its id`,
  });
}

const COMMON = ["api", "after", "optional", "retry", "timeout", "reconcile"];
const OF_REQUESTS = [...COMMON, "request", "result"];
const OF_FUNCTIONS = [...COMMON, "run", "effects"];

function checkedStep(pipeline: PipelineSpec, name: string, options: StepSpec["options"]): StepSpec {
  const at = `pipelines.${pipeline.name}.steps`;
  checkName(name, at);
  const path = `${at}.${name}`;
  const refuse = (option: string, problem: string): never => {
    throw new ConfigError({ path: `${path}.${option}`, message: `${path}.${option} ${problem}` });
  };
  if (pipeline.steps.some((step) => step.name === name)) {
    throw new ConfigError({ path, message: `${path} is defined twice; give the second step another name` });
  }
  const isFunction = typeof (options as { readonly run?: unknown } | null)?.run === "function";
  refuseUnknown(options, isFunction ? OF_FUNCTIONS : OF_REQUESTS, path);
  if (options.retry !== undefined) refuseUnknown(options.retry, ["maxAttempts", "backoff"], `${path}.retry`);
  if (options.timeout !== undefined) refuseUnknown(options.timeout, ["attempt"], `${path}.timeout`);
  const { api, after, optional, effects, request, result, reconcile } = options;
  if (!isFunction && typeof request !== "function") {
    throw new ConfigError({ path, message: `${path} has neither a request nor a run; give one of them, a function` });
  }
  if (isFunction && effects !== "read" && effects !== "write") {
    refuse("effects", `is ${shown(effects)}; say "read" or "write", since a write must not be repeated blindly`);
  }
  if (isFunction ? api !== undefined && typeof api !== "string" : typeof api !== "string") {
    refuse("api", `is ${shown(api)}; give the name of an API`);
  }
  if (after !== undefined && !(Array.isArray(after) && after.every((one) => typeof one === "string"))) {
    refuse("after", `is ${shown(after)}; give a list of names of steps`);
  }
  if (optional !== undefined && typeof optional !== "boolean") refuse("optional", `is ${shown(optional)}; give true or false`);
  for (const [option, value] of Object.entries({ result, reconcile })) {
    if (value !== undefined && typeof value !== "function") refuse(option, `is ${shown(value)}; give a function`);
  }
  if (reconcile !== undefined && effects === "read") refuse("reconcile", `has no effect with effects: "read"; leave it out`);
  return { name, options };
}
