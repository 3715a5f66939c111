import { ConfigError, IdempotencyMismatchError, StoreError } from "../core/errors.ts";
import { durationMs, type Duration } from "../core/duration.ts";
import type { Because, Decision } from "../core/decision.ts";
import type { Verdict } from "../core/verdict.ts";
import { Batcher } from "../durable/batcher.ts";
import { resolveWorkerOptions, Worker, type WorkerOptions } from "../durable/worker.ts";
import { Call, type CallDetails } from "../engine/call.ts";
import type { CallPolicy } from "../engine/call-policy.ts";
import { attemptDurably, type DurableStep } from "../engine/durable-attempt.ts";
import type { Admittee, Lane } from "../engine/lane.ts";
import { uuidv7 } from "../engine/uuid.ts";
import { idempotencyKey, payloadFingerprint } from "../policy/idempotency/key.ts";
import type { NewDeadLetter, StoredRequest } from "../ports/dead-letter-store.ts";
import type { AcceptResult, ClaimedOperation, NewOperation, OperationStore, Settlement } from "../ports/operation-store.ts";
import type { Engine, OpenApi } from "./engine.ts";
import { withFingerprint } from "./engine.ts";
import type { HttpAnswer } from "./http-answer.ts";
import { isIdempotent, isRead, payloadOf, readRequest, storedRequest, type HttpRequest } from "./http-request.ts";
import { definite, HttpWork, type HttpCall } from "./http-work.ts";
import { OperationResults, type Operation } from "./operation.ts";

/** What is said of one operation that is put into the queue. */
export interface EnqueueOptions {
  /** A body, sent as JSON. */
  readonly json?: unknown;
  /** A body of another kind. Give `headers` its content type. */
  readonly body?: string | Uint8Array | URLSearchParams;
  /** Only headers that may be kept: no credential. */
  readonly headers?: Readonly<Record<string, string>>;
  /** What makes this operation what it is: a key, or parts that one is derived from. A second operation under it is the first. */
  readonly key?: string | readonly unknown[];
  readonly labels?: Readonly<Record<string, string>>;
  readonly partition?: string;
  /** Higher goes first, within its lane and flow. @default 0 */
  readonly priority?: number;
  /** Flows of a lane take turns, so that a flood of one does not starve another. @default "" */
  readonly flow?: string;
  /** Not before this long from now. @default "0ms" */
  readonly delay?: Duration;
  /** No attempt starts after this long: it becomes a dead letter `expired`. @default never */
  readonly expiresIn?: Duration;
}

const ENQUEUE_KEYS = ["json", "body", "headers", "key", "labels", "partition", "priority", "flow", "delay", "expiresIn"];
const ACCEPT_BATCH = 500;
const KEEP_ANSWER_BYTES = 64 * 1024;
const PARK_UNKNOWN_API_MS = 60_000;

/** The third door: work that outlives the process. */
export class QueueDoor {
  readonly worker: Worker;
  readonly #engine: Engine;
  readonly #find: (name: string) => OpenApi | undefined;
  readonly #store: OperationStore;
  readonly #work: HttpWork;
  readonly #accepts: Batcher<NewOperation, AcceptResult>;
  readonly #results: OperationResults;
  /** Policies of stored operations: their time is `expiresIn`, not the total of a caller who waits. */
  readonly #policies = new WeakMap<CallPolicy, CallPolicy>();

  constructor(engine: Engine, store: OperationStore, find: (name: string) => OpenApi | undefined, options: WorkerOptions) {
    const { runtime } = engine;
    this.#engine = engine;
    this.#find = find;
    this.#store = store;
    this.#work = new HttpWork(engine);
    this.#accepts = new Batcher((batch) => store.accept(batch), ACCEPT_BATCH, 2);
    this.#results = new OperationResults(store, runtime);
    this.worker = new Worker(resolveWorkerOptions(options), {
      store,
      runtime,
      name: uuidv7(runtime.clock.now(), runtime.random),
      lane: ({ api, endpoint, partition }) => find(api)?.lanes.lane(endpoint, partition),
      execute: (claimed, reservation, lane, signal) => this.#execute(claimed, reservation, lane, signal),
      poison: (claimed) => this.#poison(claimed),
      settled: (claimed, settlement, result) => {
        const { state } = settlement.outcome;
        const { id, api, endpoint, partition } = claimed.operation;
        if (result === "applied" && state !== "parked" && state !== "ready") this.#results.ended(id);
        if (runtime.events.wants("operation:settled")) {
          runtime.events.emit("operation:settled", { id, lane: { api, endpoint, partition }, state, applied: result === "applied" });
        }
      },
      failed: (error) => {
        if (runtime.events.wants("store:failed")) runtime.events.emit("store:failed", { error });
      },
    });
  }

