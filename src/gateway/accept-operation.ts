import type { ServerResponse } from "node:http";
import type { ResolvedApi } from "../api/resolve-api.ts";
import { unquoted } from "../client/fetch-door.ts";
import type { Holdfast } from "../client/holdfast.ts";
import { HttpAnswer } from "../client/http-answer.ts";
import { isRead } from "../client/http-request.ts";
import type { Operation } from "../client/operation.ts";
import { isHoldfastError } from "../core/errors.ts";
import type { Clock } from "../ports/clock.ts";
import { isTraceparent } from "../ports/traceparent.ts";
import type { WireHeaders } from "../ports/wire-headers.ts";
import { preferenceApplied, type Preferences } from "./prefer.ts";
import { problemOf, ProblemError } from "./problem.ts";
import type { RequestBody } from "./request-body.ts";
import { writeAnswer } from "./write-answer.ts";

/** A request that is to be kept and done later. */
export interface Acceptance {
  readonly api: ResolvedApi;
  readonly method: string;
  /** Path and query below the base URL. */
  readonly path: string;
  readonly headers: WireHeaders;
  readonly body: RequestBody;
  readonly labels: Readonly<Record<string, string>> | undefined;
  readonly account: string | undefined;
  readonly preferences: Preferences;
}

/** Says how the client or its library works, and nothing about the request: an operation does without. */
const NOT_MISSED =
  /^(?:accept-encoding|baggage|cache-control|date|dnt|forwarded|from|origin|pragma|priority|referer|sec-.*|traceparent|tracestate|upgrade-insecure-requests|user-agent|via|x-forwarded-.*|x-request-id|x-stainless-.*|x-stripe-client-.*)$/;

/** Puts a request on disk and answers 202; or, where its caller waits, with the end of it. */
export async function acceptOperation(hf: Holdfast, acceptance: Acceptance, response: ServerResponse, clock: Clock): Promise<void> {
  const { api, method, path, headers, body, labels, account, preferences } = acceptance;
  if (body.kind === "once") {
    throw new ProblemError(
      "body-not-replayable",
      "the body is longer than is held (gateway.replayBody), so it cannot be kept for later; leave out Prefer: respond-async",
    );
  }
  const key = keyOf(api, headers);
  const operation = await hf.enqueue(api.name, `${method} ${path}`, {
    ...(body.bytes === null || isRead(method) ? {} : { body: new Uint8Array(body.bytes) }),
    headers: keepable(headers, api),
    ...(key === undefined ? {} : { key }),
    ...(labels === undefined ? {} : { labels }),
    ...(account === undefined ? {} : { partition: account }),
    ...traceOf(headers),
  });
  const applied = preferenceApplied(preferences) ?? "";
  if (operation.answered) {
    // A call under the same key was quicker: what it was answered is the answer.
    const own = {
      "holdfast-operation": operation.id,
      "holdfast-attempts": "0",
      "holdfast-outcome": "replayed",
      "preference-applied": applied,
    };
    await writeAnswer(response, new HttpAnswer(await operation.result()), own, method);
    return;
  }
  const { waitSeconds = 0 } = preferences;
  const answer = waitSeconds > 0 ? await within(operation, waitSeconds * 1_000, response, clock) : undefined;
  if (response.destroyed) return;
  if (answer === undefined) {
    writeAccepted(response, operation, applied);
    return;
  }
  const { attempts } = await hf.operations.get(operation.id);
  await writeAnswer(
    response,
    new HttpAnswer(answer),
    {
      "holdfast-operation": operation.id,
      "holdfast-attempts": String(attempts.length),
      "holdfast-outcome": operation.known ? "replayed" : "succeeded",
      ...(operation.known ? { "idempotency-replayed": "true" } : {}),
      "preference-applied": applied,
    },
    method,
  );
}

/** The answer, if it comes in time; undefined if it does not. */
async function within(operation: Operation, ms: number, response: ServerResponse, clock: Clock): Promise<Response | undefined> {
  const stop = new AbortController();
  const end = (): void => stop.abort(OVER);
  const timer = clock.setTimer(end, ms);
  response.once("close", end);
  try {
    return await operation.result({ signal: stop.signal });
  } catch (error) {
    if (error === OVER) return undefined;
    if (isHoldfastError(error, "operation-failed")) {
      const { code, detail, details } = problemOf(error) as NonNullable<ReturnType<typeof problemOf>>;
      throw new ProblemError(code, detail, { ...details, operation: operation.id });
    }
    throw error;
  } finally {
    clock.clearTimer(timer);
    response.off("close", end);
  }
}

const OVER = new Error("waited as long as the caller wanted");

/** It is on disk: nothing that happens to this process loses it now. */
function writeAccepted(response: ServerResponse, { id, known }: Operation, applied: string): void {
  const bytes = Buffer.from(JSON.stringify({ id, known }));
  response.writeHead(202, {
    "content-type": "application/json",
    "content-length": bytes.length,
    location: `/v1/operations/${id}`,
    "preference-applied": applied,
    "holdfast-operation": id,
    "holdfast-attempts": "0",
    "holdfast-outcome": "parked",
    ...(known ? { "idempotency-replayed": "true" } : {}),
  });
  response.end(bytes);
}

function keyOf({ idempotency }: ResolvedApi, headers: WireHeaders): string | undefined {
  const names = [idempotency?.header ?? "Idempotency-Key", "Idempotency-Key"];
  const given = names.map((name) => headers.get(name)).find((value) => value !== null && value !== "");
  return given === undefined || given === null ? undefined : unquoted(given);
}

/** The trace of whoever asks: its attempts are linked to it. */
export function traceOf(headers: { get(name: string): string | null }): { readonly trace?: string } {
  const trace = headers.get("traceparent");
  return trace !== null && isTraceparent(trace) ? { trace } : {};
}

/** What goes onto disk with it. What is neither kept nor missed is refused further on: the operation would be sent without it. */
function keepable(headers: WireHeaders, { idempotency, keepHeaders }: ResolvedApi): Readonly<Record<string, string>> {
  const kept: Record<string, string> = {};
  const keyHeader = idempotency?.header.toLowerCase();
  for (const [name, value] of headers) {
    if (name === "idempotency-key" || name === keyHeader) continue;
    if (keepHeaders.has(name) || !NOT_MISSED.test(name)) kept[name] = value;
  }
  return kept;
}
