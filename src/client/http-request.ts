import { ConfigError } from "../core/errors.ts";
import type { ResolvedApi } from "../api/resolve-api.ts";
import { sha256Hex } from "../policy/idempotency/sha256.ts";
import type { StoredRequest } from "../ports/dead-letter-store.ts";
import type { Leaving } from "../ports/leaving.ts";
import { WireHeaders } from "../ports/wire-headers.ts";

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
  /** Its caller instead, where that is one who lets go of a body that still comes by himself. */
  readonly leaving?: Leaving;
  /** The rest of the caller's init, passed on as it is (`dispatcher`, `credentials`, `keepalive`…). */
  readonly rest?: RequestInit;
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

/**
 * Reads what a caller of `fetch` gave. As with `fetch`, what the caller changes afterwards changes nothing: headers, forms and
 * bytes are copied before this first waits. A Request's body is read whole, since it can be read only once.
 */
export async function readRequest(api: ResolvedApi, input: string | URL | Request, init: RequestInit = {}): Promise<HttpRequest> {
  const request = typeof input === "object" && "method" in input ? input : undefined;
  const { body } = init;
  if (body !== undefined && body !== null) return takenApart(api, input, init, request, snapshot(body));
  const { replayable: _replayable, ...bodiless } = takenApart(api, input, init, request, null);
  const own = await bodyOf(request, body);
  return { ...bodiless, body: own, replayable: true };
}

/** Where a request goes: what is the same for all that go there. */
export interface Target {
  readonly method: string;
  /** Absolute. */
  readonly url: string;
  /** Below the base URL, without the query. */
  readonly path: string;
}

export function targetAt(api: ResolvedApi, method: string, path: string): Target {
  const url = resolveUrl(api, path);
  return { method, url: url.href, path: pathBelow(api.baseUrl, url) };
}

/** A request to a place that is known. Takes over the headers; what its caller changes in the body afterwards changes nothing. */
export function requestTo({ method, url, path }: Target, headers: Headers, body: BodyInit | null): HttpRequest {
  const own = body === null || typeof body === "string" ? body : snapshot(body);
  // A transfer is described by whoever makes it.
  if (headers.has("content-length")) headers.delete("content-length");
  return { method, url, path, headers, body: own, replayable: !isOnceOnly(own), signal: undefined, rest: {} };
}

function takenApart(
  api: ResolvedApi,
  input: string | URL | Request,
  init: RequestInit,
  request: Request | undefined,
  own: BodyInit | null,
): HttpRequest {
  const method = (init.method ?? request?.method ?? "GET").toUpperCase();
  const url = resolveUrl(api, typeof input === "string" ? input : input instanceof URL ? input.href : (request as Request).url);
  const headers = new Headers(init.headers ?? request?.headers);
  const { method: _method, headers: _headers, body: _body, signal, ...rest } = init;
  refuseLeak(api, rest.redirect);
  // A transfer is described by whoever makes it.
  headers.delete("content-length");
  return {
    method,
    url: url.href,
    path: pathBelow(api.baseUrl, url),
    headers,
    body: own,
    replayable: !isOnceOnly(own),
    signal: signal ?? (signal === null ? undefined : request?.signal),
    rest: request === undefined ? rest : { ...requestInitOf(request), ...rest },
  };
}

/** `fetch` takes `Authorization` off where a redirect leads elsewhere, and knows no other header that carries a credential. */
function refuseLeak({ credential, name }: ResolvedApi, redirect: RequestInit["redirect"]): void {
  if (redirect !== "follow" || credential === undefined || credential.headerName === "authorization") return;
  const where = credential.headerName ?? "the query";
  throw new ConfigError({
    path: "init.redirect",
    message: `init.redirect is "follow", and the credential of apis.${name}.auth stands in ${where}, which would follow to wherever the redirect leads; leave it out, and follow the Location by yourself`,
  });
}

/** The body of the Request, unless init takes it away by `null`. */
async function bodyOf(request: Request | undefined, body: null | undefined): Promise<Uint8Array<ArrayBuffer> | null> {
  if (body === null || !request?.body) return null;
  return new Uint8Array(await request.arrayBuffer());
}

/**
 * What a Request says beside method, headers, body and signal. Its `redirect` is passed on unless it is `follow`, which is what
 * every Request says that says nothing.
 */
function requestInitOf(request: Request): RequestInit {
  const { cache, credentials, integrity, keepalive, mode, redirect, referrer, referrerPolicy } = request;
  return {
    cache,
    credentials,
    integrity,
    keepalive,
    mode,
    referrer,
    referrerPolicy,
    ...(redirect === "follow" ? {} : { redirect }),
  };
}

/** A body that its owner cannot change any more. Strings and Blobs are so by themselves; a stream is passed on as it is. */
function snapshot(body: BodyInit): BodyInit {
  if (body instanceof URLSearchParams) return new URLSearchParams(body);
  if (body instanceof FormData) {
    const copy = new FormData();
    for (const [name, value] of body) copy.append(name, value as string);
    return copy;
  }
  if (body instanceof ArrayBuffer) return body.slice(0);
  if (ArrayBuffer.isView(body)) return new Uint8Array(body.buffer, body.byteOffset, body.byteLength).slice();
  return body;
}

/** Streams, Node's own included, and generators. */
function isOnceOnly(body: BodyInit | null): boolean {
  if (body === null || typeof body === "string") return false;
  return body instanceof ReadableStream || (typeof body === "object" && body !== null && Symbol.asyncIterator in body);
}

