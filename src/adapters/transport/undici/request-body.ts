import { Readable } from "node:stream";

/** A body as undici takes it. `type` is its content type, where it says one by itself. */
export interface WireBody {
  readonly body: string | Uint8Array | Readable | null;
  readonly type?: string | undefined;
}

/** What `fetch` may be given, as bytes or as a stream. Only a form or a Blob has to be waited for. */
export function wireBodyOf(body: unknown): WireBody | Promise<WireBody> {
  if (body === null || body === undefined) return { body: null };
  if (body instanceof Uint8Array) return { body };
  if (typeof body === "string") return { body, type: "text/plain;charset=UTF-8" };
  if (body instanceof URLSearchParams) return { body: body.toString(), type: "application/x-www-form-urlencoded;charset=UTF-8" };
  if (body instanceof ArrayBuffer) return { body: new Uint8Array(body) };
  if (ArrayBuffer.isView(body)) return { body: new Uint8Array(body.buffer, body.byteOffset, body.byteLength) };
  if (body instanceof Readable) return { body };
  if (body instanceof ReadableStream || (typeof body === "object" && Symbol.asyncIterator in body)) {
    return { body: Readable.from(body as AsyncIterable<Uint8Array>, { objectMode: false }) };
  }
  return whole(body as BodyInit);
}

/** Through a Response, which knows how a form is written and which boundary it has then. */
async function whole(body: BodyInit): Promise<WireBody> {
  const response = new Response(body);
  return { body: new Uint8Array(await response.arrayBuffer()), type: response.headers.get("content-type") ?? undefined };
}
