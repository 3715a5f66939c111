import type { IncomingMessage, ServerResponse } from "node:http";
import type { ResolvedApi } from "../api/resolve-api.ts";
import type { OpenHoldfast } from "../client/holdfast.ts";
import { FetchDoor, isFinal } from "../client/fetch-door.ts";
import type { HttpAnswer } from "../client/http-answer.ts";
import type { HttpRequest } from "../client/http-request.ts";
import { explain, type Explanation } from "../core/explain.ts";
import { uuidv7 } from "../engine/uuid.ts";
import type { Leaving } from "../ports/leaving.ts";
import { refusalOfApi, refusalOfScope, type Authenticator, type Refusal } from "./auth.ts";
import { acceptOperation } from "./accept-operation.ts";
import { readLabels } from "./labels.ts";
import { preferenceApplied, readPrefer, type Preferences } from "./prefer.ts";
import type { Principal } from "./principal.ts";
import { problemOf, ProblemError, type ProblemCode, type ProblemDetails } from "./problem.ts";
import { readBody, type BodyLimits, type RequestBody } from "./request-body.ts";
import { readHead, type RequestHead } from "./request-head.ts";
import type { StrangerGuard } from "./stranger.ts";
import { targetOf } from "./target.ts";
import { writeAnswer, writeProblem, type OwnHeaders } from "./write-answer.ts";

/** What the hot path works on. */
export interface ForwarderParts {
  readonly open: OpenHoldfast;
  readonly authenticator: Authenticator;
  readonly strangers: StrangerGuard;
  readonly limits: BodyLimits;
  /** Told of faults of ours; the client is told nothing of them. */
  readonly failed: (error: unknown, where: string) => void;
}

/** An API as the hot path knows it. */
interface Upstream {
  readonly api: ResolvedApi;
  /** The base URL without a closing slash; what follows the API's name in a target is put behind it. */
  readonly base: string;
  /** For calls without labels and account, which are most. */
  readonly door: FetchDoor;
}

/** A request that may go on. */
interface Admitted {
  readonly upstream: Upstream;
  readonly head: RequestHead;
  readonly method: string;
  readonly rest: string;
  readonly preferences: Preferences;
  readonly labels: Readonly<Record<string, string>> | undefined;
  readonly principal: Principal;
}

/**
 * `/to/{api}/{path…}`: a request of somebody else, through the lifecycle. No rule about calls stands here; what is done is to take
 * the request apart, to hand it to the same door as `hf.fetch`, and to write the answer as it comes.
 */
export class Forwarder {
  readonly #parts: ForwarderParts;
  readonly #upstreams = new Map<string, Upstream>();

  constructor(parts: ForwarderParts) {
    this.#parts = parts;
  }

  /** Answers a request to `/to/…`. It never rejects. */
  async handle(request: IncomingMessage, response: ServerResponse, leaving: Leaving): Promise<void> {
    const { engine } = this.#parts.open;
    const operation = uuidv7(engine.runtime.clock.now(), engine.runtime.random);
    const asked = { operation, applied: undefined as string | undefined };
    try {
      const admitted = this.#admit(request);
      asked.applied = preferenceApplied(admitted.preferences);
      const reading = readBody(request, lengthOf(admitted.head), this.#parts.limits);
      // What need not be waited for is not: each turn that a request waits is a turn of all the others.
      const body = reading instanceof Promise ? await reading : reading;
      if (admitted.preferences.respondAsync) {
        await this.#accept(admitted, body, response);
        return;
      }
      const answer = await this.#send(admitted, body, leaving, operation);
      const own = toldOf(answer, operation, { applied: asked.applied, once: body.kind === "once" });
      const writing = writeAnswer(response, answer, own, admitted.method);
      if (writing !== undefined) await writing;
    } catch (error) {
      this.#refuse(response, error, asked, request.url ?? "");
    }
  }

  #admit(request: IncomingMessage): Admitted {
    const { authenticator, strangers } = this.#parts;
    const { api: name, rest } = targetOf(request.url ?? "");
    const head = readHead(request.rawHeaders);
    refuseIf(strangers.refusal(head.read));
    const upstream = this.#find(name);
    // Where we bring the upstream's credential, its header is free for ours.
    const injects = upstream?.api.credential !== undefined;
    const { principal, refusal } = authenticator.authenticate(head.read, request.socket.remoteAddress ?? "", injects);
    if (principal === undefined) throw problemFor(refusal);
    refuseIf(refusalOfScope(principal, "call"));
    refuseIf(refusalOfApi(principal, name));
    if (upstream === undefined) throw this.#unknown(name);
    if (injects) head.headers.delete("authorization");
    const preferences = readPrefer(head.own["prefer"]);
    if (preferences.rest !== undefined) head.headers.set("prefer", preferences.rest);
    const labels = head.own["holdfast-labels"];
    return {
      upstream,
      head,
      method: request.method ?? "GET",
      rest,
      preferences,
      labels: labels === undefined ? undefined : readLabels(labels),
      principal,
    };
  }

