import { memory } from "../adapters/store/memory/index.ts";
import type { ApiOptions } from "../api/api-options.ts";
import { checkDeadLetterOptions, LETTER_WEBHOOK_API, letterWebhookApi, type DeadLetterOptions } from "../api/letter-webhook-options.ts";
import { resolveApi } from "../api/resolve-api.ts";
import { durationMs, type Duration } from "../core/duration.ts";
import { ClosedError, ConfigError } from "../core/errors.ts";
import { refuseUnknown } from "../core/options.ts";
import { shown } from "../core/shown.ts";
import type { AnyPipelineDefinition, PipelineDefinition, PipelineResults, StepTypes } from "../durable/pipeline/definition.ts";
import type { Pipeline } from "../durable/pipeline/pipeline.ts";
import type { WorkerOptions } from "../engine/worker-options.ts";
import type { WorkFunction } from "../engine/function-work.ts";
import { LaneRegistry } from "../engine/lane-registry.ts";
import { EVENTS, type EventListener, type EventName } from "../ports/events.ts";
import type { LaneKey } from "../ports/operation-store.ts";
import type { CoordinatorFactory } from "../ports/coordinator.ts";
import { LaneSharing } from "../engine/sharing/lane-sharing.ts";
import { openCoordinator } from "./coordinator.ts";
import type { StoreFactory } from "../ports/store.ts";
import type { Measures } from "../ports/measures.ts";
import type { Tracer } from "../ports/tracer.ts";
import type { Transport } from "../ports/transport.ts";
import type { AdviceReport } from "../signals/advice/advice.ts";
import { CALLBACK_API, checkCallbacks, type CallbackOptions } from "../api/callback-options.ts";
import { resolveAlertOptions, type AlertOptions } from "./alert-options.ts";
import { AlertDoor, ALERTS_API, type Alerts } from "./alerts.ts";
import { CallDoor, type CallOptions } from "./call-door.ts";
import { Callbacks } from "./callbacks.ts";
import { DeadLetters } from "./dead-letters.ts";
import type { SyncDefinition } from "../durable/sync/definition.ts";
import { Engine, type OpenApi } from "./engine.ts";
import { ownRuntime, type Environment } from "./environment.ts";
import { checkFetchOptions, FetchDoor, type FetchOptions } from "./fetch-door.ts";
import type { History } from "./history.ts";
import { laneStatusOf, type LaneStatus } from "./lane-status.ts";
import { LetterWebhook } from "./letter-webhook.ts";
import { LimitOverrides } from "./limit-overrides.ts";
import { OpenApis, resolveApis, type ApiChanges } from "./open-apis.ts";
import type { Operation } from "./operation.ts";
import { checkEnvironment, checkFunction } from "./options.ts";
import { Operations } from "./operations.ts";
import type { EnqueueOptions } from "./new-operation.ts";
import { impact, type ImpactOptions, type ImpactReport } from "./impact.ts";
import { InboxDoor } from "./inbox-door.ts";
import type { InboxOptions } from "./inbox-options.ts";
import { LocalApis } from "./local-apis.ts";
import { PipelineDoor, type PipelineHandleOptions } from "./pipeline-door.ts";
import { Pipelines } from "./pipelines.ts";
import { operationsOf, QueueDoor } from "./queue-door.ts";
import { SyncDoor, type Sync } from "./sync-door.ts";
import { Syncs } from "./syncs.ts";
import { openRecords } from "./records.ts";
import { runTask, type TaskOptions } from "./task.ts";

