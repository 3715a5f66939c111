import type { EndpointSettings, ResolvedApi } from "../api/resolve-api.ts";
import { urlWith, type SentCredential } from "../api/credential.ts";
import type { Verdict } from "../core/verdict.ts";
import type { AttemptContext, LimitReport, Outcome, Work } from "../engine/call.ts";
import { parseRemaining } from "../policy/hints/parse-hint.ts";
import { unitsUsed } from "../policy/rate-limit/units-used.ts";
import { classifyAnswer, classifyError, needsBody } from "../policy/classify/classify.ts";
import type { AttemptRecord, StoredRequest } from "../ports/dead-letter-store.ts";
import type { Transport } from "../ports/transport.ts";
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
  /** What ends the attempt under way. */
  signal?: AbortSignal;
  /** The answer of the last attempt. */
  answer?: HttpAnswer;
}

/** Sends a request, and judges what comes back. */
export class HttpWork implements Work<HttpAnswer, HttpCall> {
  readonly #engine: Engine;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  async perform(context: AttemptContext, call: HttpCall): Promise<HttpAnswer> {
    const { request } = call;
    call.sent = false;
    call.answer?.discard();
    // Got anew for each attempt: what was rotated meanwhile is found, by a replay a year later too.
    const credential = await call.api.credential?.get(this.#engine);
    call.credential = credential;
    call.headers = this.#headersOf(call, context.operation);
    if (call.sign !== undefined) await signed(call, call.sign, context.operation);
    if (call.beforeSending !== undefined && !(await call.beforeSending())) throw new TakenOverError();
    // An attempt that was given up meanwhile must not go out after all.
    context.signal.throwIfAborted();
    if (call.stillOurs?.() === false) throw new TakenOverError();
    const { method, body, rest } = request;
    const signal = this.#signalOf(context, call);
    const init: RequestInit = { redirect: "manual", ...rest, method, headers: call.headers, body, signal };
    if (!request.replayable) (init as { duplex?: "half" }).duplex = "half";
    call.signal = signal;
    call.sent = true;
    const carry = call.transport ?? this.#engine.transport;
    call.answer = new HttpAnswer(await carry(credential === undefined ? request.url : urlWith(request.url, credential), init));
    return call.answer;
  }

  #headersOf({ request, api, idempotencyKey, credential }: HttpCall, operation: string): Headers {
    const headers = request.headers instanceof WireHeaders ? WireHeaders.from(request.headers) : new Headers(request.headers);
    if (api.requestIdHeader !== undefined && !headers.has(api.requestIdHeader)) headers.set(api.requestIdHeader, operation);
    if (idempotencyKey !== undefined && api.idempotency !== undefined) {
      headers.delete("Idempotency-Key");
      headers.set(api.idempotency.header, api.idempotency.quoted ? quoted(idempotencyKey) : idempotencyKey);
    }
    if (credential?.in === "header") headers.set(credential.name, credential.value);
    return headers;
  }

  /**
   * The attempt lets go of its caller once it has an answer; the body that is still to come should not. A keyed call's attempt
   * belongs to all who wait for it, and its body comes whole. A caller who hangs up by himself needs no signal for that.
   */
  #signalOf(context: AttemptContext, { request, keyed }: HttpCall): AbortSignal {
    const { signal, hangsUp } = request;
    return signal === undefined || hangsUp === true || keyed === true ? context.signal : AbortSignal.any([context.signal, signal]);
  }

  async judge(answer: HttpAnswer, attempt: number, call: HttpCall): Promise<Verdict> {
    const { api, settings, request, endpoint, keyed } = call;
    const { status } = answer;
    const { clock } = this.#engine.runtime;
    if (request.method !== "HEAD") {
      if (status >= 400) {
        await answer.readReason(clock);
      } else if (answer.isSmall || (keyed === true && !answer.streams) || needsBody(settings.classifier, status)) {
        try {
          await answer.read();
        } catch (error) {
          // We hung up ourselves: a timeout, or a caller who left.
          if (call.signal?.aborted === true) throw call.signal.reason;
          return { ...this.judgeError(error, attempt, call), kind: "malformed", effect: "unknown", rule: "cut-body", status };
        }
      }
    }
    const facts = { status, headers: answer.headers, body: answer.excerpt, method: request.method, endpoint, attempt };
    const verdict = classifyAnswer(settings.classifier, facts, clock.now());
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
    const left = parseRemaining(headers, this.#engine.runtime.clock.now(), settings.classifier.hintHeaders);
    const used = settings.usage.length === 0 || text === undefined ? undefined : unitsUsed(text, settings.usage);
    return { used, left };
  }

  sent({ sent }: HttpCall): boolean {
    return sent !== false;
  }

  excerpt(outcome: Outcome<HttpAnswer>, call: HttpCall): Pick<AttemptRecord, "headers" | "bodyExcerpt" | "upstreamRequestId"> {
    if (outcome.threw) return {};
    const { headers, bodyExcerpt, ...rest } = outcome.value.kept;
    const secrets = secretsOf(call);
    return {
      ...rest,
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
  for (const [name, value] of headers) {
    if (api.keepHeaders.has(name) || name === api.requestIdHeader?.toLowerCase()) continue;
    secrets.push(value, value.replace(/^\w+ /, ""));
  }
  return secrets.filter((secret) => secret.length >= SECRET_CHARACTERS);
}

/** Some APIs say in full which credential they refuse, or redirect to a URL that holds it. What is not kept is not kept this way either. */
function without(secrets: readonly string[], text: string): string {
  return secrets.reduce((safe, secret) => safe.replaceAll(secret, "[redacted]"), text);
}
