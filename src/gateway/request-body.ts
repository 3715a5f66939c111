import type { IncomingMessage } from "node:http";
import { Readable } from "node:stream";
import { ProblemError } from "./problem.ts";

/** How large the body of a request may be, in bytes. */
export interface BodyLimits {
  /** Up to this it is held, so that it can be sent again. */
  readonly replayBytes: number;
  /** Over this it is refused. */
  readonly maxBytes: number;
}

/** The body of a request on its way to an upstream. */
export type RequestBody =
  | { readonly kind: "whole"; readonly bytes: Uint8Array | null }
  /** Too long to be held: it goes through once. `length` is what its sender says. */
  | { readonly kind: "once"; readonly stream: Readable; readonly length: string | undefined };

const NO_BODY: RequestBody = Object.freeze({ kind: "whole", bytes: null });

/** Whether a request says of itself that its body is larger than may be. */
export function refuseTooLong(length: string | undefined, maxBytes: number): void {
  if (length !== undefined && Number(length) > maxBytes) throw tooLarge(maxBytes);
}

/**
 * Reads the body as far as it may be held. One that is longer is handed on as it comes.
 *
 * @throws ProblemError for one that is too large; what the request ends with where its sender leaves
 */
export function readBody(
  request: IncomingMessage,
  { length, chunked }: { readonly length: string | undefined; readonly chunked: boolean },
  limits: BodyLimits,
): RequestBody | Promise<RequestBody> {
  if (length === "0" || (length === undefined && !chunked)) return NO_BODY;
  refuseTooLong(length, limits.maxBytes);
  if (length !== undefined && Number(length) > limits.replayBytes) return { kind: "once", stream: request, length };
  return new Promise((resolve, reject) => {
    const chunks: Uint8Array[] = [];
    let size = 0;
    const onData = (chunk: Uint8Array): void => {
      chunks.push(chunk);
      size += chunk.length;
      if (size <= limits.replayBytes) return;
      stop();
      request.pause();
      resolve({ kind: "once", stream: Readable.from(goingOn(chunks, request, limits.maxBytes), { objectMode: false }), length: undefined });
    };
    const onEnd = (): void => {
      stop();
      resolve({ kind: "whole", bytes: chunks.length === 1 ? (chunks[0] as Uint8Array) : Buffer.concat(chunks) });
    };
    const onError = (error: Error): void => {
      stop();
      reject(error);
    };
    const stop = (): void => {
      request.off("data", onData).off("end", onEnd).off("error", onError);
    };
    request.on("data", onData).on("end", onEnd).on("error", onError);
  });
}

/** What has come, and then the rest as it comes. */
async function* goingOn(chunks: readonly Uint8Array[], request: IncomingMessage, maxBytes: number): AsyncGenerator<Uint8Array> {
  let size = 0;
  for (const chunk of chunks) {
    size += chunk.length;
    if (size > maxBytes) throw tooLarge(maxBytes);
    yield chunk;
  }
  for await (const chunk of request) {
    const piece = chunk as Uint8Array;
    size += piece.length;
    if (size > maxBytes) throw tooLarge(maxBytes);
    yield piece;
  }
}

function tooLarge(maxBytes: number): ProblemError {
  return new ProblemError("body-too-large", `the body is larger than ${maxBytes} bytes (gateway.maxBody)`);
}
