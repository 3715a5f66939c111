import type { IncomingMessage, ServerResponse } from "node:http";
import { Readable } from "node:stream";

/** A request of node:http as the `Request` that everything but the hot path takes. `signal` aborts when its client leaves. */
export function toRequest(message: IncomingMessage, signal: AbortSignal): Request {
  const headers = new Headers();
  const { rawHeaders, method = "GET" } = message;
  for (let index = 0; index < rawHeaders.length; index += 2) headers.append(rawHeaders[index] as string, rawHeaders[index + 1] as string);
  const hasBody = method !== "GET" && method !== "HEAD";
  const url = `http://${headers.get("host") ?? "localhost"}${message.url ?? "/"}`;
  return new Request(url, {
    method,
    headers,
    signal,
    ...(hasBody ? { body: Readable.toWeb(message) as unknown as BodyInit, duplex: "half" } : {}),
  });
}

/** Writes a `Response`, as it comes. Resolves when all of it is written, or its reader has left. */
export async function writeResponse(from: Response, to: ServerResponse): Promise<void> {
  const head: string[] = [];
  for (const [name, value] of from.headers) head.push(name, value);
  to.writeHead(from.status, head);
  if (from.body === null) {
    to.end();
    return;
  }
  to.flushHeaders();
  const reader = from.body.getReader();
  const hangUp = (): void => void reader.cancel().catch(() => undefined);
  to.once("close", hangUp);
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done || to.destroyed) break;
      if (!to.write(value)) await new Promise<void>((resolve) => to.once("drain", resolve).once("close", resolve));
    }
    to.end();
  } catch {
    to.destroy();
  } finally {
    to.off("close", hangUp);
  }
}
