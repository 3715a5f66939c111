import type { ResolvedApi } from "../api/resolve-api.ts";
import type { Explanation } from "../core/explain.ts";
import { Call, type CallDetails, type Work } from "../engine/call.ts";
import type { CallPolicy } from "../engine/call-policy.ts";
import { run } from "../engine/lifecycle.ts";
import { scopes } from "../engine/runtime.ts";
import { uuidv7 } from "../engine/uuid.ts";
import type { Durability } from "../api/api-options.ts";
import { scopedKey } from "../policy/idempotency/key.ts";
import type { StoredRequest } from "../ports/dead-letter-store.ts";
import type { StoredAnswer } from "../ports/idempotency-store.ts";
import type { Engine } from "./engine.ts";

/** A call under a key, as its door knows it. */
export interface KeyedWork<Value, Payload> {
  readonly api: ResolvedApi;
  readonly endpoint: string;
  readonly partition: string;
  readonly key: string;
  /** Hash of what it asks for. */
  readonly fingerprint: string;
  readonly durability: Durability;
  readonly policy: CallPolicy;
  readonly work: Work<Value, Payload>;
  readonly payload: Payload;
  readonly details: CallDetails<Value>;
  /** How long it waits for another call of this process under the same key, ms; then it is told that that is in flight. @default as long as it has */
  readonly joinForMs?: number | undefined;
  /** An operator answers for sending it, whatever an earlier try may have done; says whether a kept answer will do all the same. */
  readonly insist?: ((kept: StoredAnswer) => Promise<boolean>) | undefined;
  /** Looks whether it stands in the queue under the same key, and answers how to wait for that. */
  readonly queued?: (() => Promise<((stop: AbortSignal) => Promise<Value>) | undefined>) | undefined;
  /** Looks whether it has happened already, before anything is sent. */
  lookUp?(): Promise<Value | undefined>;
  encode(value: Value): Promise<StoredAnswer | undefined>;
  outline(value: Value): StoredAnswer;
  /** The value again, with what there is to say about it. */
  decode(answer: StoredAnswer, explanation: Explanation): Value;
  discard(value: Value): void;
  /** What is kept of the request where an earlier try of it is in doubt. */
  request(): Promise<StoredRequest | undefined>;
}

/** Runs a call under its key: once, whoever else asks for the same. */
export function runKeyed<Value, Payload>(engine: Engine, keyed: KeyedWork<Value, Payload>): Promise<Value> {
  const { runtime } = engine;
  const { clock, random } = runtime;
  const { api, endpoint, partition, key, policy, details } = keyed;
  const startedAt = clock.monotonic();
  const operation = details.id ?? uuidv7(clock.now(), random);
  const { reconcile, signal } = details;
  let call: Call<Value, Payload> | undefined;
  return engine.guard.guard<Value>({
    key,
    scopedKey: scopedKey(api.name, endpoint, partition, key),
    fingerprint: keyed.fingerprint,
    ttlMs: api.keyTtlMs,
    store: engine.keysFor(keyed.durability),
    honoured: details.repeatable !== false,
    insist: keyed.insist,
    signal,
    deadlineAt: Math.min(
      policy.cutAtTotal ? startedAt + policy.totalMs : Number.POSITIVE_INFINITY,
      (details.parent ?? scopes.getStore())?.cutAt ?? Number.POSITIVE_INFINITY,
    ),
    joinUntil: keyed.joinForMs === undefined ? undefined : startedAt + keyed.joinForMs,
    queued: keyed.queued,
    async run(stop) {
      const found = await keyed.lookUp?.();
      if (found !== undefined) return found;
      const left = policyAfter(policy, clock.monotonic() - startedAt);
      call = new Call(runtime, left, keyed.work, keyed.payload, { ...details, id: operation, signal: stop });
      return await run(call);
    },
    sent: () => call !== undefined && call.attempt > 0,
    failure: () => call?.failure,
    scope: () => call,
    encode: (value) => keyed.encode(value),
    outline: (value) => keyed.outline(value),
    decode: (answer, failure) => keyed.decode(answer, failure ?? answeredBefore(operation)),
    discard: (value) => keyed.discard(value),
    reconcile: reconcile === undefined ? undefined : () => reconcile({ operation, idempotencyKey: key }),
    replayed: () => engine.tellReplayed(operation, api.name, key),
    doubt: async () => await engine.keepDoubt(operation, details, await keyed.request()),
  });
}

/** What is left of a call's time after it has waited for somebody else's work. */
function policyAfter(policy: CallPolicy, waitedMs: number): CallPolicy {
  return waitedMs > 0 ? { ...policy, totalMs: Math.max(0, policy.totalMs - waitedMs) } : policy;
}

function answeredBefore(operation: string): Explanation {
  return {
    operation,
    attempts: 0,
    outcome: "replayed",
    because: { code: "answered", detail: "answered before under this idempotency key" },
  };
}