  /** Puts an operation on disk; resolves when it is there. */
  async enqueue(open: OpenApi, endpoint: string, options: EnqueueOptions): Promise<Operation> {
    this.#engine.assertOpen();
    const operation = await this.#prepare(open, endpoint, options);
    const accepted = await this.#accepts.add(operation);
    if (accepted.state === "mismatch") throw new IdempotencyMismatchError(operation.idempotencyKey ?? operation.id);
    this.worker.start();
    this.worker.nudge();
    const { id } = accepted;
    return { id, known: accepted.state === "known", result: (wait) => this.#results.of(id, wait?.signal) };
  }

  /** An operation that was accepted before. */
  result(id: string, signal: AbortSignal | undefined): Promise<Response> {
    return this.#results.of(id, signal);
  }

  async close(graceMs: number, error: unknown): Promise<void> {
    await this.worker.stop(graceMs);
    this.#results.close(error);
  }

  async #prepare({ api }: OpenApi, what: string, options: EnqueueOptions): Promise<NewOperation> {
    const unknown = Object.keys(options).find((key) => !ENQUEUE_KEYS.includes(key));
    if (unknown !== undefined)
      throw new ConfigError({ path: unknown, message: `${unknown} is not an option of enqueue(); known are ${ENQUEUE_KEYS.join(", ")}` });
    const [, method, path] = /^([A-Z]+) (\S+)$/.exec(what) ?? [];
    if (method === undefined || path === undefined)
      throw new ConfigError({
        path: "endpoint",
        message: `${JSON.stringify(what)} is not an endpoint; give method and path, such as "POST /contacts"`,
      });
    if (options.json !== undefined && options.body !== undefined)
      throw new ConfigError({ path: "body", message: "json and body are both given, and a request has one body; leave one out" });
    if (isRead(method) && (options.json !== undefined || options.body !== undefined))
      throw new ConfigError({ path: "body", message: `a ${method} request has no body` });
    const { clock, random } = this.#engine.runtime;
    const headers = new Headers(options.headers as Record<string, string> | undefined);
    if (options.json !== undefined && !headers.has("content-type")) headers.set("content-type", "application/json");
    const body = options.json === undefined ? options.body : JSON.stringify(options.json);
    const request = await readRequest(api, path, { method, headers, ...(body === undefined ? {} : { body: body as BodyInit }) });
    const stored = (await storedRequest(request, headers, api.keepHeaders)) as StoredRequest;
    const lost = [...headers.keys()].find((name) => !stored.headers.some(([kept]) => kept === name));
    if (lost !== undefined) {
      throw new ConfigError({
        path: `headers.${lost}`,
        message: `the header ${lost} would not be kept, so the operation would be sent without it; add it to apis.${api.name}.keepHeaders if it holds no secret, or give the API its auth`,
      });
    }
    const endpoint = api.endpoints.of(method, request.path);
    const now = clock.now();
    const id = uuidv7(now, random);
    const priority = options.priority ?? 0;
    if (!Number.isInteger(priority)) throw new ConfigError({ path: "priority", message: `priority is ${priority}; give a whole number` });
    const key = keyOf(api.name, endpoint, options.key);
    if (key === undefined && api.idempotency?.required === true && !isRead(method)) {
      throw new ConfigError({
        path: "key",
        message: `${api.name} ${endpoint} wants an idempotency key (apis.${api.name}.idempotency.required); give key: the parts that make this operation what it is`,
      });
    }
    return {
      id,
      api: api.name,
      endpoint,
      partition: options.partition ?? "",
      flow: options.flow ?? "",
      request: stored,
      ...(key === undefined ? {} : { idempotencyKey: key }),
      fingerprint: payloadFingerprint(method, endpoint, await payloadOf(request), api.idempotency?.ignore),
      labels: options.labels ?? {},
      priority,
      acceptedAt: now,
      dueAt: now + durationMs(options.delay ?? 0, "delay"),
      ...(options.expiresIn === undefined ? {} : { expiresAt: now + durationMs(options.expiresIn, "expiresIn") }),
    };
  }

