import type { StoredRequest } from "../ports/dead-letter-store.ts";

/** Bytes as JSON can carry them. */
export type ShownBytes = { readonly text: string } | { readonly base64: string };

export function shownBytes(bytes: Uint8Array): ShownBytes {
  try {
    return { text: new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes) };
  } catch {
    return { base64: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64") };
  }
}

/** A stored request whole; its credentials were never in it. */
export function shownRequest({ method, url, headers, body }: StoredRequest): object {
  return { method, url, headers, ...(body === undefined ? {} : { body: shownBytes(body) }) };
}