  /** Sends it now, and answers what comes back. */
  #send(admitted: Admitted, body: RequestBody, leaving: Leaving, operation: string): Promise<HttpAnswer> {
    const { upstream, preferences, labels, principal } = admitted;
    const waitMs = (preferences.waitSeconds ?? 0) * 1_000;
    const door = labels === undefined && principal.account === undefined ? upstream.door : this.#door(admitted);
    return door.forward(requestOf(admitted, body, leaving), {
      operation,
      joinForMs: waitMs,
      withinMs: waitMs === 0 ? undefined : waitMs,
    });
  }

  /** Puts it on disk, and answers 202; or, where its caller waits, with the end of it. */
  async #accept(admitted: Admitted, body: RequestBody, response: ServerResponse): Promise<void> {
    const { hf, engine } = this.#parts.open;
    const { upstream, method, rest, head, labels, principal, preferences } = admitted;
    const acceptance = {
      api: upstream.api,
      method,
      path: pathOf(rest),
      headers: head.headers,
      body,
      labels,
      account: principal.account,
      preferences,
    };
    await acceptOperation(hf, acceptance, response, engine.runtime.clock);
  }

  #door({ upstream, labels, principal }: Admitted): FetchDoor {
    const { open } = this.#parts;
    const { account } = principal;
    return new FetchDoor(open.engine, open.find(upstream.api.name), {
      ...(labels === undefined ? {} : { labels }),
      ...(account === undefined ? {} : { partition: account }),
    });
  }

  #find(name: string): Upstream | undefined {
    const { open } = this.#parts;
    if (!open.knows(name)) return undefined;
    const opened = open.find(name);
    const found = this.#upstreams.get(name);
    if (found?.api === opened.api) return found;
    const { baseUrl } = opened.api;
    if (baseUrl === undefined) return undefined;
    const base = baseUrl.href.replace(/\/$/, "");
    // A copy: a request whose URL was made by this definition must not get the credential of a later one.
    const upstream = { api: opened.api, base, door: new FetchDoor(open.engine, { ...opened }, {}) };
    this.#upstreams.set(name, upstream);
    return upstream;
  }

  #unknown(name: string): ProblemError {
    const told = this.#parts.open.knows(name)
      ? `apis.${name}.baseUrl is not set, so there is nowhere to send this; set it`
      : `there is no API named ${JSON.stringify(name.slice(0, 100))}; it would stand under apis in the config`;
    return new ProblemError("unknown-api", told);
  }

  #refuse(
    response: ServerResponse,
    error: unknown,
    { operation, applied }: { readonly operation: string; readonly applied: string | undefined },
    url: string,
  ): void {
    if (response.destroyed) return;
    const { code, detail, details, outcome } = told(error);
    if (code === "internal") this.#parts.failed(error, url);
    const id = details.operation ?? operation;
    const attempts = details.attempts ?? 0;
    writeProblem(
      response,
      code,
      detail,
      { ...details, operation: id, attempts },
      {
        "holdfast-operation": id,
        "holdfast-attempts": String(attempts),
        "holdfast-outcome": outcome,
        ...(applied === undefined ? {} : { "preference-applied": applied }),
      },
    );
  }
}

function requestOf({ upstream, head, method, rest }: Admitted, body: RequestBody, leaving: Leaving): HttpRequest {
  const path = pathOf(rest);
  const queryAt = path.indexOf("?");
  const { headers } = head;
  if (body.kind === "once" && body.length !== undefined) headers.set("content-length", body.length);
  return {
    method,
    url: upstream.base + path,
    path: queryAt < 0 ? path : path.slice(0, queryAt),
    headers,
    body: (body.kind === "whole" ? body.bytes : body.stream) as BodyInit | null,
    replayable: body.kind === "whole",
    signal: undefined,
    leaving,
  };
}

/** Path and query below the base URL. */
function pathOf(rest: string): string {
  return rest.startsWith("/") ? rest : `/${rest}`;
}

function lengthOf({ own }: RequestHead): { readonly length: string | undefined; readonly chunked: boolean } {
  return { length: own["content-length"], chunked: own["transfer-encoding"] !== undefined };
}

/** What is said of the work behind an answer. */
export function toldOf(
  answer: HttpAnswer,
  operation: string,
  { applied, once }: { readonly applied: string | undefined; readonly once: boolean },
): OwnHeaders {
  const explanation = explain(answer);
  const headers: Record<string, string> = {
    "holdfast-operation": explanation?.operation ?? operation,
    "holdfast-attempts": explanation === undefined ? "1" : String(explanation.attempts),
    "holdfast-outcome": explanation?.outcome ?? "succeeded",
  };
  if (applied !== undefined) headers["preference-applied"] = applied;
  if (once) headers["holdfast-body"] = "sent-once";
  // An SDK's own retries would only multiply ours.
  if (explanation !== undefined && isFinal(explanation)) {
    headers["x-should-retry"] = "false";
    headers["stripe-should-retry"] = "false";
  }
  return headers;
}

/** What an error is told as. What the upstream did to a connection is its fault, and what is neither is ours. */
function told(error: unknown): {
  readonly code: ProblemCode;
  readonly detail: string;
  readonly details: ProblemDetails;
  readonly outcome: Explanation["outcome"];
} {
  const explanation = explain(error);
  const known = problemOf(error);
  const details: ProblemDetails = {
    ...known?.details,
    ...(explanation?.operation === undefined ? {} : { operation: explanation.operation }),
    ...(explanation === undefined ? {} : { attempts: explanation.attempts, because: explanation.because }),
    ...(explanation?.retryAfterMs === undefined ? {} : { retryAfterMs: explanation.retryAfterMs }),
  };
  const outcome = explanation?.outcome ?? (known?.code === "operation-failed" ? "failed" : "refused");
  if (known !== undefined) return { code: known.code, detail: known.detail, details, outcome };
  if (explanation?.verdict !== undefined || explanation?.outcome === "failed") {
    return { code: "upstream-unreachable", detail: explanation.verdict?.because ?? explanation.because.code, details, outcome };
  }
  return { code: "internal", detail: "something went wrong here; the gateway's log says what", details, outcome: "failed" };
}

function refuseIf(refusal: Refusal | undefined): void {
  if (refusal !== undefined) throw problemFor(refusal);
}

function problemFor({ code, detail, ...details }: Refusal): ProblemError {
  return new ProblemError(code, detail, details);
}
