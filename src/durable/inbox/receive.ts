import { StoreError } from "../../core/errors.ts";
import type { Runtime } from "../../engine/runtime.ts";
import type { InboxStore, TakeResult } from "../../ports/inbox-store.ts";
import type { NewOperation } from "../../ports/operation-store.ts";
import type { WebhookEvent } from "../../policy/webhook/verification.ts";
import { readBody } from "./read-body.ts";
import type { Verifier } from "./options.ts";

/** How what comes in reaches the rest. */
export interface ReceivePorts {
  readonly source: string;
  readonly store: InboxStore;
  readonly runtime: Runtime;
  readonly verify: Verifier;
  readonly keepMs: number;
  readonly maxBytes: number;
  /** What is to be done about an event. */
  readonly operationOf: (event: WebhookEvent, headers: Headers, now: number) => Promise<NewOperation>;
  /** Told of operations that are durable now. */
  readonly accepted: (operation: NewOperation) => void;
}

const RETRY_AFTER_S = "5";

/**
 * Takes one delivery: verified on the bytes that came, taken once by (source, id), answered 2xx only when that is durable.
 *
 * | answer | when |
 * | ------ | ---- |
 * | 200    | taken now, or taken before: a duplicate |
 * | 401    | not signed, not by the sender, or not now |
 * | 400    | signed, and without an id |
 * | 409    | an event of this id was taken before, with another body |
 * | 413    | longer than is taken |
 * | 503    | the store does not answer: the sender should come again |
 */
export async function receive(request: Request, ports: ReceivePorts): Promise<Response> {
  const { source, runtime, verify, maxBytes } = ports;
  const { clock, events } = runtime;
  if (request.method !== "POST") return problem(405, "method-not-allowed", "webhooks come by POST", { allow: "POST" });
  const body = await readBody(request, maxBytes);
  if (body === undefined) return problem(413, "too-large", `a webhook of ${source} has at most ${maxBytes} bytes`);
  const now = clock.now();
  const told = await verify({ method: request.method, url: request.url, headers: request.headers, body }, now);
  if (told.state === "handshake") return new Response(told.answer, { headers: { "content-type": "text/plain" } });
  if (told.state === "refused") {
    const { refusal, because } = told;
    if (events.wants("inbox:refused")) events.emit("inbox:refused", { source, refusal, because });
    const unsigned = refusal === "signature-missing" || refusal === "signature-wrong" || refusal === "timestamp-wrong";
    return problem(unsigned ? 401 : 400, refusal, because);
  }
  let results: readonly TakeResult[];
  try {
    results = await take(told.events, request.headers, now, ports);
  } catch (error) {
    if (events.wants("store:failed")) events.emit("store:failed", { error });
    if (error instanceof StoreError) return problem(503, "store", "it could not be kept; come again", { "retry-after": RETRY_AFTER_S });
    throw error;
  }
  return answer(told.events, results, ports);
}

async function take(events: readonly WebhookEvent[], headers: Headers, now: number, ports: ReceivePorts): Promise<readonly TakeResult[]> {
  const { source, store, keepMs, operationOf, accepted } = ports;
  const requests = await Promise.all(
    events.map(async (event) => ({
      source,
      id: event.id,
      fingerprint: event.fingerprint ?? (await digest(event.content)),
      now,
      keepUntil: now + keepMs,
      operations: [await operationOf(event, headers, now)],
    })),
  );
  const results = await store.take(requests);
  for (const [index, result] of results.entries()) {
    if (result.state !== "taken") continue;
    for (const operation of requests[index]?.operations ?? []) accepted(operation);
  }
  return results;
}

function answer(taken: readonly WebhookEvent[], results: readonly TakeResult[], { source, runtime: { events } }: ReceivePorts): Response {
  const counts = { taken: 0, duplicates: 0, conflicts: 0 };
  for (const [index, result] of results.entries()) {
    const { id } = taken[index] as WebhookEvent;
    switch (result.state) {
      case "taken":
        counts.taken += 1;
        if (events.wants("inbox:taken")) {
          events.emit("inbox:taken", { source, id, operations: result.operations.map((operation) => operation.id) });
        }
        break;
      case "duplicate":
        counts.duplicates += 1;
        if (events.wants("inbox:duplicate")) events.emit("inbox:duplicate", { source, id, takenAt: result.takenAt });
        break;
      case "conflict":
        counts.conflicts += 1;
        if (events.wants("inbox:conflict")) events.emit("inbox:conflict", { source, id, takenAt: result.takenAt });
        break;
    }
  }
  if (counts.conflicts === 0) return Response.json(counts);
  return problem(409, "conflict", "an event of this id was taken before, with another body; this one was not taken");
}

async function digest(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return [...hash].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

function problem(status: number, code: string, detail: string, headers: Readonly<Record<string, string>> = {}): Response {
  return new Response(JSON.stringify({ status, code, detail }), {
    status,
    headers: { "content-type": "application/problem+json", ...headers },
  });
}