function resolveUrl(api: ResolvedApi, text: string): URL {
  const url = absolute(api, text);
  if (url.username !== "" || url.password !== "") {
    throw new ConfigError({
      path: `apis.${api.name}.auth`,
      message: `the URL of the request holds a credential, which would be logged and kept; put it under apis.${api.name}.auth`,
    });
  }
  url.hash = "";
  return url;
}

function absolute({ baseUrl, name }: ResolvedApi, text: string): URL {
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
  return new URL(text === "" || text.startsWith("/") || text.startsWith("?") ? `${base}${text}` : `${base}/${text}`);
}

/** Path of a URL below the base URL. */
export function pathBelow(baseUrl: URL | undefined, url: URL): string {
  const prefix = baseUrl === undefined || baseUrl.pathname === "/" ? "" : baseUrl.pathname.replace(/\/$/, "");
  return url.pathname.startsWith(`${prefix}/`) ? url.pathname.slice(prefix.length) : url.pathname;
}

/**
 * What the payload is, for a fingerprint: the parsed JSON where it is JSON, a form's fields, else the text or a hash of the bytes.
 * The same request gives the same whether it comes from its caller or, as bytes, out of a dead letter.
 */
export function payloadOf(request: HttpRequest): Payload | Promise<Payload> {
  const { body, headers, url } = request;
  const query = queryOf(url);
  const content = contentOf(body, headers.get("content-type"));
  return content instanceof Promise ? content.then((read: unknown): Payload => [query, read]) : [query, content];
}

/** The query of a URL without a fragment, as `URL.search` says it, which leaves out a mark that nothing follows. */
export function queryOf(url: string): string {
  const from = url.indexOf("?");
  return from < 0 || from === url.length - 1 ? "" : url.slice(from);
}

/** The query, and what the body holds. */
export type Payload = readonly [query: string, content: unknown];

/** Content, or a promise of it where the body has to be read. */
function contentOf(body: BodyInit | null, type: string | null): unknown {
  if (body === null) return null;
  if (typeof body === "string") return textOf(body, type);
  if (body instanceof URLSearchParams) return pairsOf(body);
  if (body instanceof Uint8Array && type?.startsWith("multipart/form-data") !== true) return bytesOf(body, type ?? "");
  return readContent(body, type);
}

async function readContent(body: BodyInit, type: string | null): Promise<unknown> {
  if (body instanceof FormData) return await fieldsOf(body);
  const whole = new Response(body, type === null ? {} : { headers: { "content-type": type } });
  const given = type ?? (body instanceof Blob ? body.type : "");
  if (given.startsWith("multipart/form-data")) return await fieldsOf(await whole.formData());
  return bytesOf(new Uint8Array(await whole.arrayBuffer()), given);
}

function bytesOf(bytes: Uint8Array, type: string): unknown {
  if (!/^text\/|json|x-www-form-urlencoded/.test(type)) return { bytes: bytes.length, sha256: sha256Hex(bytes) };
  return textOf(new TextDecoder().decode(bytes), type);
}

/** A text that says nothing of itself (`fetch` then says `text/plain`) is most often JSON. */
function textOf(text: string, type: string | null): unknown {
  if (type?.startsWith("application/x-www-form-urlencoded") === true) return pairsOf(new URLSearchParams(text));
  if (type !== null && !type.includes("json") && !type.startsWith("text/plain")) return text;
  try {
    return JSON.parse(text);
  } catch {
    // Not JSON after all: the text is what it is.
    return text;
  }
}

function pairsOf(parameters: URLSearchParams): unknown {
  return [...parameters];
}

/** As they come out of the multipart text that they go into: it says a type for every file, and ends lines in its own way. */
async function fieldsOf(form: FormData): Promise<unknown> {
  const fields: unknown[] = [];
  for (const [name, value] of form) {
    if (typeof value === "string") {
      fields.push([name, value.replaceAll(/\r\n?|\n/g, "\r\n")]);
    } else {
      const sha256 = sha256Hex(new Uint8Array(await value.arrayBuffer()));
      fields.push([name, { name: value.name, type: value.type === "" ? "application/octet-stream" : value.type, sha256 }]);
    }
  }
  return fields;
}

/** The request for a dead letter: allow-listed headers, the body's bytes. Undefined where the body is gone. */
export function storedRequest(
  request: HttpRequest,
  headers: Headers,
  keep: ReadonlySet<string>,
): StoredRequest | undefined | Promise<StoredRequest> {
  if (!request.replayable) return undefined;
  const { method, url, body } = request;
  if (body === null) return { method, url, headers: kept(headers, keep) };
  // What needs no form's boundary is what it is; streams are slow.
  if (body instanceof Uint8Array) return { method, url, headers: kept(headers, keep), body };
  if (typeof body === "string" && headers.has("content-type"))
    return { method, url, headers: kept(headers, keep), body: encoder.encode(body) };
  return readStored(request, body, headers, keep);
}

async function readStored(
  { method, url }: HttpRequest,
  body: BodyInit,
  headers: Headers,
  keep: ReadonlySet<string>,
): Promise<StoredRequest> {
  // Through a Response, so that a form gets the boundary that its content type names.
  const whole = new Response(body);
  const all = new Headers(headers);
  const type = whole.headers.get("content-type");
  if (!all.has("content-type") && type !== null) all.set("content-type", type);
  return { method, url, headers: kept(all, keep), body: new Uint8Array(await whole.arrayBuffer()) };
}

const encoder = new TextEncoder();

function kept(headers: Headers, keep: ReadonlySet<string>): (readonly [string, string])[] {
  if (!(headers instanceof WireHeaders)) return [...headers].filter(([name]) => keep.has(name));
  const fields: (readonly [string, string])[] = [];
  for (const name of Object.keys(headers.fields)) if (keep.has(name)) fields.push([name, headers.get(name) as string]);
  return fields;
}
