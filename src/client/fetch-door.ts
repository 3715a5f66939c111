import type { ResolvedApi } from "../api/resolve-api.ts";
import type { Reconcile } from "../api/reconcile.ts";
import { ConfigError, IdempotencyKeyMissingError, OutcomeUnknownError } from "../core/errors.ts";
import { attach, explain, type Explanation } from "../core/explain.ts";
import { refuseUnknown } from "../core/options.ts";
import { shown } from "../core/shown.ts";
import { Call, type CallDetails, type Keep } from "../engine/call.ts";
import type { CallPolicy } from "../engine/call-policy.ts";
import type { Lane } from "../engine/lane.ts";
import { run } from "../engine/lifecycle.ts";
import { scopes } from "../engine/runtime.ts";
import type { Scope } from "../engine/scope.ts";
import { uuidv7 } from "../engine/uuid.ts";
import { payloadFingerprint } from "../policy/idempotency/key.ts";
import type { LaneRef } from "../ports/events.ts";
import { originIn } from "../ports/tracer.ts";
import type { StoredAnswer } from "../ports/idempotency-store.ts";
import { askOtherSide } from "./ask.ts";
import type { Engine, OpenApi } from "./engine.ts";
import { HttpAnswer } from "./http-answer.ts";
import { isIdempotent, isRead, payloadOf, readRequest, type HttpRequest } from "./http-request.ts";
import { HttpWork, type HttpCall } from "./http-work.ts";
import { runKeyed } from "./keyed-call.ts";
import { queuedUnder } from "./queued-under.ts";
import { isLocal } from "./local-apis.ts";
import { checkFunction, checkLabels } from "./options.ts";
import { sdkLoopOf, type LoopFailure, type SdkLoop } from "./sdk-loop.ts";

/** What may be said of all requests that go through one `hf.fetch(api, …)`. */
export interface FetchOptions {
  /** The account or token that the other side counts by. */
  readonly partition?: string;
  /** For whoever looks for it later: `{ lead: "42", campaign: "q4" }`. */
  readonly labels?: Readonly<Record<string, string>>;
  /**
   * Asked when it is not known whether a write happened: look it up at the other side. `"unknown"` keeps it as a dead letter.
   * @default what the endpoint says
   */
  readonly reconcile?: Reconcile;
}

const OPTIONS = ["partition", "labels", "reconcile"] satisfies (keyof FetchOptions)[];

/** Throws a ConfigError that names what makes no sense. */
export function checkFetchOptions(options: FetchOptions): void {
  refuseUnknown(options, OPTIONS, "fetch");
  const { partition, labels, reconcile } = options;
  if (partition !== undefined && typeof partition !== "string") {
    throw new ConfigError({ path: "fetch.partition", message: `fetch.partition is ${shown(partition)}; give the account's name` });
  }
  if (labels !== undefined) checkLabels(labels, "fetch.labels");
  if (reconcile !== undefined) checkFunction(reconcile, "fetch.reconcile", "a function that looks the write up at the other side");
}

/** A request that a dead letter keeps, on its way again. */
export interface Resending {
  readonly operation: string;
  /** An earlier try of it may have happened, and sending it again may do it twice. */
  readonly inDoubt: boolean;
  /** To be sent although nobody can tell. */
  readonly confirmed: boolean;
  /** The body as it was at first, where it was patched since. What is asked for under its key is still the same. */
  readonly originalBody?: Uint8Array | undefined;
  /** Where a failure goes instead of into a new dead letter. */
  readonly keep: Keep;
}

/** What is said of one request beside itself. */
interface Way {
  readonly api: ResolvedApi;
  /** The call or task that it stands in. */
  readonly around: Scope | undefined;
  readonly resending?: Resending | undefined;
  /** @default the endpoint's */
  readonly policy?: CallPolicy;
  /** Retries that a loop above has made already. */
  readonly retriesAbove?: number;
  readonly forwarding?: Forwarding | undefined;
}

/** A request of somebody else, as the gateway has it. */
export interface Forwarding {
  /** Id of the operation. */
  readonly operation: string;
  /**
   * How long it waits for another call under the same key. Whoever comes through the gateway is not tied to the call that runs, and
   * may as well come again.
   */
  readonly joinForMs: number;
  /** What its caller is ready to wait, ms: no retry and no wait goes on after it. @default as long as the API's options say */
  readonly withinMs?: number | undefined;
}

