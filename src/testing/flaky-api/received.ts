import type { IncomingHttpHeaders } from "node:http";

/** One request as the flaky API got it, whole. What costs time to read is read when it is first asked for. */
export class Received {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly bytes: Uint8Array;
  /** Wall-clock milliseconds, measured monotonically from the server's start. */
  readonly at: number;
  readonly #search: string;
  #query: URLSearchParams | undefined;
  #body: { readonly value: unknown } | undefined;

  constructor(wire: { method: string; target: string; headers: IncomingHttpHeaders; bytes: Uint8Array; at: number }) {
    const mark = wire.target.indexOf("?");
    this.method = wire.method;
    this.path = mark === -1 ? wire.target : wire.target.slice(0, mark);
    this.#search = mark === -1 ? "" : wire.target.slice(mark + 1);
    this.headers = wire.headers;
    this.bytes = wire.bytes;
    this.at = wire.at;
  }

  get query(): URLSearchParams {
    return (this.#query ??= new URLSearchParams(this.#search));
  }

  /** The body's value: of JSON or of a form; `undefined` where it is neither. */
  get body(): unknown {
    return (this.#body ??= { value: parseBody(this.bytes, this.headers["content-type"] ?? "") }).value;
  }

  get text(): string {
    return new TextDecoder().decode(this.bytes);
  }

  /** A header's value; several of one name are joined as HTTP joins them. */
  header(name: string): string | undefined {
    const value = this.headers[name];
    return Array.isArray(value) ? value.join(", ") : value;
  }
}

function parseBody(bytes: Uint8Array, contentType: string): unknown {
  if (bytes.length === 0) return undefined;
  const text = new TextDecoder().decode(bytes);
  if (contentType.startsWith("application/x-www-form-urlencoded")) return Object.fromEntries(new URLSearchParams(text));
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
