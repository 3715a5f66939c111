import { ConfigError } from "../core/errors.ts";
import type { Duration } from "../core/duration.ts";
import { attach, type Explanation } from "../core/explain.ts";
import { checkCost } from "../policy/rate-limit/cost.ts";
import { shown } from "../core/shown.ts";
import { Call, type CallDetails, type Reconciled } from "../engine/call.ts";
import { FunctionWork, type WorkFunction } from "../engine/function-work.ts";
import type { Lane } from "../engine/lane.ts";
import { run } from "../engine/lifecycle.ts";
import { resolveCallPolicy, type CallPolicy } from "../engine/call-policy.ts";
import { payloadFingerprint } from "../policy/idempotency/key.ts";
import type { StoredAnswer } from "../ports/idempotency-store.ts";
import type { EndpointSettings, ResolvedApi } from "../api/resolve-api.ts";
import type { Engine, OpenApi } from "./engine.ts";
import { runKeyed } from "./keyed-call.ts";
import { checkLabels, checkSignal, checkTimeout, namesOf, refuseUnknownNames } from "./options.ts";
import { OptionsMemo } from "./options-memo.ts";

interface CommonCallOptions<Value> {
  /** What is done, such as `import`: names the lane, the dead letter and the metrics. */
  readonly operation: string;
  readonly signal?: AbortSignal | undefined;
  readonly partition?: string;
  readonly labels?: Readonly<Record<string, string>>;
  /** Units of the rate limit that it takes. @default 1 */
  readonly cost?: number;
  /** What the operation works on; the same key with another input is refused. */
  readonly input?: unknown;
  /** Asked when it is not known whether the effect happened. */
  readonly reconcile?: (context: { readonly operation: string; readonly idempotencyKey: string | undefined }) => Promise<Reconciled<Value>>;
  /** Overrides of what the API says. */
  readonly timeout?: { readonly attempt?: Duration | readonly Duration[]; readonly total?: Duration };
}

/** A read, or anything that may be done twice without harm. */
export interface ReadCall<Value> extends CommonCallOptions<Value> {
  readonly effects: "read";
  readonly maxAttempts?: number;
  readonly idempotencyKey?: string;
}

/** A write that can be told from its repeats. */
export interface KeyedWriteCall<Value> extends CommonCallOptions<Value> {
  readonly effects: "write";
  readonly maxAttempts?: number;
  /** The same for every repeat of this operation; hand it to the other side (`context.idempotencyKey`). */
  readonly idempotencyKey: string;
}

/** A write without a key may be tried once, or must be harmless when repeated. */
export interface UnkeyedWriteCall<Value> extends CommonCallOptions<Value> {
  readonly effects: "write";
  readonly maxAttempts: 1;
  readonly idempotencyKey?: undefined;
}

/**
 * What is said of one `hf.call`. A write that may be tried more than once needs an idempotency key: leaving it out is a type
 * error, and a ConfigError at run time.
 */
export type CallOptions<Value> = ReadCall<Value> | KeyedWriteCall<Value> | UnkeyedWriteCall<Value>;

type Names = Readonly<Record<keyof ReadCall<unknown>, true>>;

const NAMES: Names = namesOf({
  operation: true,
  effects: true,
  signal: true,
  partition: true,
  labels: true,
  cost: true,
  input: true,
  reconcile: true,
  timeout: true,
  maxAttempts: true,
  idempotencyKey: true,
});

/** What all calls share that say the same of themselves. */
interface CallPlan {
  readonly settings: EndpointSettings;
  readonly policy: CallPolicy;
  readonly work: FunctionWork<unknown>;
  /** Whether it must not be repeated blindly, and so wants a key. */
  readonly wantsKey: boolean;
  /** The details of a call that has nothing of its own: one object for all of them, since a call keeps it while it waits. */
  readonly details: CallDetails<never>;
}

