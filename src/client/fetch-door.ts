import type { ResolvedApi } from "../api/resolve-api.ts";
import { IdempotencyKeyMissingError } from "../core/errors.ts";
import { attach, explain, type Explanation } from "../core/explain.ts";
import { Call, type CallDetails, type Keep, type Reconciled } from "../engine/call.ts";
import { run } from "../engine/lifecycle.ts";
import { uuidv7 } from "../engine/uuid.ts";
import { payloadFingerprint, scopedKey } from "../policy/idempotency/key.ts";
import type { StoredAnswer } from "../ports/idempotency-store.ts";
import type { Engine, OpenApi } from "./engine.ts";
import { HttpAnswer } from "./http-answer.ts";
import { isIdempotent, isRead, payloadOf, readRequest, type HttpRequest } from "./http-request.ts";
import { definite, HttpWork, type HttpCall } from "./http-work.ts";

/** What may be said of all requests that go through one `hf.fetch(api, …)`. */
export interface FetchOptions {
  /** The account or token that the other side counts by. */
  readonly partition?: string;
  /** For whoever looks for it later: `{ lead: "42", campaign: "q4" }`. */
  readonly labels?: Readonly<Record<string, string>>;
  /**
   * Asked when it is not known whether a write happened: look it up at the other side. `"unknown"` keeps it as a dead letter.
   */
  readonly reconcile?: (request: {
    readonly operation: string;
    readonly idempotencyKey: string | undefined;
    readonly method: string;
    readonly url: string;
  }) => Promise<{ readonly happened: true; readonly response: Response } | { readonly happened: false | "unknown" }>;
}

/** For the engine's own use: a request that is a dead letter's. */
export interface InternalFetchOptions extends FetchOptions {
  /** Where a failure goes instead of into a new dead letter; the key is not looked up, since its earlier outcome is what is replayed. */
  readonly replayOf?: { readonly keep: Keep };
}

/** `fetch` for one API: the second door. */
export class FetchDoor {
  readonly #engine: Engine;
  readonly #open: OpenApi;
  readonly #options: InternalFetchOptions;
  readonly #work: HttpWork;

  constructor(engine: Engine, open: OpenApi, options: InternalFetchOptions) {
    this.#engine = engine;
    this.#open = open;
    this.#options = options;
    this.#work = new HttpWork(engine);
  }

  async fetch(input: string | URL | Request, init?: RequestInit): Promise<Response> {
    this.#engine.assertOpen();
    const { api, lanes } = this.#open;
    const request = await readRequest(api, input, init);
    const endpoint = api.endpoints.of(request.method, request.path);
    const settings = api.settings(endpoint);
    const key = this.#keyOf(request, endpoint);
    const write = !isRead(request.method);
    const honoured = api.idempotency !== undefined && key !== undefined;
    const payload: HttpCall = { request, api, settings, endpoint, idempotencyKey: key?.value, headers: request.headers };
    const { partition = "", labels, reconcile, replayOf } = this.#options;
    const { credential } = api;
    const details: CallDetails<HttpAnswer> = {
      lane: lanes.lane(endpoint, partition),
      signal: request.signal,
      repeatable: settings.repeatable || isIdempotent(request.method) || honoured,
      replayable: request.replayable,
      keep: replayOf?.keep ?? (write && settings.durability !== "none" ? this.#engine.keep : undefined),
      refresh: credential?.refreshable === true ? () => this.#refresh(api, partition) : undefined,
      reconcile:
        reconcile === undefined
          ? undefined
          : async ({ operation }) =>
              reconciled(await reconcile({ operation, idempotencyKey: key?.value, method: request.method, url: request.url })),
      idempotencyKey: key?.value,
      labels,
      quota: api.quota,
      cost: settings.cost,
      retriesAbove: retriesAbove(request.headers),
    };
    const call = new Call(this.#engine.runtime, settings.policy, this.#work, payload, details);
    // A key made here can meet no other call: there is nothing to look up.
    const answer =
      key?.given === true && write && request.replayable && replayOf === undefined
        ? await this.#once(call, payload, key.value, honoured)
        : await run(call);
    return handOver(answer);
  }

  /** The key that the caller sent, or one made for this operation where the API honours keys. */
  #keyOf(request: HttpRequest, endpoint: string): { readonly value: string; readonly given: boolean } | undefined {
    const { api } = this.#open;
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

  async #once(call: Call<HttpAnswer, HttpCall>, payload: HttpCall, key: string, honoured: boolean): Promise<HttpAnswer> {
    const { api, settings, endpoint, request } = payload;
    const { reconcile } = call.details;
    return await this.#engine.guard.guard<HttpAnswer>({
      key,
      scopedKey: scopedKey(api.name, this.#options.partition === undefined ? endpoint : `${endpoint} ${this.#options.partition}`, key),
      fingerprint: payloadFingerprint(request.method, endpoint, await payloadOf(request), api.idempotency?.ignore),
      ttlMs: api.keyTtlMs,
      store: this.#engine.keysFor(settings.durability),
      honoured: honoured || settings.repeatable || isIdempotent(request.method),
      signal: request.signal,
      encode: (answer) => definite(answer),
      decode: (stored) => replayed(stored, call.operation),
      run: () => run(call),
      sent: () => call.attempt > 0,
      reconcile: reconcile === undefined ? undefined : () => reconcile({ operation: call.operation, idempotencyKey: key }),
      replayed: () => this.#engine.tellReplayed(call, api.name, key),
      doubt: async () => await this.#engine.keepDoubt(call, await this.#work.request(payload)),
    });
  }

  async #refresh(api: ResolvedApi, partition: string): Promise<void> {
    await api.credential?.refresh();
    const { events } = this.#engine.runtime;
    if (events.wants("credential:refreshed")) events.emit("credential:refreshed", { api: api.name, partition });
  }
}

function replayed(stored: StoredAnswer, operation: string): HttpAnswer {
  const answer = HttpAnswer.replay(stored);
  attach(answer, {
    operation,
    attempts: 0,
    outcome: "replayed",
    because: { code: "answered", detail: "answered before under this idempotency key" },
  });
  return answer;
}

/** The Response that the caller sees, with the explanation that hangs on the answer. */
function handOver(answer: HttpAnswer): Response {
  const explanation: Explanation | undefined = explain(answer);
  const response = answer.hand(explanation?.outcome === "failed");
  if (explanation !== undefined) attach(response, explanation);
  return response;
}

function reconciled(
  told: { readonly happened: true; readonly response: Response } | { readonly happened: false | "unknown" },
): Reconciled<HttpAnswer> {
  return told.happened === true
    ? { happened: true, value: new HttpAnswer(told.response) }
    : told.happened === false
      ? { happened: false }
      : { happened: "unknown" };
}

/** What the retry loop of an SDK above ours says about itself: `x-stainless-retry-count: 2`, `amz-sdk-request: attempt=3; max=4`. */
function retriesAbove(headers: Headers): number {
  const stainless = headers.get("x-stainless-retry-count");
  if (stainless !== null && /^\d+$/.test(stainless)) return Number(stainless);
  const amazon = /\battempt=(\d+)/.exec(headers.get("amz-sdk-request") ?? "");
  return amazon === null ? 0 : Math.max(0, Number(amazon[1]) - 1);
}

/** The IETF draft has the key as a quoted string; most APIs take it bare. Both are accepted. */
function unquoted(key: string): string {
  return key.length >= 2 && key.startsWith('"') && key.endsWith('"') ? key.slice(1, -1) : key;
}