/** What an engine is made of. */
export interface HoldfastOptions<Name extends string = string> extends Environment {
  /** The APIs, by the name that calls use. */
  readonly apis: Readonly<Record<Name, ApiOptions>>;
  /** Where what must outlive a call is kept. @default in this process, and gone with it */
  readonly store?: StoreFactory;
  /** Counts what `metrics()` tells. @default false */
  readonly metrics?: boolean;
  /**
   * Keeps what happened in the last day in the store, so that any process over it can show it: a small document every ten seconds in
   * which something happens; and every minute the counts of a week that `advice()` is drawn from.
   * @default true where there is a store
   */
  readonly history?: boolean;
  /** What is done about dead letters as they come. @default they are kept */
  readonly deadLetters?: DeadLetterOptions;
  /**
   * What makes the lanes of several processes one: they keep each rate limit together, and hear of each other's breakers. `"store"`:
   * the store, which they share anyway.
   * @default each process for itself
   */
  readonly coordinator?: "store" | CoordinatorFactory;
  /** How the queue's worker works; it starts with the first `enqueue` or `work`. */
  readonly worker?: WorkerOptions;
  /** Pipelines whose dead letters can be replayed here; `hf.pipeline()` adds its own. */
  readonly pipelines?: readonly AnyPipelineDefinition[];
  /**
   * How the ends of operations are told to the URLs that they name as their `callback`. `transport` carries them, where who names the
   * URLs is not to be trusted. @default none: an operation with a callback is refused
   */
  readonly callbacks?: CallbackOptions & { readonly transport?: Transport };
  /** Watches the engine, and tells people when somebody is needed. @default nobody is told */
  readonly alerts?: AlertOptions;
  /** What carries requests: anything of the shape of `fetch`. It must not retry by itself. @default the built-in fetch */
  readonly transport?: Transport;
}

