import { STATUS_CODES, type ServerResponse } from "node:http";
import type { HttpAnswer } from "../client/http-answer.ts";
import type { BodyPieces } from "../ports/transport.ts";
import { WireHeaders } from "../ports/wire-headers.ts";
import { problem, retryAfterOf, type ProblemCode, type ProblemDetails } from "./problem.ts";
import { nominated } from "./request-head.ts";

/** What is said of the work behind an answer. Names are as they are written, in lower case. */
export type OwnHeaders = Readonly<Record<string, string>>;

/** About the connection that the answer came by, and not about the answer; or written anew. */
const STAYS: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "content-length",
]);
const OWN_PREFIX = "holdfast-";

/** A reason phrase that can be written as it is. */
const PHRASE = /^[\t -~]+$/;

/** Up to this a body is put behind its head as text, byte by byte a character: one write, where a body of bytes takes two. */
const TEXT_BYTES = 12 * 1024;

/**
 * Writes an answer of the upstream, with what there is to say about it. Answers a promise where the body still comes: it resolves when
 * all of it is written, or its reader has left.
 */
export function writeAnswer(response: ServerResponse, answer: HttpAnswer, own: OwnHeaders, method: string): Promise<void> | undefined {
  const { status, statusText, bytes } = answer;
  const head = headOf(answer, own);
  if (method === "HEAD" || status === 204 || status === 304) {
    // What a GET would have had is said of a HEAD and of a 304 too (RFC 9110 §8.6).
    const length = answer.headers.get("content-length");
    if (length !== null && status !== 204) head.push("content-length", length);
    writeHead(response, status, statusText, head);
    response.end();
    answer.discard();
    return undefined;
  }
  if (bytes === undefined) return writeStream(response, answer, head);
  const trailers = trailersOf(answer);
  // Only a chunked body has room for them.
  if (trailers === undefined) head.push("content-length", String(bytes.length));
  writeHead(response, status, statusText, head);
  if (trailers !== undefined) response.addTrailers(trailers);
  if (bytes.length > TEXT_BYTES) response.end(bytes);
  else response.end(latin1(bytes), "latin1");
  return undefined;
}

function latin1({ buffer, byteOffset, byteLength }: Uint8Array): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString("latin1");
}

async function writeStream(response: ServerResponse, answer: HttpAnswer, head: string[]): Promise<void> {
  const { status, statusText } = answer;
  const pieces = answer.pieces();
  const length = answer.headers.get("content-length");
  if (length !== null) head.push("content-length", length);
  writeHead(response, status, statusText, head);
  // Whoever waits for a stream wants to know that it has begun.
  response.flushHeaders();
  if (pieces !== undefined) await pass(pieces, response);
  if (response.destroyed) return;
  const trailers = trailersOf(answer);
  if (trailers !== undefined) response.addTrailers(trailers);
  response.end();
}

/** Passes a body on as it comes, no faster than it is taken. One that breaks off breaks off here too. */
async function pass(pieces: BodyPieces, response: ServerResponse): Promise<void> {
  const hangUp = (): void => void pieces.cancel();
  response.once("close", hangUp);
  try {
    for (;;) {
      const { done, value } = await pieces.read();
      if (done || response.destroyed) return;
      if (!response.write(value)) await drained(response);
    }
  } catch {
    response.destroy();
  } finally {
    response.off("close", hangUp);
  }
}

/** Resolves when more may be written, or nobody is there to read it. */
function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const go = (): void => {
      response.off("drain", go).off("close", go);
      resolve();
    };
    response.on("drain", go).on("close", go);
  });
}

/** Trailer fields that may go on; undefined where there are none. */
function trailersOf(answer: HttpAnswer): [string, string][] | undefined {
  const { trailers } = answer;
  if (trailers === undefined) return undefined;
  const fields = Object.entries(trailers).filter(([name]) => !STAYS.has(name));
  return fields.length === 0 ? undefined : fields.map(([name, value]) => [name, String(value)]);
}

function headOf(answer: HttpAnswer, own: OwnHeaders): string[] {
  const { headers } = answer;
  const list: string[] = [];
  const connection = headers.get("connection");
  const hops = connection === null || connection === "keep-alive" ? undefined : nominated(connection);
  if (headers instanceof WireHeaders) {
    const { fields } = headers;
    for (const name of Object.keys(fields)) {
      if (STAYS.has(name) || name.startsWith(OWN_PREFIX) || hops?.includes(name) === true) continue;
      const value = fields[name] as string | string[];
      if (typeof value === "string") list.push(name, value);
      else for (const one of value) list.push(name, one);
    }
  } else {
    for (const [name, value] of headers) {
      if (!STAYS.has(name) && !(name.startsWith(OWN_PREFIX) && name !== BODY_NOT_KEPT) && hops?.includes(name) !== true)
        list.push(name, value);
    }
  }
  for (const name in own) list.push(name, own[name] as string);
  return list;
}

/** Said of an answer that is given again, and of which only the head was kept. */
const BODY_NOT_KEPT = "holdfast-body-not-kept";

function writeHead(response: ServerResponse, status: number, statusText: string, head: string[]): void {
  if (statusText === "" || statusText === STATUS_CODES[status] || !PHRASE.test(statusText)) response.writeHead(status, head);
  else response.writeHead(status, statusText, head);
}

/** Writes an error of the gateway's own. */
export function writeProblem(response: ServerResponse, code: ProblemCode, detail: string, details: ProblemDetails, own: OwnHeaders): void {
  if (response.headersSent || response.destroyed) {
    response.destroy();
    return;
  }
  const told = problem(code, detail, details);
  const bytes = Buffer.from(JSON.stringify(told));
  const retryAfter = retryAfterOf(told, details.retryAfterMs);
  response.writeHead(told.status, {
    ...details.headers,
    "content-type": "application/problem+json",
    "content-length": bytes.length,
    ...(retryAfter === undefined ? {} : { "retry-after": retryAfter }),
    ...own,
  });
  response.end(bytes);
}
