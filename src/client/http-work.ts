import type { EndpointSettings, ResolvedApi } from "../api/resolve-api.ts";
import { urlWith, type SentCredential } from "../api/credential.ts";
import { SUCCESS, type Verdict } from "../core/verdict.ts";
import type { LimitReport, Outcome, Work, WorkContext } from "../engine/call.ts";
import { parseRemaining, tellsRemaining } from "../policy/hints/parse-hint.ts";
import { unitsUsed } from "../policy/rate-limit/units-used.ts";
import { classifyAnswer, classifyError, isPlainSuccess, needsBody } from "../policy/classify/classify.ts";
import type { AttemptRecord, StoredRequest } from "../ports/dead-letter-store.ts";
import type { Ending, Transport, WireInit } from "../ports/transport.ts";
import type { Engine } from "./engine.ts";
import { WireHeaders } from "../ports/wire-headers.ts";
import { HttpAnswer } from "./http-answer.ts";
import { storedRequest, type HttpRequest } from "./http-request.ts";

/** Signs what is about to be sent; `id` is the key it goes under, or its operation. Answers headers. */
export type Sign = (message: { readonly id: string; readonly body: Uint8Array }) => Promise<Readonly<Record<string, string>>>;

/** The payload of one HTTP call. */
export interface HttpCall {
  readonly request: HttpRequest;
  readonly api: ResolvedApi;
  readonly settings: EndpointSettings;
  readonly endpoint: string;
  readonly idempotencyKey: string | undefined;
  /** Its answer is kept under its key, so it has to come whole. @default false */
  readonly keyed?: boolean;
  /** Asked right before it is sent: whether nobody else has taken over the work. @default it is ours */
  readonly stillOurs?: () => boolean;
  /** Writes down that it is about to be sent, where that must be known afterwards; answers whether it is ours to send. */
  readonly beforeSending?: () => Promise<boolean>;
  /** @default unsigned */
  readonly sign?: Sign | undefined;
  /** What carries it. @default the engine's */
  readonly transport?: Transport | undefined;
  /** As it was sent last. */
  headers: Headers;
  /** What it was sent with last. */
  credential?: SentCredential | undefined;
  /** Whether anything of the attempt under way has left. */
  sent?: boolean;
  /** The attempt under way. */
  context?: WorkContext;
  /** What ends it, where that is more than the attempt's own. */
  signal?: AbortSignal | undefined;
  /** The answer of the last attempt. */
  answer?: HttpAnswer;
}

