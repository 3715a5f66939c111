import { ConfigError } from "../core/errors.ts";
import type { Duration } from "../core/duration.ts";
import { attach } from "../core/explain.ts";
import { Call, type CallDetails, type Reconciled } from "../engine/call.ts";
import { FunctionWork, type WorkFunction } from "../engine/function-work.ts";
import { run } from "../engine/lifecycle.ts";
import { resolveCallPolicy, type CallPolicy } from "../engine/call-policy.ts";
import { payloadFingerprint, scopedKey } from "../policy/idempotency/key.ts";
import type { StoredAnswer } from "../ports/idempotency-store.ts";
import type { Classifier } from "../policy/classify/classify.ts";
import type { Engine, OpenApi } from "./engine.ts";

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

/** `hf.call`: any function, under the policies of an API. */
export class CallDoor {
  readonly #engine: Engine;
  /** Overridden policies of calls whose options are one object used again. */
  readonly #policies = new WeakMap<object, CallPolicy>();
  readonly #works = new WeakMap<Classifier, FunctionWork<unknown>>();

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  call<Value>({ api, lanes }: OpenApi, options: CallOptions<Value>, fn: WorkFunction<Value>): Promise<Value> {
    this.#engine.assertOpen();
    const { operation, effects, idempotencyKey, partition = "" } = options;
    const settings = api.settings(operation);
    const policy = this.#policyOf(settings.policy, options, api.name);
    if (effects !== "read" && effects !== "write") {
      throw new ConfigError({
        path: "effects",
        message: `effects is ${JSON.stringify(effects)}; say "read" or "write", since a write must not be repeated blindly`,
      });
    }
    if (effects === "write" && idempotencyKey === undefined && policy.maxAttempts > 1 && !settings.repeatable) {
      throw new ConfigError({
        path: "idempotencyKey",
        message: `${api.name} ${operation} is a write that may be tried ${policy.maxAttempts} times and has no idempotencyKey; give one (idempotencyKey() derives it), set maxAttempts: 1, or declare the endpoint repeatable`,
      });
    }
    const write = effects === "write" && !settings.repeatable;
    const honoured = api.idempotency !== undefined && idempotencyKey !== undefined;
    const details: CallDetails<Value> = {
      lane: lanes.lane(operation, partition),
      signal: options.signal,
      repeatable: !write || honoured,
      keep: effects === "write" && settings.durability !== "none" ? this.#engine.keep : undefined,
      reconcile: options.reconcile,
      idempotencyKey,
      labels: options.labels,
      quota: api.quota,
      cost: options.cost ?? settings.cost,
      operationName: operation,
    };
    const call = new Call(this.#engine.runtime, policy, this.#workOf(settings.classifier) as FunctionWork<Value>, fn, details);
    if (idempotencyKey === undefined || effects === "read") return run(call);
    return this.#engine.guard.guard<Value>({
      key: idempotencyKey,
      scopedKey: scopedKey(api.name, partition === "" ? operation : `${operation} ${partition}`, idempotencyKey),
      fingerprint: payloadFingerprint("CALL", operation, options.input ?? null, api.idempotency?.ignore),
      ttlMs: api.keyTtlMs,
      store: this.#engine.keysFor(settings.durability),
      honoured: honoured || settings.repeatable,
      signal: options.signal,
      encode: async (value) => encodeValue(value),
      decode: (stored) => decodeValue<Value>(stored, call.operation),
      run: () => run(call),
      sent: () => call.attempt > 0,
      reconcile:
        options.reconcile === undefined
          ? undefined
          : () => (options.reconcile as NonNullable<typeof options.reconcile>)({ operation: call.operation, idempotencyKey }),
      replayed: () => this.#engine.tellReplayed(call, api.name, idempotencyKey),
      doubt: () => this.#engine.keepDoubt(call, undefined),
    });
  }

  #policyOf<Value>(base: CallPolicy, options: CallOptions<Value>, name: string): CallPolicy {
    if (options.maxAttempts === undefined && options.timeout === undefined) return base;
    const known = this.#policies.get(options);
    if (known !== undefined) return known;
    const path = `apis.${name} call ${options.operation}: `;
    const { maxAttempts = base.maxAttempts, timeout } = options;
    const own = resolveCallPolicy(
      { maxAttempts, ...(timeout === undefined ? {} : { timeout }) },
      { retry: path, timeout: `${path}timeout.`, rest: path },
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

function decodeValue<Value>(stored: StoredAnswer, operation: string): Value {
  const text = decoder.decode(stored.body);
  const value = (text === "" ? undefined : JSON.parse(text)) as Value;
  attach(value, {
    operation,
    attempts: 0,
    outcome: "replayed",
    because: { code: "answered", detail: "answered before under this idempotency key" },
  });
  return value;
}