/** `fetch` for one API: the second door. */
export class FetchDoor {
  readonly #engine: Engine;
  readonly #open: OpenApi;
  readonly #options: FetchOptions;
  readonly #work: HttpWork;
  readonly #direct: boolean;

  constructor(engine: Engine, open: OpenApi, options: FetchOptions) {
    this.#engine = engine;
    this.#open = open;
    this.#options = options;
    this.#work = new HttpWork(engine);
    this.#direct = (open.transport ?? engine.transport).direct === true && !isLocal(open.api.baseUrl);
  }

  /** `resending` is for the engine's own use: an operator has said to send it, whatever became of it before. */
  async fetch(input: string | URL | Request, init?: RequestInit, resending?: Resending): Promise<Response> {
    this.#engine.begun();
    try {
      return await this.#fetch(input, init, resending);
    } finally {
      this.#engine.ended();
    }
  }

  /** For the gateway: a request that has been taken apart already, and the answer as it stands, with its explanation hung on it. */
  forward(request: HttpRequest, forwarding: Forwarding): Promise<HttpAnswer> {
    this.#engine.begun();
    try {
      const loop = sdkLoopOf(request);
      const way: Way = { api: this.#open.api, around: undefined, forwarding };
      const sent = loop === undefined ? this.#send(request, way) : this.#sendInLoop(request, loop, way);
      return sent.then(this.#forwarded, this.#notForwarded);
    } catch (error) {
      this.#engine.ended();
      throw error;
    }
  }

  readonly #forwarded = (answer: HttpAnswer): HttpAnswer => {
    this.#engine.ended();
    return answer;
  };

  readonly #notForwarded = (error: unknown): never => {
    this.#engine.ended();
    throw error;
  };

  async #fetch(input: string | URL | Request, init: RequestInit | undefined, resending: Resending | undefined): Promise<Response> {
    // Before anything is waited for: what stands around may be known for this tick only.
    const around = scopes.getStore();
    // One definition for the whole call, whatever is reloaded meanwhile: a new credential must not go to the old address.
    const { api } = this.#open;
    const request = await readRequest(api, input, init);
    const loop = sdkLoopOf(request);
    const way: Way = { api, around, resending };
    return handOver(await (loop === undefined ? this.#send(request, way) : this.#sendInLoop(request, loop, way)));
  }

  /** An SDK's retry loop stands above. All its tries share the attempts of one call. */
  async #sendInLoop(request: HttpRequest, loop: SdkLoop, way: Way): Promise<HttpAnswer> {
    const { loops, runtime } = this.#engine;
    const { api } = way;
    const { policy } = api.settings(api.endpoints.of(request.method, request.path));
    // Who has turned our retries off has left them to the SDK.
    if (policy.maxAttempts === 1) return await this.#send(request, way);
    const before = await loops.recall(loop, runtime.clock.monotonic());
    const used = before?.attempts ?? 0;
    if (before !== undefined && used >= policy.maxAttempts) return this.#surface(before, request, way);
    if (before !== undefined || (loop.retry ?? 0) > 0) {
      const where = "the retry loop of an SDK above hf.fetch, which draws on the attempts of the call; set its retries to 0";
      this.#tellNesting(before?.explanation.operation ?? "", request, way, where);
    }
    const left: CallPolicy = used === 0 ? policy : { ...policy, maxAttempts: policy.maxAttempts - used };
    // A retry of something that is not remembered: it gets a try, and no retries on top of the SDK's.
    const retriesAbove = before === undefined ? (loop.retry ?? 0) : 0;
    const remember = async (explanation: Explanation | undefined, outcome: LoopFailure["outcome"] | undefined): Promise<void> => {
      if (explanation === undefined || outcome === undefined || explanation.attempts === 0) return;
      const failure = { attempts: used + explanation.attempts, explanation, outcome };
      await loops.remember(loop, failure, runtime.clock.monotonic());
    };
    try {
      const answer = await this.#send(request, { ...way, policy: left, retriesAbove });
      const explanation = explain(answer);
      if (explanation?.outcome === "failed") {
        const stored = await answer.store();
        await remember(explanation, stored === undefined ? undefined : { threw: false, answer: stored });
      }
      return answer;
    } catch (error) {
      await remember(explain(error), { threw: true, error });
      throw error;
    }
  }

