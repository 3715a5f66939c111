import type { ResolvedApi, EndpointSettings } from "../api/resolve-api.ts";
import type { FunctionStep, StepAttempt, StepRequest } from "../durable/pipeline/definition.ts";
import type { StepTask } from "../durable/pipeline/step-task.ts";
import { Call, type CallDetails } from "../engine/call.ts";
import type { CallPolicy } from "../engine/call-policy.ts";
import { FunctionWork, type WorkFunction } from "../engine/function-work.ts";
import type { Lane } from "../engine/lane.ts";
import { PLAIN_CLASSIFIER } from "../policy/classify/classify.ts";
import type { StoredRequest } from "../ports/dead-letter-store.ts";
import { askOtherSide } from "./ask.ts";
import type { Engine, OpenApi } from "./engine.ts";
import { FetchDoor } from "./fetch-door.ts";
import type { HttpAnswer } from "./http-answer.ts";
import { isIdempotent, isRead, readRequest } from "./http-request.ts";
import { HttpWork, type HttpCall } from "./http-work.ts";
import { jsonOf } from "./new-operation.ts";
import { stepPolicy } from "./step-policy.ts";

/** What a step does, and how its answer becomes its result. */
interface TypedWork<Value, Payload> {
  readonly call: Call<Value, Payload>;
  readonly lane: Lane | undefined;
  /** Whether it must not be repeated blindly. */
  readonly blind: boolean;
  json(value: Value | undefined): Promise<string | undefined>;
  request(): Promise<StoredRequest | undefined>;
  discard(): void;
}

/** A step's work, whatever its kind. */
export type StepWork = TypedWork<unknown, unknown>;

/** Makes the call of a step from its definition: a request, or a function. */
export class StepWorks {
  readonly #engine: Engine;
  readonly #find: (name: string) => OpenApi | undefined;
  readonly #http: HttpWork;
  readonly #policies = new WeakMap<object, Map<CallPolicy | undefined, CallPolicy>>();

  constructor(engine: Engine, find: (name: string) => OpenApi | undefined) {
    this.#engine = engine;
    this.#find = find;
    this.#http = new HttpWork(engine);
  }

  /** @throws what the step's own `request` throws */
  async of(task: StepTask): Promise<StepWork> {
    const { options } = task.step;
    return options.run === undefined ? await this.#requestOf(task) : this.#functionOf(task, options);
  }

