import type { StoredRequest } from "../ports/dead-letter-store.ts";
import type { NewOperation } from "../ports/operation-store.ts";
import { WireHeaders } from "../ports/wire-headers.ts";
import type { OpenApi } from "./engine.ts";
import { isRead, pathBelow, type HttpRequest } from "./http-request.ts";

/** The key that goes out with it: its own, or its id where the API takes one from everybody. The same at every attempt and replay. */
export function keySent({ idempotencyKey, id, request }: NewOperation, open: OpenApi | undefined): string | undefined {
  return idempotencyKey ?? (open?.api.idempotency === undefined || isRead(request.method) ? undefined : id);
}

/** Why its URL is not the API's any more. The credential must not follow it. */
export function strangerOf({ request }: NewOperation, { api }: OpenApi): string | undefined {
  if (api.baseUrl === undefined || request.url.startsWith(`${api.baseUrl.origin}/`)) return undefined;
  const { origin } = new URL(request.url);
  if (api.baseUrl.origin === origin) return undefined;
  return `it was accepted for ${origin}, and apis.${api.name}.baseUrl stands at ${api.baseUrl.origin} now`;
}

/** They were checked when they were kept. The other side is told the trace of whoever enqueued it, unless somebody traces the attempt itself. */
function headersOf(kept: StoredRequest["headers"], trace: string | undefined): Headers {
  const headers = new WireHeaders();
  for (const [name, value] of kept) headers.append(name, value);
  if (trace !== undefined && !headers.has("traceparent")) headers.append("traceparent", trace);
  return headers;
}

/** The stored request as it goes out again. */
export function restored({ request, trace }: NewOperation, { api }: OpenApi): HttpRequest {
  const { method, url, headers, body } = request;
  return {
    method,
    url,
    // Its endpoint is known, so that hardly anybody asks.
    get path() {
      return pathBelow(api.baseUrl, new URL(url));
    },
    headers: headersOf(headers, trace),
    body: (body ?? null) as BodyInit | null,
    replayable: true,
    signal: undefined,
    rest: {},
  };
}
