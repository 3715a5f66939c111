import type { EndpointSettings, ResolvedApi } from "../api/resolve-api.ts";
import { explain } from "../core/explain.ts";
import type { Verdict } from "../core/verdict.ts";
import type { AttemptContext, Outcome, Work } from "../engine/call.ts";
import { classifyAnswer, classifyError, needsBody } from "../policy/classify/classify.ts";
import type { AttemptRecord, StoredRequest } from "../ports/dead-letter-store.ts";
import type { StoredAnswer } from "../ports/idempotency-store.ts";
import type { Engine } from "./engine.ts";
import { HttpAnswer } from "./http-answer.ts";
import { storedRequest, type HttpRequest } from "./http-request.ts";

/** The payload of one HTTP call. */
export interface HttpCall {
  readonly request: HttpRequest;
  readonly api: ResolvedApi;
  readonly settings: EndpointSettings;
  readonly endpoint: string;
  readonly idempotencyKey: string | undefined;
  /** As it was sent last. */
  headers: Headers;
}

/** Sends a request, and judges what comes back. */
export class HttpWork implements Work<HttpAnswer, HttpCall> {
  readonly #engine: Engine;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  async perform(context: AttemptContext, call: HttpCall): Promise<HttpAnswer> {
    const { request, api } = call;
    const headers = new Headers(request.headers);
    if (api.requestIdHeader !== undefined && !headers.has(api.requestIdHeader)) headers.set(api.requestIdHeader, context.operation);
    if (call.idempotencyKey !== undefined && api.idempotency !== undefined) {
      headers.set(api.idempotency.header, api.idempotency.quoted ? `"${call.idempotencyKey}"` : call.idempotencyKey);
    }
    if (api.credential !== undefined) headers.set(...((await api.credential.header()) as [string, string]));
    call.headers = headers;
    // The attempt lets go of its caller once it has an answer; the body that is still to come should not.
    const signal = request.signal === undefined ? context.signal : AbortSignal.any([context.signal, request.signal]);
    const init: RequestInit = { redirect: "manual", ...request.rest, method: request.method, headers, body: request.body, signal };
    if (!request.replayable) (init as { duplex?: "half" }).duplex = "half";
    return new HttpAnswer(await this.#engine.transport(request.url, init));
  }

  async judge(answer: HttpAnswer, attempt: number, { api, settings, request, endpoint }: HttpCall): Promise<Verdict> {
    const { status } = answer;
    const ok = status >= 200 && status < 300;
    const hasBody = request.method !== "HEAD";
    if (hasBody && (needsBody(settings.classifier, status) || (ok && answer.isSmall))) {
      try {
        await answer.read();
      } catch (error) {
        return {
          ...classifyError(settings.classifier, error, { attempt, method: request.method, endpoint }, this.#engine.runtime.clock.now()),
          kind: "malformed",
          effect: "unknown",
          rule: "cut-body",
          status,
        };
      }
    }
    const facts = { status, headers: answer.headers, body: answer.excerpt, method: request.method, endpoint, attempt };
    const verdict = classifyAnswer(settings.classifier, facts, this.#engine.runtime.clock.now());
    if (verdict.kind === "success" && api.checkJson && answer.isJson && answer.text !== undefined && !isJson(answer.text)) {
      return { kind: "malformed", effect: "unknown", rule: "not-json", because: "the answer says that it is JSON and is not", status };
    }
    return verdict;
  }

  judgeError(error: unknown, attempt: number, { settings, request, endpoint }: HttpCall): Verdict {
    return classifyError(settings.classifier, error, { attempt, method: request.method, endpoint }, this.#engine.runtime.clock.now());
  }

  excerpt(outcome: Outcome<HttpAnswer>): Pick<AttemptRecord, "headers" | "bodyExcerpt" | "upstreamRequestId"> {
    return outcome.threw ? {} : outcome.value.kept;
  }

  request({ request, headers, api }: HttpCall): Promise<StoredRequest | undefined> {
    return storedRequest(request, headers, api.keepHeaders);
  }
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** Only what the other side has answered for is given again: a 2xx, or a refusal that will not change. */
export async function definite(answer: HttpAnswer): Promise<StoredAnswer | undefined> {
  const kind = explain(answer)?.verdict?.kind;
  return kind === undefined || kind === "permanent" || kind === "conflict" || kind === "success" ? await answer.store() : undefined;
}
