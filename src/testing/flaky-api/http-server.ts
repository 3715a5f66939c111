import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { errorAnswer } from "./answer.ts";

/** Takes a request whose body has arrived. */
export type TakeRequest = (message: IncomingMessage, bytes: Uint8Array, response: ServerResponse) => void;

export interface HttpServer {
  /** Without a closing slash. */
  readonly url: string;
  readonly port: number;
  /** Cuts every connection and lets go of the port. */
  close(): Promise<void>;
}

/** A larger body is refused with 413 and does not reach the ledger. */
const BODY_LIMIT = 16 * 1024 * 1024;

/** Listens, and hands over each request once it is whole. */
export async function listen(place: { readonly port: number; readonly host: string }, take: TakeRequest): Promise<HttpServer> {
  const server = createServer({ keepAliveTimeout: 60_000 }, (message, response) => {
    response.sendDate = false;
    collect(message, response, (bytes) => {
      try {
        take(message, bytes, response);
      } catch (error) {
        // A ledger that cannot be written must not look like an API that works.
        refuseWith(response, 500, "FLAKY_API_FAULT", error instanceof Error ? error.message : String(error));
      }
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(place.port, place.host, resolve);
  });
  const { address, family, port } = server.address() as AddressInfo;
  return {
    url: `http://${family === "IPv6" ? `[${address}]` : address}:${port}`,
    port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function collect(message: IncomingMessage, response: ServerResponse, whole: (bytes: Uint8Array) => void): void {
  const chunks: Uint8Array[] = [];
  let size = 0;
  message.on("data", (chunk: Uint8Array) => {
    size += chunk.length;
    if (size <= BODY_LIMIT) chunks.push(chunk);
  });
  message.on("end", () => {
    if (size > BODY_LIMIT) refuseWith(response, 413, "TOO_LARGE", "the body is larger than 16 MiB");
    else whole(chunks.length === 1 ? (chunks[0] as Uint8Array) : Buffer.concat(chunks));
  });
}

function refuseWith(response: ServerResponse, status: number, code: string, text: string): void {
  const { headers, body } = errorAnswer(status, code, text);
  if (response.headersSent) response.destroy();
  else response.writeHead(status, [...headers]).end(body);
}