/** `hf.call`: any function, under the policies of an API. */
export class CallDoor {
  readonly #engine: Engine;
  readonly #plans = new WeakMap<Lane, { readonly api: ResolvedApi; readonly plans: OptionsMemo<CallOptions<never>, CallPlan> }>();

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  call<Value>(open: OpenApi, options: CallOptions<Value>, fn: WorkFunction<Value>): Promise<Value> {
    try {
      return this.#call(open, options, fn);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  #call<Value>({ api, lanes }: OpenApi, options: CallOptions<Value>, fn: WorkFunction<Value>): Promise<Value> {
    this.#engine.assertOpen();
    const operation = operationOf(options);
    const { partition = "", effects, idempotencyKey } = options;
    const lane = lanes.lane(operation, partition);
    const plan = this.#planOf(api, lane, options as CallOptions<never>);
    const { policy, settings } = plan;
    const work = plan.work as FunctionWork<Value>;
    const details = detailsOf(api, plan, options);
    if (effects === "read") return run(new Call(this.#engine.runtime, policy, work, fn, details));
    this.#engine.begun();
    if (idempotencyKey === undefined) return run(new Call(this.#engine.runtime, policy, work, fn, details)).finally(this.#engine.ended);
    const keyed = runKeyed<Value, WorkFunction<Value>>(this.#engine, {
      api,
      endpoint: operation,
      partition,
      key: idempotencyKey,
      fingerprint: payloadFingerprint("CALL", operation, options.input ?? null, api.idempotency?.ignore),
      durability: settings.durability,
      policy,
      work,
      payload: fn,
      details,
      encode: async (value) => encodeValue(value),
      outline: (value) => encodeValue(value),
      decode: (stored, explanation) => decodeValue(stored, explanation) as Value,
      discard: () => undefined,
      request: async () => undefined,
    });
    return keyed.finally(this.#engine.ended);
  }

  #planOf(api: ResolvedApi, lane: Lane, options: CallOptions<never>): CallPlan {
    const known = this.#plans.get(lane);
    // A definition that was reloaded has other plans.
    if (known?.api === api) return known.plans.of(options);
    const plans = new OptionsMemo((said: CallOptions<never>) => this.#plan(api, lane, said), {
      ofTheCall: ["partition", "signal", "labels", "input", "idempotencyKey", "reconcile"],
      data: ["timeout"],
    });
    this.#plans.set(lane, { api, plans });
    return plans.of(options);
  }

  #plan(api: ResolvedApi, lane: Lane, options: CallOptions<never>): CallPlan {
    refuseUnknownNames(options, NAMES, "call");
    const { operation, effects, cost } = options;
    const settings = api.settings(operation);
    const policy = policyOf(settings.policy, options);
    if (effects !== "read" && effects !== "write") {
      throw new ConfigError({
        path: "call.effects",
        message: `call.effects is ${shown(effects)}; say "read" or "write", since a write must not be repeated blindly`,
      });
    }
    if (cost !== undefined) checkCost(cost, api.rateLimits, "call.cost");
    const repeatable = effects === "read" || settings.repeatable;
    return {
      settings,
      policy,
      work: new FunctionWork(settings.classifier, this.#engine.runtime),
      wantsKey: !repeatable && policy.maxAttempts > 1,
      details: {
        lane,
        repeatable,
        keep: effects === "write" && settings.durability !== "none" ? this.#engine.keep : undefined,
        quota: api.quota,
        cost: cost ?? settings.cost,
        operationName: operation,
      },
    };
  }
}

/** What a call overrides, over what the API says. */
function policyOf(base: CallPolicy, { maxAttempts = base.maxAttempts, timeout }: CallOptions<never>): CallPolicy {
  if (maxAttempts === base.maxAttempts && timeout === undefined) return base;
  checkTimeout(timeout, "call.timeout");
  const own = resolveCallPolicy(
    { maxAttempts, ...(timeout === undefined ? {} : { timeout }) },
    { retry: "call.", timeout: "call.timeout.", rest: "call." },
  );
  return {
    ...base,
    maxAttempts,
    ...(timeout?.attempt === undefined ? {} : { attemptTimeoutsMs: own.attemptTimeoutsMs }),
    ...(timeout?.total === undefined ? {} : { totalMs: own.totalMs, cutAtTotal: true }),
  };
}

function operationOf<Value>(options: CallOptions<Value>): string {
  const operation = (options as Partial<CallOptions<Value>> | null | undefined)?.operation;
  if (typeof operation === "string" && operation !== "") return operation;
  refuseUnknownNames(options, NAMES, "call");
  throw new ConfigError({
    path: "call.operation",
    message: `call.operation is ${shown(operation)}; name what is done, such as "import"`,
  });
}

/** The plan's details, with what this call has of its own; checked, for those who have no types. */
function detailsOf<Value>(api: ResolvedApi, { details, wantsKey, policy }: CallPlan, options: CallOptions<Value>): CallDetails<Value> {
  const { operation, effects, idempotencyKey, input, labels, reconcile, signal } = options;
  // A write that may be repeated blindly is the one mistake not to make.
  if (wantsKey && idempotencyKey === undefined) {
    throw new ConfigError({
      path: "call.idempotencyKey",
      message: `${api.name} ${operation} is a write that may be tried ${policy.maxAttempts} times and has no call.idempotencyKey; give one (idempotencyKey() derives it), set maxAttempts: 1, or declare the endpoint repeatable`,
    });
  }
  if (input !== undefined && idempotencyKey === undefined) throw withoutEffect("input", "without call.idempotencyKey");
  if (idempotencyKey === undefined && labels === undefined && reconcile === undefined && signal === undefined) return details;
  if (idempotencyKey !== undefined && (typeof idempotencyKey !== "string" || idempotencyKey === "")) {
    throw new ConfigError({
      path: "call.idempotencyKey",
      message: `call.idempotencyKey is ${shown(idempotencyKey)}; give a text that is the same for every repeat of this operation, or leave it out`,
    });
  }
  if (reconcile !== undefined && effects === "read") throw withoutEffect("reconcile", 'with effects: "read"');
  if (signal !== undefined) checkSignal(signal, "call.signal");
  if (labels !== undefined) checkLabels(labels, "call.labels");
  const honoured = idempotencyKey !== undefined && api.idempotency !== undefined;
  return { ...details, repeatable: details.repeatable === true || honoured, idempotencyKey, labels, reconcile, signal };
}

function withoutEffect(name: string, where: string): ConfigError {
  return new ConfigError({ path: `call.${name}`, message: `call.${name} has no effect ${where}; leave it out` });
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** A value is kept as JSON; one that has no JSON form is kept as nothing, and a replay gives `undefined`. */
function encodeValue(value: unknown): StoredAnswer {
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch {
    // A cycle or a bigint: that it was done is worth keeping even where the value is not.
    text = undefined;
  }
  return { type: "value", body: encoder.encode(text ?? "") };
}

function decodeValue(stored: StoredAnswer, explanation: Explanation): unknown {
  const text = decoder.decode(stored.body);
  const value: unknown = text === "" ? undefined : JSON.parse(text);
  attach(value, explanation);
  return value;
}