/** Sends a request, and judges what comes back. */
export class HttpWork implements Work<HttpAnswer, HttpCall> {
  readonly #engine: Engine;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  perform(context: WorkContext, call: HttpCall): Promise<HttpAnswer> {
    call.sent = false;
    call.answer?.discard();
    const { credential } = call.api;
    // Most calls have nothing to wait for before they are sent, and an async function is not for nothing.
    return credential === undefined && call.sign === undefined && call.beforeSending === undefined
      ? this.#carry(context, call)
      : this.#prepare(context, call);
  }

  async #prepare(context: WorkContext, call: HttpCall): Promise<HttpAnswer> {
    // Got anew for each attempt: what was rotated meanwhile is found, by a replay a year later too.
    call.credential = await call.api.credential?.get(this.#engine);
    call.headers = this.#headersOf(call, context.operation);
    if (call.sign !== undefined) await signed(call, call.sign, context.operation);
    if (call.beforeSending !== undefined && !(await call.beforeSending())) throw new TakenOverError();
    // An attempt that was given up meanwhile must not go out after all.
    if (context.cut !== undefined) throw context.cut.reason;
    return await this.#carry(context, call);
  }

  #carry(context: WorkContext, call: HttpCall): Promise<HttpAnswer> {
    if (call.stillOurs?.() === false) return Promise.reject(new TakenOverError());
    const { request, credential } = call;
    // Ours, and nothing that changes is put into them: no copy is needed.
    if (credential === undefined && call.sign === undefined) call.headers = this.#headersOf(call, context.operation);
    const carry = call.transport ?? this.#engine.transport;
    call.context = context;
    call.sent = true;
    const url = credential === undefined ? request.url : urlWith(request.url, credential);
    return Promise.resolve(carry(url, initOf(context, call, carry.direct === true))).then((wire) => (call.answer = new HttpAnswer(wire)));
  }

  #headersOf({ request, api, idempotencyKey, credential, sign }: HttpCall, operation: string): Headers {
    const headers = copied(request.headers, credential === undefined && sign === undefined);
    if (api.requestIdHeader !== undefined && !headers.has(api.requestIdHeader)) headers.set(api.requestIdHeader, operation);
    if (idempotencyKey !== undefined && api.idempotency !== undefined) {
      headers.delete("Idempotency-Key");
      headers.set(api.idempotency.header, api.idempotency.quoted ? quoted(idempotencyKey) : idempotencyKey);
    }
    if (credential?.in === "header") headers.set(credential.name, credential.value);
    this.#engine.runtime.events.tracer?.sending(operation, { method: request.method, url: request.url, headers });
    return headers;
  }

  judge(answer: HttpAnswer, attempt: number, call: HttpCall): Verdict | Promise<Verdict> {
    return this.#isToBeRead(answer, call) && !answer.takeWhole()
      ? this.#readAndJudge(answer, attempt, call)
      : this.#verdictOn(answer, attempt, call);
  }

  /** Whether the body has to be read before the answer is handed over. */
  #isToBeRead(answer: HttpAnswer, { request, settings, keyed }: HttpCall): boolean {
    if (request.method === "HEAD") return false;
    const { status } = answer;
    return status >= 400 || answer.isSmall || (keyed === true && !answer.streams) || needsBody(settings.classifier, status);
  }

  async #readAndJudge(answer: HttpAnswer, attempt: number, call: HttpCall): Promise<Verdict> {
    const { status } = answer;
    if (status >= 400) {
      await answer.readReason(this.#engine.runtime.clock);
    } else {
      try {
        await answer.read();
      } catch (error) {
        // We hung up ourselves: a timeout, or a caller who left.
        const cut = cutOf(call);
        if (cut !== undefined) throw cut.reason;
        return { ...this.judgeError(error, attempt, call), kind: "malformed", effect: "unknown", rule: "cut-body", status };
      }
    }
    return this.#verdictOn(answer, attempt, call);
  }

  #verdictOn(answer: HttpAnswer, attempt: number, { api, settings, request, endpoint }: HttpCall): Verdict {
    const { status } = answer;
    const { classifier } = settings;
    if (isPlainSuccess(classifier, status) && !api.checkJson) return SUCCESS;
    // The body is made text only where somebody looks at it.
    const body = status < 400 && classifier.rules.length === 0 ? undefined : answer.excerpt;
    const facts = { status, headers: answer.headers, body, method: request.method, endpoint, attempt };
    const verdict = classifyAnswer(classifier, facts, this.#engine.runtime.clock.now());
    if (verdict.kind === "success" && api.checkJson && answer.isJson && answer.text !== undefined && !isJson(answer.text)) {
      return { kind: "malformed", effect: "unknown", rule: "not-json", because: "the answer says that it is JSON and is not", status };
    }
    return verdict;
  }

  judgeError(error: unknown, attempt: number, { settings, request, endpoint, sent }: HttpCall): Verdict {
    if (error instanceof TakenOverError) return TAKEN_OVER;
    const facts = { attempt, method: request.method, endpoint };
    const verdict = classifyError(settings.classifier, error, facts, this.#engine.runtime.clock.now());
    // A credential that could not be got, for instance: nothing has left, whatever the error says.
    return sent === false ? { ...verdict, effect: "none" } : verdict;
  }

  report(outcome: Outcome<HttpAnswer>, { settings }: HttpCall): LimitReport | undefined {
    if (outcome.threw) return undefined;
    const { headers, text } = outcome.value;
    // Asked of every answer under a limit.
    if (settings.usage.length === 0 && !tellsRemaining(headers, settings.classifier.hintHeaders)) return undefined;
    const left = parseRemaining(headers, this.#engine.runtime.clock.now(), settings.classifier.hintHeaders);
    const used = settings.usage.length === 0 || text === undefined ? undefined : unitsUsed(text, settings.usage);
    return { used, left };
  }

  sent({ sent }: HttpCall): boolean {
    return sent !== false;
  }

  excerpt(outcome: Outcome<HttpAnswer>, call: HttpCall): Pick<AttemptRecord, "headers" | "bodyExcerpt" | "upstreamRequestId"> {
    if (outcome.threw) return {};
    const { headers, bodyExcerpt, upstreamRequestId } = outcome.value.kept;
    const secrets = secretsOf(call);
    return {
      // The other side's id is a header like any other.
      ...(upstreamRequestId === undefined ? {} : { upstreamRequestId: without(secrets, upstreamRequestId) }),
      ...(headers === undefined
        ? {}
        : { headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, without(secrets, value)])) }),
      ...(bodyExcerpt === undefined ? {} : { bodyExcerpt: without(secrets, bodyExcerpt) }),
    };
  }

  async request({ request, headers, api }: HttpCall): Promise<StoredRequest | undefined> {
    return storedRequest(request, headers, api.keepHeaders);
  }
}