  async #requestOf(task: StepTask): Promise<TypedWork<HttpAnswer, HttpCall>> {
    const { options } = task.step;
    const { request: describe, result, reconcile: ownReconcile } = options as Extract<typeof options, { readonly request: unknown }>;
    const open = this.#find(options.api as string) as OpenApi;
    const { api } = open;
    const described = patchedRequest(describe(task.context as never), task.patch);
    const { method, path } = splitEndpoint(described.endpoint);
    const headers = new Headers(described.headers);
    if (described.json !== undefined && !headers.has("content-type")) headers.set("content-type", "application/json");
    const body = described.json === undefined ? described.body : jsonOf(described.json, "request.json");
    const request = await readRequest(api, path, { method, headers, ...(body === undefined ? {} : { body: body as BodyInit }) });
    const endpoint = api.endpoints.of(method, request.path);
    const settings = api.settings(endpoint);
    const key = isRead(method) ? undefined : task.context.key;
    const repeatable = settings.repeatable || isIdempotent(method) || (api.idempotency !== undefined && key !== undefined);
    const payload: HttpCall = {
      request,
      api,
      settings,
      endpoint,
      idempotencyKey: key,
      keyed: true,
      headers: request.headers,
      stillOurs: () => task.held.isOurs,
      ...(repeatable ? {} : { beforeSending: () => task.mark() }),
    };
    const partition = described.partition ?? "";
    const lane = open.lanes.lane(endpoint, partition);
    const reconcile = ownReconcile ?? settings.reconcile;
    const { credential } = api;
    const details: CallDetails<HttpAnswer> = {
      ...common(task, lane, api, settings),
      repeatable,
      keep: this.#engine.keep,
      refresh: credential === undefined ? undefined : () => this.#refresh(payload, partition),
      canRefresh: () => credential?.canReplace(payload.credential?.value) === true,
      reconcile:
        reconcile === undefined
          ? undefined
          : () => askOtherSide(reconcile, payload, task.operation, this.#fetchOf(open, partition, task.labels)),
      idempotencyKey: key,
    };
    const call = new Call(this.#engine.runtime, this.#policyOf(task, settings.policy), this.#http, payload, details);
    return {
      call,
      lane,
      blind: !repeatable,
      json: async (answer) => {
        const response = answer?.hand(false) ?? new Response(null, { status: 204 });
        const value = result === undefined ? await bodyOf(response) : await result(response, task.context as never);
        return jsonText(value);
      },
      request: () => this.#http.request(payload),
      discard: () => payload.answer?.discard(),
    };
  }

  #functionOf(
    task: StepTask,
    { api: name, effects, run, reconcile }: FunctionStep<unknown, never, unknown, string, boolean>,
  ): TypedWork<unknown, WorkFunction<unknown>> {
    const open = name === undefined ? undefined : (this.#find(name) as OpenApi);
    const { runtime } = this.#engine;
    const endpoint = task.step.name;
    const settings = open?.api.settings(endpoint);
    const honoured = open?.api.idempotency !== undefined;
    const repeatable = effects === "read" || settings?.repeatable === true || honoured;
    const lane = open?.lanes.lane(endpoint, "");
    const details: CallDetails<unknown> = {
      ...common(task, lane, open?.api, settings),
      repeatable,
      keep: this.#engine.keep,
      reconcile: reconcile === undefined ? undefined : async () => await reconcile(task.context as never),
      idempotencyKey: task.context.key,
      operationName: task.step.name,
    };
    const fn: WorkFunction<unknown> = async ({ attempt, signal, operation }) => {
      if (!repeatable && !(await task.mark())) throw new Error("another process has taken the run over; nothing was done");
      signal.throwIfAborted();
      const context: StepAttempt<unknown, never> = {
        ...(task.context as never as StepAttempt<unknown, never>),
        attempt,
        signal,
        operation,
      };
      return await run(context);
    };
    const work = new FunctionWork<unknown>(settings?.classifier ?? PLAIN_CLASSIFIER, runtime);
    return {
      call: new Call(runtime, this.#policyOf(task, settings?.policy), work, fn, details),
      lane,
      blind: !repeatable,
      json: async (value) => jsonText(value),
      request: async () => undefined,
      discard: () => undefined,
    };
  }

  #fetchOf(open: OpenApi, partition: string, labels: Readonly<Record<string, string>>): typeof globalThis.fetch {
    const door = new FetchDoor(this.#engine, open, { partition, labels });
    return (input, init) => door.fetch(input, init);
  }

  async #refresh({ api, credential: refused }: HttpCall, partition: string): Promise<void> {
    const { credential, name } = api;
    await credential?.refresh(this.#engine, refused?.value);
    const { events } = this.#engine.runtime;
    if (events.wants("credential:refreshed")) events.emit("credential:refreshed", { api: name, partition });
  }

  /** The step's word over the API's. Nobody waits for a step, so it has all the time it takes. */
  #policyOf(task: StepTask, base: CallPolicy | undefined): CallPolicy {
    const { options } = task.step;
    let policies = this.#policies.get(options);
    if (policies === undefined) {
      policies = new Map();
      this.#policies.set(options, policies);
    }
    let policy = policies.get(base);
    if (policy === undefined) {
      policy = stepPolicy(options, base, `pipelines.${task.pipeline.name}.steps.${task.step.name}.`);
      policies.set(base, policy);
    }
    return policy;
  }
}

function common(
  task: StepTask,
  lane: Lane | undefined,
  api: ResolvedApi | undefined,
  settings: EndpointSettings | undefined,
): Pick<CallDetails<never>, "lane" | "mode" | "signal" | "id" | "labels" | "quota" | "cost"> {
  return {
    lane,
    mode: "durable",
    signal: task.cut,
    id: task.operation,
    labels: task.labels,
    quota: api?.quota,
    cost: settings?.cost ?? 1,
  };
}

function splitEndpoint(endpoint: string): { readonly method: string; readonly path: string } {
  const [, method, path] = /^([A-Z]+) (\S+)$/.exec(endpoint) ?? [];
  if (method === undefined || path === undefined) {
    throw new TypeError(`${JSON.stringify(endpoint)} is not an endpoint; give method and path, such as "POST /contacts"`);
  }
  return { method, path };
}

async function bodyOf(response: Response): Promise<unknown> {
  const text = await response.text();
  if (text === "") return undefined;
  return /^[^;]*[/+]json\s*(?:;|$)/i.test(response.headers.get("content-type") ?? "") ? JSON.parse(text) : text;
}

function jsonText(value: unknown): string | undefined {
  return JSON.stringify(value);
}

/** What a step asks for, with its body as an operator changed it. */
function patchedRequest(described: StepRequest, patch: StepTask["patch"]): StepRequest {
  if (patch === undefined) return described;
  if (described.json === undefined) throw new Error("its body is not JSON, which a patch could change");
  return { ...described, json: patch(described.json) };
}