  /** One attempt of a claimed operation. What goes wrong on our own side hands it back, in doubt if anything was sent. */
  async #execute(claimed: ClaimedOperation, reservation: Admittee, lane: Lane, signal: AbortSignal): Promise<Settlement> {
    const { operation, claim } = claimed;
    const { clock } = this.#engine.runtime;
    const settle = (outcome: Settlement["outcome"]): Settlement => ({ id: operation.id, claim, now: clock.now(), outcome });
    const open = this.#find(operation.api);
    if (open === undefined) {
      lane.giveBack(reservation, clock.monotonic());
      return settle({
        state: "parked",
        until: clock.now() + PARK_UNKNOWN_API_MS,
        delayMs: claimed.previousDelayMs,
        because: { code: "not-retryable", detail: `no API named ${operation.api} is defined in this process` },
      });
    }
    const request = restored(operation, open, signal);
    const call = this.#callOf(claimed, open, request, lane, signal);
    call.generation = reservation.generation;
    try {
      const early = await this.#beforeSending(claimed, call);
      if (early !== undefined) {
        lane.giveBack(reservation, clock.monotonic());
        return settle(early);
      }
      const step = await attemptDurably(call);
      return { ...settle(await this.#outcomeOf(claimed, call, step, signal)), attempt: step.record };
    } catch (error) {
      // Only a fault of our own side comes here (a credential that cannot be had, a reconcile that throws): nothing is lost by trying later.
      if (call.attempt === claimed.attempts) lane.giveBack(reservation, clock.monotonic());
      const delayMs = call.policy.backoff(Math.min(claimed.attempts, 10), claimed.previousDelayMs, this.#engine.runtime.random);
      const because: Because = { code: "backoff", delayMs, detail: error instanceof Error ? error.message : String(error) };
      return settle({ state: "parked", until: clock.now() + delayMs, delayMs, because });
    }
  }

  #callOf(claimed: ClaimedOperation, { api }: OpenApi, request: HttpRequest, lane: Lane, signal: AbortSignal): Call<HttpAnswer, HttpCall> {
    const { operation } = claimed;
    const settings = api.settings(operation.endpoint);
    const honoured = api.idempotency !== undefined;
    const key = operation.idempotencyKey ?? (honoured && !isRead(request.method) ? operation.id : undefined);
    const payload: HttpCall = { request, api, settings, endpoint: operation.endpoint, idempotencyKey: key, headers: request.headers };
    const { credential } = api;
    const details: CallDetails<HttpAnswer> = {
      lane,
      mode: "durable",
      signal,
      id: operation.id,
      repeatable: settings.repeatable || isIdempotent(request.method) || (honoured && key !== undefined),
      keep: this.#engine.keep,
      refresh: credential?.refreshable === true ? () => credential.refresh() : undefined,
      idempotencyKey: key,
      labels: operation.labels,
      quota: api.quota,
      cost: settings.cost,
    };
    const call = new Call(this.#engine.runtime, this.#policyOf(settings.policy), this.#work, payload, details);
    call.attempt = claimed.attempts;
    call.previousDelayMs = claimed.previousDelayMs;
    return call;
  }

  #policyOf(policy: CallPolicy): CallPolicy {
    let durable = this.#policies.get(policy);
    if (durable === undefined) {
      durable = Object.freeze({ ...policy, totalMs: Number.POSITIVE_INFINITY, cutAtTotal: false, maxWaitMs: Number.POSITIVE_INFINITY });
      this.#policies.set(policy, durable);
    }
    return durable;
  }

  /** What ends an operation before anything is sent: its time is over, or a vanished holder may have sent it already. */
  async #beforeSending(claimed: ClaimedOperation, call: Call<HttpAnswer, HttpCall>): Promise<Settlement["outcome"] | undefined> {
    const { operation } = claimed;
    const now = this.#engine.runtime.clock.now();
    if (operation.expiresAt !== undefined && operation.expiresAt <= now) {
      const because: Because = {
        code: "deadline",
        detail: `it expired ${now - operation.expiresAt} ms before its turn`,
        attempt: claimed.attempts,
      };
      return { state: "dead", letter: await this.#letter(claimed, "expired", because, EXPIRED) };
    }
    if (claimed.inDoubt && call.details.repeatable === false) {
      const because: Because = { code: "outcome-unknown", detail: VANISHED.because, attempt: claimed.attempts };
      return { state: "dead", letter: await this.#letter(claimed, "outcome-unknown", because, VANISHED) };
    }
    return undefined;
  }

  async #outcomeOf(
    claimed: ClaimedOperation,
    call: Call<HttpAnswer, HttpCall>,
    step: DurableStep<HttpAnswer>,
    signal: AbortSignal,
  ): Promise<Settlement["outcome"]> {
    const { decision, outcome, verdict } = step;
    const { clock } = this.#engine.runtime;
    switch (decision.action) {
      case "succeed": {
        const answer = outcome.threw ? undefined : await definite(outcome.value);
        const keepUntil = clock.now() + call.payload.api.keyTtlMs;
        return { state: "succeeded", keepUntil, ...(answer === undefined || answer.body.length > KEEP_ANSWER_BYTES ? {} : { answer }) };
      }
      case "retry":
      case "park":
        return { state: "parked", until: clock.now() + decision.delayMs, delayMs: decision.delayMs, because: decision.because };
      case "dead-letter":
        return { state: "dead", letter: await this.#letter(claimed, decision.reason, decision.because, verdict, step) };
      case "fail":
        if (verdict.kind === "cancelled" && signal.aborted) return this.#interrupted(claimed, call, step);
        return { state: "dead", letter: await this.#letter(claimed, "permanent", decision.because, verdict, step) };
      case "refresh":
      case "reconcile":
      case "repair":
        throw new TypeError(`an attempt of the queue does not end with ${decision.action}`);
    }
  }

  /** The worker was told to stop and the grace is over: what may be sent again is handed back, the rest is in doubt. */
  async #interrupted(
    claimed: ClaimedOperation,
    call: Call<HttpAnswer, HttpCall>,
    step: DurableStep<HttpAnswer>,
  ): Promise<Settlement["outcome"]> {
    if (call.details.repeatable === true) return { state: "ready" };
    const because: Because = { code: "outcome-unknown", detail: "the worker stopped while it was on its way", attempt: call.attempt };
    return { state: "dead", letter: await this.#letter(claimed, "outcome-unknown", because, step.verdict, step) };
  }

  async #letter(
    claimed: ClaimedOperation,
    reason: NewDeadLetter["reason"],
    because: Because,
    verdict: Verdict,
    step?: DurableStep<HttpAnswer>,
  ): Promise<NewDeadLetter> {
    const { operation } = claimed;
    const earlier = (await this.#store.get(operation.id))?.attempts ?? [];
    const attempts = step === undefined ? earlier : [...earlier, step.record];
    const now = this.#engine.runtime.clock.now();
    return withFingerprint(
      {
        id: operation.id,
        api: operation.api,
        endpoint: operation.endpoint,
        partition: operation.partition,
        reason,
        because,
        request: operation.request,
        ...(operation.idempotencyKey === undefined ? {} : { idempotencyKey: operation.idempotencyKey }),
        labels: operation.labels,
        attempts,
        firstAttemptAt: attempts[0]?.startedAt ?? now,
        diedAt: now,
      },
      verdict,
    );
  }

  async #poison(claimed: ClaimedOperation): Promise<Settlement> {
    const { operation, claim, vanished } = claimed;
    const because: Because = {
      code: "outcome-unknown",
      detail: `${vanished} workers vanished while they had it`,
      attempt: claimed.attempts,
    };
    const letter = await this.#letter(claimed, "poison", because, { ...VANISHED, rule: "poison" });
    return { id: operation.id, claim, now: this.#engine.runtime.clock.now(), outcome: { state: "dead", letter } };
  }
}

const VANISHED: Verdict = Object.freeze({
  kind: "transient",
  effect: "unknown",
  rule: "holder-vanished",
  because: "a worker vanished while it had this, and may have sent it",
});
const EXPIRED: Verdict = Object.freeze({
  kind: "permanent",
  effect: "none",
  rule: "expired",
  because: "its time was over before it could be sent",
});

function keyOf(api: string, endpoint: string, key: string | readonly unknown[] | undefined): string | undefined {
  if (key === undefined) return undefined;
  if (typeof key !== "string") return idempotencyKey(api, endpoint, key);
  if (key === "")
    throw new ConfigError({ path: "key", message: "key is empty; give what makes this operation what it is, or leave it out" });
  return key;
}

/** The stored request as it goes out again. */
function restored(operation: NewOperation, { api }: OpenApi, signal: AbortSignal): HttpRequest {
  const { method, url, headers, body } = operation.request;
  return {
    method,
    url,
    path: new URL(url).pathname.slice(
      api.baseUrl === undefined || api.baseUrl.pathname === "/" ? 0 : api.baseUrl.pathname.replace(/\/$/, "").length,
    ),
    headers: new Headers(headers.map(([name, value]) => [name, value] as [string, string])),
    body: (body ?? null) as BodyInit | null,
    replayable: true,
    signal,
    rest: {},
  };
}

/** The queue of a store that has one. */
export function operationsOf(store: { readonly name: string; readonly operations?: OperationStore }): OperationStore {
  if (store.operations === undefined) throw new StoreError(`the store ${store.name} has no queue; use memory(), sqlite() or postgres()`);
  return store.operations;
}