async function signed(call: HttpCall, sign: Sign, operation: string): Promise<void> {
  const body = new Uint8Array(await new Response(call.request.body).arrayBuffer());
  for (const [name, value] of Object.entries(await sign({ id: call.idempotencyKey ?? operation, body }))) call.headers.set(name, value);
}

/**
 * What the transport is given. The attempt lets go of its caller once it has an answer; the body that is still to come should not. A
 * keyed call's attempt belongs to all who wait for it, and its body comes whole. A caller who hangs up by himself needs no signal for that.
 */
function initOf(context: WorkContext, call: HttpCall, direct: boolean): WireInit {
  const { request, headers } = call;
  const { method, body, rest, signal } = request;
  const both = signal !== undefined && call.keyed !== true ? AbortSignal.any([context.signal, signal]) : undefined;
  call.signal = both;
  // Most requests that come through the gateway.
  const ending = context.listen === undefined ? undefined : (context as Ending);
  if (rest === undefined && direct && request.replayable) return { redirect: "manual", method, headers, body, ending };
  const init: WireInit = { redirect: "manual", ...rest, method, headers, body };
  if (!request.replayable) (init as { duplex?: "half" }).duplex = "half";
  if (both === undefined && direct) return Object.assign(init, { ending });
  return Object.assign(init, { signal: both ?? context.signal });
}

/** Why the attempt under way was cut off, where it was. */
function cutOf({ context, signal }: HttpCall): { readonly reason: unknown } | undefined {
  return context?.cut ?? (signal?.aborted === true ? { reason: signal.reason } : undefined);
}

/** A copy; of plain fields that nothing secret is put into, themselves: they were made for this request. */
function copied(headers: Headers, stays: boolean): Headers {
  if (!(headers instanceof WireHeaders)) return new Headers(headers);
  return stays ? headers : WireHeaders.from(headers);
}

class TakenOverError extends Error {}

const TAKEN_OVER: Verdict = Object.freeze({
  kind: "cancelled",
  effect: "none",
  rule: "taken-over",
  because: "it was not sent: this process was stopped for longer than it may hold its work, and another may have taken it over",
});

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** The key as a string of RFC 9651, as the IETF draft has it. */
function quoted(key: string): string {
  return `"${key.replace(/["\\]/g, "\\$&")}"`;
}

/** Shorter values than this are words, which an answer may well hold. */
const SECRET_CHARACTERS = 8;

/** What stood in the credential, or in a header that is not kept. */
function secretsOf({ headers, api, credential }: HttpCall): readonly string[] {
  const secrets = [...(credential?.secrets ?? [])];
  const ownName = api.requestIdHeader?.toLowerCase();
  for (const name of namesOf(headers)) {
    if (api.keepHeaders.has(name) || name === ownName) continue;
    const value = headers.get(name) ?? "";
    secrets.push(value, value.replace(/^\w+ /, ""));
  }
  return secrets.filter((secret) => secret.length >= SECRET_CHARACTERS);
}

function namesOf(headers: Headers): Iterable<string> {
  return headers instanceof WireHeaders ? Object.keys(headers.fields) : headers.keys();
}

/** Some APIs say in full which credential they refuse, or redirect to a URL that holds it. What is not kept is not kept this way either. */
function without(secrets: readonly string[], text: string): string {
  return secrets.reduce((safe, secret) => safe.replaceAll(secret, "[redacted]"), text);
}