/** One engine: it knows the health and the limits of every API that was defined for it. */
export interface Holdfast<Name extends string = string> {
  /**
   * A drop-in `fetch` for one API. It retries what is safe, waits where the limits ask for it, and gives the answer as it came;
   * `explain(response)` tells what was done. Hand it to an SDK, with the SDK's own retries off.
   */
  fetch(api: Name, options?: FetchOptions): typeof globalThis.fetch;
  /** Any function under the policies of an API. */
  call<Value>(api: Name, options: CallOptions<Value>, fn: WorkFunction<Value>): Promise<Value>;
  /**
   * Puts work on disk that outlives this process; resolves when it is there. A worker of this or another process over the same
   * store does it, under all policies of its API, until it has succeeded or is a dead letter.
   */
  enqueue(api: Name, endpoint: string, options?: EnqueueOptions): Promise<Operation>;
  /** Starts the worker in this process, for what others have enqueued or an earlier process left. */
  work(): void;
  /** What was put into the queue. */
  readonly operations: Operations;
  /** Opens what `defineSync` describes: a run reads what is new and moves a watermark that never passes what is not done. */
  sync(definition: SyncDefinition): Sync;
  /** How far the syncs of this store have come, for people. */
  readonly syncs: Syncs;
  /** A pipeline over this engine's APIs and store. @throws ConfigError for one that cannot work, by the path of what is wrong */
  pipeline<Input, Steps extends StepTypes>(
    definition: PipelineDefinition<Input, Steps, string>,
    options?: PipelineHandleOptions,
  ): Pipeline<Input, PipelineResults<Steps>>;
  /** The runs of this store's pipelines, for people. */
  readonly pipelines: Pipelines;
  /**
   * Opens an inbox for the webhooks of one sender: an HTTP endpoint that verifies them, takes each event once, and answers 2xx when what
   * is to be done about it is durable.
   */
  inbox(options: InboxOptions): (request: Request) => Promise<Response>;
  /** Runs `fn` so that all calls inside share one retry budget and one deadline. */
  task<Value>(options: TaskOptions, fn: () => Promise<Value>): Promise<Value>;
  /** What failed and was kept. */
  readonly deadLetters: DeadLetters;
  /** What fires now, and silences. There is none without the option `alerts`. */
  readonly alerts: Alerts | undefined;
  /**
   * Everything that is counted, in the text format of Prometheus (`text/plain; version=0.0.4`); docs/reference/metrics.md lists it.
   * @throws ConfigError where `metrics: true` was not asked for.
   */
  metrics(): Promise<string>;
  /** The same as data, for those who export it in another form; undefined without `metrics: true`. */
  readonly measures: Measures | undefined;
  /** Has somebody carry the context of traces, until the returned function is called; `openTelemetry` of `holdfast/signals` does. */
  trace(tracer: Tracer): () => void;
  /** Whom failures and waits concern, by a label: "41 leads of campaign q4 wait on crm since 14:02; 3 need a person". */
  impact(options: ImpactOptions): Promise<ImpactReport>;
  /** What happened in the last day, over all processes that share the store. There is none without a store, or with `history: false`. */
  readonly history: History | undefined;
  /** Rules to add, limits and times to set, each with what was seen and the line to paste. See `docs/guide/advice.md`. */
  advice(): Promise<AdviceReport>;
  /** The lanes that calls have gone through so far, with their state. */
  lanes(): readonly LaneStatus[];
  /** Limits that an operator sets at run time, for a while. */
  readonly limits: LimitOverrides;
  /**
   * Other definitions of the APIs from now on, as after a change of a config file. Calls under way end by the old ones; what lanes know
   * (open breakers, used buckets, who waits) stays. A mistake leaves everything as it is.
   *
   * @throws ConfigError that names the option by its path.
   */
  replaceApis(apis: Readonly<Record<string, ApiOptions>>): ApiChanges;
  /**
   * An operator holds the breaker of a lane open or closed, for so long or until `auto` gives it back to its own judgement.
   * @throws UnknownApiError, ConfigError where the API has no breaker
   */
  holdBreaker(lane: LaneKey, as: "open" | "closed" | "auto", options?: { readonly for?: Duration }): void;
  /** Listens to an event until the returned function is called. A listener cannot break a call. */
  on<Event extends EventName>(event: Event, listener: EventListener<Event>): () => void;
  /**
   * Ends the worker and closes the store. What is under way gets `grace` (default 10 s) to end; then it is aborted, and handed
   * back where that is safe. Calls that come later are refused.
   */
  close(options?: { readonly grace?: Duration }): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Opens an engine over the APIs of a program.
 *
 * @throws ConfigError that names a wrong option by its path; StoreError when the store cannot be opened.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { createHoldfast, defineApi } from "holdfast";
 *
 * const transport = async () => Response.json({ id: 7 }, { status: 201 });
 * const hf = await createHoldfast({ apis: { crm: defineApi({ baseUrl: "https://api.example.com", profile: "crm" }) }, transport });
 * const response = await hf.fetch("crm")("/contacts", { method: "POST", body: JSON.stringify({ email: "ada@example.com" }) });
 * assert.equal((await response.json()).id, 7);
 * await hf.close();
 * ```
 */
export async function createHoldfast<Name extends string>(options: HoldfastOptions<Name>): Promise<Holdfast<Name>> {
  return (await openHoldfast(options)).hf;
}

/** An engine with what stands behind its face. For the gateway, which has requests that are no `Request`. */
export interface OpenHoldfast<Name extends string = string> {
  readonly hf: Holdfast<Name>;
  readonly engine: Engine;
  knows(name: string): boolean;
  /** @throws UnknownApiError */
  find(name: string): OpenApi;
}

/** As {@link createHoldfast}. */
export async function openHoldfast<Name extends string>(options: HoldfastOptions<Name>): Promise<OpenHoldfast<Name>> {
  checkOptions(options);
  const alertOptions = options.alerts === undefined ? undefined : resolveAlertOptions(options.alerts);
  const runtime = ownRuntime(options);
  const definitions = resolveApis(options.apis);
  const forgetful = await memory()();
  const store = options.store === undefined ? forgetful : await options.store();
  const coordinator = await openCoordinator(options.coordinator, store);
  const sharing = coordinator === undefined ? undefined : new LaneSharing(coordinator, runtime);
  const apis = new OpenApis(definitions, runtime, sharing);
  const overrides = new LimitOverrides(apis, runtime);
  const locals = new LocalApis(runtime);
  const outer: Transport = options.transport ?? ((input, init) => globalThis.fetch(input, init));
  const engine = new Engine({
    runtime,
    store,
    forgetful: forgetful.idempotency,
    transport: locals.over(outer),
    resultOf: (id, signal) => queueDoor().result(id, signal),
  });
  const calls = new CallDoor(engine);

  let queue: QueueDoor | undefined;
  const queueDoor = (): QueueDoor => (queue ??= new QueueDoor(engine, operationsOf(store), (name) => apis.get(name), options.worker ?? {}));
  const fetchOf = (name: string, fetchOptions: FetchOptions = {}): typeof globalThis.fetch => {
    checkFetchOptions(fetchOptions);
    const door = new FetchDoor(engine, apis.find(name), fetchOptions);
    return (input, init) => door.fetch(input, init ?? {});
  };
  const syncs = new SyncDoor(engine, locals, apis, fetchOf);
  const pipelines = new PipelineDoor(engine, (name) => apis.get(name));
  pipelines.addAll(options.pipelines ?? []);
  const records = await openRecords(options, engine, apis);
  const webhook = options.deadLetters?.webhook;
  if (webhook !== undefined) {
    const api = resolveApi(LETTER_WEBHOOK_API, letterWebhookApi(webhook));
    const letters = new LetterWebhook(engine, {
      store: operationsOf(store),
      options: webhook,
      endpoint: api.endpoints.of("POST", "/"),
      accepted: (operation) => queueDoor().worker.enqueued(operation, operation.dueAt),
    });
    apis.add(LETTER_WEBHOOK_API, {
      api,
      lanes: new LaneRegistry(LETTER_WEBHOOK_API, api, runtime),
      sign: letters.sign,
      mayGo: (operation) => letters.mayGo(operation),
    });
    engine.announce = (letter) => letters.announce(letter);
    // What an earlier process had to tell is told by this one.
    queueDoor().worker.start();
  }
  if (options.callbacks !== undefined) {
    const callbacks = new Callbacks(engine, {
      store: operationsOf(store),
      options: options.callbacks,
      transport: options.callbacks.transport,
      accepted: (operation) => queueDoor().worker.enqueued(operation, operation.dueAt),
    });
    apis.add(CALLBACK_API, callbacks.open);
    engine.announceEnd = (operation, claim, ended) => callbacks.announce(operation, claim, ended);
  }
  const inboxes = new InboxDoor(engine, locals, apis, queueDoor);
  const alerts =
    alertOptions === undefined
      ? undefined
      : new AlertDoor({
          engine,
          locals,
          options: alertOptions,
          transport: outer,
          register: (api) => apis.add(ALERTS_API, api),
          enqueue: (endpoint, notice, key) => queueDoor().enqueue(apis.find(ALERTS_API), endpoint, { json: notice, key }),
        });
  if (alerts !== undefined) {
    await alerts.start();
    // What an earlier process had to tell is told by this one.
    queueDoor().worker.start();
  }
  const close = async (closeOptions: { readonly grace?: Duration } = {}): Promise<void> => {
    refuseUnknown(closeOptions, ["grace"], "close");
    engine.refuseCalls();
    syncs.stop(new ClosedError());
    await alerts?.close();
    overrides.close();
    const graceMs = durationMs(closeOptions.grace ?? "10s", "close.grace");
    // What fails in this time can still be kept.
    await Promise.all([queue?.close(graceMs, new ClosedError()), pipelines.close(graceMs), engine.settled(graceMs)]);
    await records.close();
    await sharing?.close();
    await coordinator?.close?.();
    await engine.close();
  };
  const hf: Holdfast<Name> = {
    fetch: fetchOf,
    call(name, callOptions, fn) {
      const open = apis.get(name);
      return open === undefined ? Promise.reject(apis.unknown(name)) : calls.call(open, callOptions, fn);
    },
    enqueue(name, endpoint, enqueueOptions = {}) {
      try {
        return queueDoor().enqueue(apis.find(name), endpoint, enqueueOptions);
      } catch (error) {
        return Promise.reject(error);
      }
    },
    work() {
      engine.assertOpen();
      queueDoor().worker.start(true);
    },
    operations: new Operations(engine, () => queueDoor()),
    sync: (definition) => syncs.open(definition),
    syncs: new Syncs(engine),
    pipeline: (definition, pipelineOptions = {}) => pipelines.handle(definition, pipelineOptions),
    pipelines: new Pipelines(pipelines),
    inbox: (inboxOptions) => inboxes.open(inboxOptions),
    task: (taskOptions, fn) => runTask(runtime, taskOptions, fn),
    deadLetters: new DeadLetters(engine, (name) => apis.get(name), pipelines),
    alerts,
    metrics: () => records.metrics(),
    measures: records.measures,
    trace: (tracer) => runtime.events.trace(tracer),
    impact: (impactOptions) => impact(engine, impactOptions),
    history: records.history,
    advice: () => records.advice(),
    lanes: () => apis.all().flatMap(({ lanes }) => lanes.all().map((lane) => laneStatusOf(lane, runtime.clock))),
    limits: overrides,
    replaceApis(definitions) {
      engine.assertOpen();
      checkApis(definitions);
      const changes = apis.replace(definitions);
      overrides.tidy();
      if (runtime.events.wants("apis:replaced")) runtime.events.emit("apis:replaced", changes);
      // What stood in the queue for an API that was not there may go now.
      queue?.worker.nudge();
      return changes;
    },
    holdBreaker({ api, endpoint, partition }, as, holdOptions = {}) {
      refuseUnknown(holdOptions, ["for"], "holdBreaker");
      const lane = apis.find(api).lanes.lane(endpoint, partition);
      if (lane.breaker === undefined) {
        throw new ConfigError({ path: `apis.${api}.breaker`, message: `apis.${api}.breaker is off, so there is none to hold` });
      }
      const forMs = holdOptions.for === undefined ? undefined : durationMs(holdOptions.for, "holdBreaker.for");
      lane.holdBreaker(as === "auto" ? undefined : as, forMs === undefined ? undefined : runtime.clock.monotonic() + forMs);
    },
    on(event, listener) {
      if (!Object.hasOwn(EVENTS, event)) {
        throw new ConfigError({
          path: "on.event",
          message: `there is no event ${shown(event)}; known are ${Object.keys(EVENTS).join(", ")}`,
        });
      }
      checkFunction(listener, "on.listener", "a function that is told of the event");
      return runtime.events.on(event, listener);
    },
    close,
    [Symbol.asyncDispose]: () => close(),
  };
  return { hf, engine, find: (name) => apis.find(name), knows: (name) => apis.has(name) };
}

const OPTIONS = [
  "apis",
  "store",
  "coordinator",
  "metrics",
  "history",
  "deadLetters",
  "callbacks",
  "worker",
  "pipelines",
  "alerts",
  "transport",
  "clock",
  "random",
] satisfies (keyof HoldfastOptions)[];

function checkOptions(options: HoldfastOptions): void {
  if (typeof options !== "object" || (options as unknown) === null) {
    throw new ConfigError({ path: "createHoldfast", message: `createHoldfast() takes an object of options, not ${shown(options)}` });
  }
  const stranger = Object.keys(options).find((name) => !(OPTIONS as readonly string[]).includes(name));
  if (stranger !== undefined) {
    throw new ConfigError({
      path: stranger,
      message: `${stranger} is not an option of createHoldfast(); known are ${OPTIONS.join(", ")}`,
    });
  }
  const { apis, store, metrics, deadLetters, callbacks, transport } = options;
  if (metrics !== undefined && typeof metrics !== "boolean") {
    throw new ConfigError({ path: "metrics", message: `metrics is ${shown(metrics)}; give true or false` });
  }
  if (options.history !== undefined && typeof options.history !== "boolean") {
    throw new ConfigError({ path: "history", message: `history is ${shown(options.history)}; give true or false` });
  }
  if (callbacks !== undefined) {
    checkCallbacks(callbacks, "callbacks", ["transport"]);
    if (callbacks.transport !== undefined) checkFunction(callbacks.transport, "callbacks.transport", "a function of the shape of fetch");
  }
  if (deadLetters !== undefined) checkDeadLetterOptions(deadLetters, "deadLetters");
  checkApis(apis);
  if (options.pipelines !== undefined && !Array.isArray(options.pipelines)) {
    throw new ConfigError({ path: "pipelines", message: `pipelines is ${shown(options.pipelines)}; give a list of definitions` });
  }
  if (store !== undefined) checkFunction(store, "store", 'what opens a store, such as sqlite("holdfast.db") or memory()');
  const { coordinator } = options;
  if (coordinator !== undefined && coordinator !== "store")
    checkFunction(coordinator, "coordinator", '"store", or what opens a coordinator, such as redis(client)');
  if (transport !== undefined) checkFunction(transport, "transport", "a function of the shape of fetch");
  checkEnvironment(options, OPTIONS, "createHoldfast");
}

function checkApis(apis: unknown): void {
  if (typeof apis === "object" && apis !== null && !Array.isArray(apis)) return;
  throw new ConfigError({
    path: "apis",
    message: `apis is ${shown(apis)}; give the APIs that are called, by name: { crm: defineApi({ baseUrl: … }) }`,
  });
}