  /** The failure that the loop above has had already. Nothing is sent. */
  #surface({ explanation, outcome }: LoopFailure, request: HttpRequest, way: Way): HttpAnswer {
    const where = "the retry loop of an SDK above hf.fetch, whose attempts are used up; set its retries to 0";
    this.#tellNesting(explanation.operation ?? "", request, way, where);
    if (outcome.threw) throw outcome.error;
    return again(outcome.answer, explanation);
  }

  #tellNesting(operation: string, { method, path }: HttpRequest, { api }: Way, where: string): void {
    const { events } = this.#engine.runtime;
    if (!events.wants("nesting:detected")) return;
    const lane: LaneRef = { api: api.name, endpoint: api.endpoints.of(method, path), partition: this.#options.partition ?? "" };
    events.emit("nesting:detected", { operation, lane, by: "sdk", where });
  }

  #send(request: HttpRequest, way: Way): Promise<HttpAnswer> {
    const { api } = way;
    const { lanes } = this.#open;
    const endpoint = api.endpoints.of(request.method, request.path);
    const settings = api.settings(endpoint);
    const key = this.#keyOf(api, request, endpoint);
    const keyed = key?.given === true && !isRead(request.method) && request.replayable;
    const payload: HttpCall = {
      request,
      api,
      settings,
      endpoint,
      idempotencyKey: key?.value,
      keyed,
      sign: this.#open.sign,
      transport: this.#open.transport,
      headers: request.headers,
    };
    const { resending, forwarding } = way;
    const policy = within(way.policy ?? settings.policy, forwarding?.withinMs, request.method);
    const details = this.#detailsOf(payload, lanes.lane(endpoint, this.#options.partition ?? ""), way);
    const call = { policy, payload, details };
    // A key made here can meet no other call: there is nothing to look up.
    if (keyed) return this.#once(call, key.value, way);
    const begin = (): Promise<HttpAnswer> => run(new Call(this.#engine.runtime, policy, this.#work, payload, details));
    const sent = resending === undefined ? begin() : lookUp(details, resending).then((found) => found ?? begin());
    return sent.catch((error: unknown) => {
      payload.answer?.discard();
      throw error;
    });
  }

  #detailsOf(payload: HttpCall, lane: Lane, { around, resending, forwarding, retriesAbove = 0 }: Way): CallDetails<HttpAnswer> {
    const { api, request, settings, idempotencyKey } = payload;
    const { labels } = this.#options;
    const { method, replayable } = request;
    const reconcile = this.#options.reconcile ?? settings.reconcile;
    const honoured = api.idempotency !== undefined && idempotencyKey !== undefined;
    return {
      lane,
      signal: request.leaving ?? request.signal,
      parent: around,
      // What is sent by a transport of ours calls nothing that could ask what it stands in.
      lazyScope: this.#direct && replayable && api.credential === undefined && payload.sign === undefined,
      id: (resending ?? forwarding)?.operation,
      repeatable: settings.repeatable || isIdempotent(method) || honoured,
      replayable,
      keep: resending?.keep ?? (!isRead(method) && settings.durability !== "none" ? this.#engine.keep : undefined),
      refresh: api.credential === undefined ? undefined : () => this.#refresh(payload),
      canRefresh: api.credential === undefined ? undefined : () => api.credential?.canReplace(payload.credential?.value) === true,
      reconcile:
        reconcile === undefined
          ? undefined
          : ({ operation }) => askOtherSide(reconcile, payload, operation, (input, init) => this.fetch(input, init)),
      idempotencyKey,
      labels,
      quota: api.quota,
      cost: settings.cost,
      retriesAbove,
      trace: this.#engine.runtime.events.tracer === undefined ? undefined : originIn(request.headers),
    };
  }

  /** The key that the caller sent, or one made for this operation where the API honours keys. */
  #keyOf(api: ResolvedApi, request: HttpRequest, endpoint: string): { readonly value: string; readonly given: boolean } | undefined {
    const { idempotency } = api;
    const given = request.headers.get(idempotency?.header ?? "Idempotency-Key") ?? request.headers.get("Idempotency-Key");
    if (given !== null && given !== "") return { value: unquoted(given), given: true };
    if (idempotency === undefined || isRead(request.method)) return undefined;
    if (idempotency.required) {
      throw new IdempotencyKeyMissingError(
        `${api.name} ${endpoint} wants an idempotency key (apis.${api.name}.idempotency.required); send the header ${idempotency.header}, the same for every repeat of this operation`,
      );
    }
    const { clock, random } = this.#engine.runtime;
    return { value: uuidv7(clock.now(), random), given: false };
  }

  async #once(
    { policy, payload, details }: { readonly policy: CallPolicy; readonly payload: HttpCall; readonly details: CallDetails<HttpAnswer> },
    key: string,
    { resending, forwarding }: Way,
  ): Promise<HttpAnswer> {
    const { api, settings, endpoint, request } = payload;
    const original = resending?.originalBody === undefined ? request : { ...request, body: resending.originalBody as BodyInit };
    const fingerprint = payloadFingerprint(request.method, endpoint, await payloadOf(original), api.idempotency?.ignore);
    const partition = this.#options.partition ?? "";
    const answer = await runKeyed<HttpAnswer, HttpCall>(this.#engine, {
      api,
      endpoint,
      partition,
      key,
      fingerprint,
      durability: settings.durability,
      policy,
      work: this.#work,
      payload,
      details,
      insist: resending === undefined ? undefined : (kept) => this.#endsWell(kept, payload),
      joinForMs: forwarding?.joinForMs,
      // An operator who sends a dead letter again knows that it stood there.
      queued:
        resending === undefined
          ? () =>
              queuedUnder(this.#engine, { api: api.name, endpoint, partition, key, fingerprint }, forwarding?.joinForMs ?? policy.totalMs)
          : undefined,
      lookUp: async () => (resending === undefined ? undefined : await lookUp(details, resending)),
      encode: (answer) => answer.store(),
      outline: (answer) => answer.outline(),
      decode: again,
      discard: (answer) => answer.discard(),
      request: () => this.#work.request(payload),
    });
    // The attempt belonged to all who waited; a body that still comes is this caller's alone.
    if (request.signal !== undefined) answer.endWith(request.signal);
    return answer;
  }

  async #endsWell(kept: StoredAnswer, payload: HttpCall): Promise<boolean> {
    return (await this.#work.judge(HttpAnswer.kept(kept), 1, payload)).kind === "success";
  }

  async #refresh({ api, credential: refused }: HttpCall): Promise<void> {
    const { credential, name } = api;
    await credential?.refresh(this.#engine, refused?.value);
    const { events } = this.#engine.runtime;
    if (events.wants("credential:refreshed")) {
      events.emit("credential:refreshed", { api: name, partition: this.#options.partition ?? "" });
    }
  }
}

/** An answer that was kept, with what there is to say about it. */
function again(stored: StoredAnswer, explanation: Explanation): HttpAnswer {
  const answer = explanation.outcome === "failed" ? HttpAnswer.kept(stored) : HttpAnswer.replay(stored);
  attach(answer, explanation);
  return answer;
}

/** The Response that the caller sees, with the explanation that hangs on the answer. */
function handOver(answer: HttpAnswer): Response {
  const explanation = explain(answer);
  const response = answer.hand(explanation !== undefined && isFinal(explanation));
  if (explanation !== undefined) attach(response, explanation);
  return response;
}

/** A policy that ends when its caller stops waiting. What only reads is cut off then; a write under way is not, for nobody would know its outcome. */
function within(policy: CallPolicy, ms: number | undefined, method: string): CallPolicy {
  if (ms === undefined || ms >= policy.totalMs) return policy;
  const shorter: CallPolicy = { ...policy, maxWaitMs: Math.min(policy.maxWaitMs, ms) };
  if (isRead(method)) return { ...shorter, totalMs: ms, cutAtTotal: true };
  return policy.cutAtTotal ? shorter : { ...shorter, totalMs: ms };
}

/** Whether a loop above would do nothing but repeat what was done here. One try that was all there is decides nothing for it. */
export function isFinal({ outcome, because }: Explanation): boolean {
  return outcome === "failed" && !(because.code === "attempts-exhausted" && because.maxAttempts === 1);
}

/** A request in doubt is looked up where the other side can tell. Where it cannot, it goes only if somebody answers for it. */
async function lookUp(details: CallDetails<HttpAnswer>, { operation, inDoubt, confirmed }: Resending): Promise<HttpAnswer | undefined> {
  if (!inDoubt || details.reconcile === undefined) return undefined;
  const told = await details.reconcile({ operation, idempotencyKey: details.idempotencyKey });
  if (told.happened === true) return told.value;
  if (told.happened === false || confirmed) return undefined;
  throw new OutcomeUnknownError(details.idempotencyKey ?? operation);
}

/** The IETF draft has the key as a string of RFC 9651; most APIs take it bare. Both are accepted. */
export function unquoted(key: string): string {
  return /^".*"$/s.test(key) && key.length >= 2 ? key.slice(1, -1).replace(/\\(["\\])/g, "$1") : key;
}
