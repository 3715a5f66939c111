import { ConfigError } from "../core/errors.ts";
import type { Duration } from "../core/duration.ts";
import { attach, type Explanation } from "../core/explain.ts";
import { shown } from "../core/shown.ts";
import { Call, type CallDetails, type Reconciled } from "../engine/call.ts";
import { FunctionWork, type WorkFunction } from "../engine/function-work.ts";
import { run } from "../engine/lifecycle.ts";
import { resolveCallPolicy, type CallPolicy } from "../engine/call-policy.ts";
import { payloadFingerprint } from "../policy/idempotency/key.ts";
import type { StoredAnswer } from "../ports/idempotency-store.ts";
import type { Classifier } from "../policy/classify/classify.ts";
import type { EndpointSettings, ResolvedApi } from "../api/resolve-api.ts";
import type { Engine, OpenApi } from "./engine.ts";
import { runKeyed } from "./keyed-call.ts";
import { checkLabels, checkSignal, checkTimeout, namesOf, refuseUnknownNames } from "./options.ts";

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

/** `hf.call`: any function, under the policies of an API. */
export class CallDoor {
  readonly #engine: Engine;
  /** Overridden policies of calls whose options are one object used again. */
  readonly #policies = new WeakMap<object, CallPolicy>();
  readonly #works = new WeakMap<Classifier, FunctionWork<unknown>>();

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
    refuseUnknownNames(options, NAMES, "call");
    const { operation, effects, idempotencyKey, partition = "" } = options;
    const settings = api.settings(operation);
    const policy = this.#policyOf(settings.policy, options);
    check(api, settings, policy, options);
    const details: CallDetails<Value> = {
      lane: lanes.lane(operation, partition),
      signal: options.signal,
      repeatable: effects === "read" || settings.repeatable || (idempotencyKey !== undefined && api.idempotency !== undefined),
      keep: effects === "write" && settings.durability !== "none" ? this.#engine.keep : undefined,
      reconcile: options.reconcile,
      idempotencyKey,
      labels: options.labels,
      quota: api.quota,
      cost: options.cost ?? settings.cost,
      operationName: operation,
    };
    const work = this.#workOf(settings.classifier) as FunctionWork<Value>;
    if (idempotencyKey === undefined || effects === "read") return run(new Call(this.#engine.runtime, policy, work, fn, details));
    return runKeyed<Value, WorkFunction<Value>>(this.#engine, {
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
  }

  #policyOf<Value>(base: CallPolicy, options: CallOptions<Value>): CallPolicy {
    if (options.maxAttempts === undefined && options.timeout === undefined) return base;
    const known = this.#policies.get(options);
    if (known !== undefined) return known;
    checkTimeout(options.timeout, "call.timeout");
    const { maxAttempts = base.maxAttempts, timeout } = options;
    const own = resolveCallPolicy(
      { maxAttempts, ...(timeout === undefined ? {} : { timeout }) },
      { retry: "call.", timeout: "call.timeout.", rest: "call." },
    );
    const merged: CallPolicy = {
      ...base,
      maxAttempts,
      ...(timeout?.attempt === undefined ? {} : { attemptTimeoutsMs: own.attemptTimeoutsMs }),
      ...(timeout?.total === undefined ? {} : { totalMs: own.totalMs, cutAtTotal: true }),
    };
    this.#policies.set(options, merged);
    return merged;
  }

  #workOf(classifier: Classifier): FunctionWork<unknown> {
    let work = this.#works.get(classifier);
    if (work === undefined) {
      work = new FunctionWork(classifier, this.#engine.runtime);
      this.#works.set(classifier, work);
    }
    return work;
  }
}

/** What the types say already, for those who have none. A write that may be repeated blindly is the one mistake not to make. */
function check<Value>(api: ResolvedApi, settings: EndpointSettings, policy: CallPolicy, options: CallOptions<Value>): void {
  const { operation, effects, idempotencyKey, cost, input, labels, reconcile, signal } = options;
  if (typeof operation !== "string" || operation === "") {
    throw new ConfigError({
      path: "call.operation",
      message: `call.operation is ${shown(operation)}; name what is done, such as "import"`,
    });
  }
  if (effects !== "read" && effects !== "write") {
    throw new ConfigError({
      path: "call.effects",
      message: `call.effects is ${shown(effects)}; say "read" or "write", since a write must not be repeated blindly`,
    });
  }
  if (effects === "write" && idempotencyKey === undefined && policy.maxAttempts > 1 && !settings.repeatable) {
    throw new ConfigError({
      path: "call.idempotencyKey",
      message: `${api.name} ${operation} is a write that may be tried ${policy.maxAttempts} times and has no call.idempotencyKey; give one (idempotencyKey() derives it), set maxAttempts: 1, or declare the endpoint repeatable`,
    });
  }
  if (idempotencyKey !== undefined && (typeof idempotencyKey !== "string" || idempotencyKey === "")) {
    throw new ConfigError({
      path: "call.idempotencyKey",
      message: `call.idempotencyKey is ${shown(idempotencyKey)}; give a text that is the same for every repeat of this operation, or leave it out`,
    });
  }
  if (input !== undefined && idempotencyKey === undefined) throw withoutEffect("input", "without call.idempotencyKey");
  if (reconcile !== undefined && effects === "read") throw withoutEffect("reconcile", 'with effects: "read"');
  if (signal !== undefined) checkSignal(signal, "call.signal");
  if (labels !== undefined) checkLabels(labels, "call.labels");
  if (cost !== undefined && !(cost > 0 && Number.isFinite(cost))) {
    throw new ConfigError({ path: "call.cost", message: `call.cost is ${shown(cost)}; give a number above 0` });
  }
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
