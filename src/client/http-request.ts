import { ConfigError } from "../core/errors.ts";
import type { ResolvedApi } from "../api/resolve-api.ts";
import type { StoredRequest } from "../ports/dead-letter-store.ts";

/** A request, taken apart once so that it can be sent any number of times. */
export interface HttpRequest {
  readonly method: string;
  /** Absolute. */
  readonly url: string;
  /** Path below the base URL, without the query: what endpoints are named by. */
  readonly path: string;
  readonly headers: Headers;
  /** What is sent; a stream only where `replayable` is false. */
  readonly body: BodyInit | null;
  /** Whether the body can be sent again: a stream that the caller handed in cannot. */
  readonly replayable: boolean;
  readonly signal: AbortSignal | undefined;
  /** The rest of the caller's init, passed on as it is (`dispatcher`, `credentials`, `keepalive`…). */
  readonly rest: RequestInit;
}

const READS: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS"]);
const IDEMPOTENT: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "PUT", "DELETE"]);

export function isRead(method: string): boolean {
  return READS.has(method);
}

/** Safe or idempotent by its method (RFC 9110 §9.2.2). */
export function isIdempotent(method: string): boolean {
  return IDEMPOTENT.has(method);
}

/** Reads what a caller of `fetch` gave. A Request's body is read whole, since it can be read only once. */
export async function readRequest(api: ResolvedApi, input: string | URL | Request, init: RequestInit = {}): Promise<HttpRequest> {
  const request = typeof input === "object" && "method" in input ? input : undefined;
  const method = (init.method ?? request?.method ?? "GET").toUpperCase();
  const url = resolveUrl(api, typeof input === "string" ? input : input instanceof URL ? input.href : (request as Request).url);
  const headers = new Headers(init.headers ?? request?.headers);
  const own = init.body === undefined ? await bodyOf(request) : (init.body ?? null);
  const replayable = !(own instanceof ReadableStream) && !isAsyncIterable(own);
  const { method: _method, headers: _headers, body: _body, signal, ...rest } = init;
  return {
    method,
    url: url.href,
    path: pathBelow(api.baseUrl, url),
    headers,
    body: own,
    replayable,
    signal: signal ?? (init.signal === null ? undefined : request?.signal),
    rest,
  };
}

async function bodyOf(request: Request | undefined): Promise<Uint8Array<ArrayBuffer> | null> {
  if (request === undefined || request.body === null) return null;
  return new Uint8Array(await request.arrayBuffer());
}

function isAsyncIterable(body: unknown): boolean {
  return typeof body === "object" && body !== null && Symbol.asyncIterator in body && !(body instanceof Blob);
}

function resolveUrl(api: ResolvedApi, text: string): URL {
  const { baseUrl, name } = api;
  if (URL.canParse(text)) {
    const url = new URL(text);
    if (baseUrl !== undefined && url.origin !== baseUrl.origin) {
      throw new ConfigError({
        path: `apis.${name}.baseUrl`,
        message: `the request goes to ${url.origin}, but apis.${name}.baseUrl stands at ${baseUrl.origin}; its credential and limits would follow a stranger. Give that origin an API of its own, or leave out baseUrl`,
      });
    }
    return url;
  }
  if (baseUrl === undefined) {
    throw new ConfigError({
      path: `apis.${name}.baseUrl`,
      message: `${JSON.stringify(text)} is a path, and apis.${name}.baseUrl is not set; set it, or give a full URL`,
    });
  }
  const base = baseUrl.href.endsWith("/") ? baseUrl.href.slice(0, -1) : baseUrl.href;
  return new URL(text.startsWith("/") || text === "" ? `${base}${text}` : text.startsWith("?") ? `${base}${text}` : `${base}/${text}`);
}

function pathBelow(baseUrl: URL | undefined, url: URL): string {
  const prefix = baseUrl === undefined || baseUrl.pathname === "/" ? "" : baseUrl.pathname.replace(/\/$/, "");
  return url.pathname.startsWith(`${prefix}/`) ? url.pathname.slice(prefix.length) : url.pathname;
}

/** What the payload is, for a fingerprint: the parsed JSON where it is JSON, a form's fields, else the text or the bytes. */
export async function payloadOf(request: HttpRequest): Promise<unknown> {
  const { body, headers } = request;
  const query = new URL(request.url).search;
  if (body === null) return [query, null];
  if (typeof body === "string") return [query, (headers.get("content-type") ?? "json").includes("json") ? parsed(body) : body];
  if (body instanceof URLSearchParams) return [query, [...body]];
  if (body instanceof FormData) {
    const fields: unknown[] = [];
    for (const [name, value] of body)
      fields.push([name, typeof value === "string" ? value : [value.name, value.type, hex(await bytesOf(value))]]);
    return [query, fields];
  }
  const bytes = await bytesOf(body);
  const isJson = (headers.get("content-type") ?? "").includes("json");
  return [query, isJson ? parsed(new TextDecoder().decode(bytes)) : hex(bytes)];
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Not JSON after all: the text is what it is.
    return text;
  }
}

async function bytesOf(body: BodyInit): Promise<Uint8Array> {
  return new Uint8Array(await new Response(body).arrayBuffer());
}

function hex(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += byte.toString(16).padStart(2, "0");
  return text;
}

/** The request for a dead letter: allow-listed headers, the body's bytes. Undefined where the body is gone. */
export async function storedRequest(request: HttpRequest, headers: Headers, keep: ReadonlySet<string>): Promise<StoredRequest | undefined> {
  if (!request.replayable) return undefined;
  const { method, url, body } = request;
  if (body === null) return { method, url, headers: kept(headers, keep) };
  // Through a Response, so that a form gets the boundary that its content type names.
  const whole = new Response(body);
  const all = new Headers(headers);
  const type = whole.headers.get("content-type");
  if (!all.has("content-type") && type !== null) all.set("content-type", type);
  return { method, url, headers: kept(all, keep), body: new Uint8Array(await whole.arrayBuffer()) };
}

function kept(headers: Headers, keep: ReadonlySet<string>): (readonly [string, string])[] {
  return [...headers].filter(([name]) => keep.has(name));
}
