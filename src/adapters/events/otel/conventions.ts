import type { Verdict } from "../../../core/verdict.ts";
import type { LaneRef } from "../../../ports/events.ts";
import type { Attributes } from "./api.ts";

/**
 * Semantic conventions for HTTP clients, stable since 1.23.
 * https://opentelemetry.io/docs/specs/semconv/http/http-spans/#http-client
 * https://opentelemetry.io/docs/specs/semconv/http/http-metrics/#http-client
 */
export const REQUEST_DURATION = "http.client.request.duration";
export const DURATION_BUCKETS: readonly number[] = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];

const HTTP = /^([A-Z]+) (\/.*)$/;

/** Method and template of an endpoint that is one of HTTP. */
export function httpOf(lane: LaneRef | undefined): Attributes {
  const [, method, template] = HTTP.exec(lane?.endpoint ?? "") ?? [];
  return method === undefined || template === undefined ? {} : { "http.request.method": method, "url.template": template };
}

/** Where a request goes. Without its query, which may hold a credential. */
export function serverOf(url: string, full: boolean): Attributes {
  if (!URL.canParse(url)) return {};
  const { protocol, hostname, port, origin, pathname } = new URL(url);
  return {
    "server.address": hostname,
    "server.port": port === "" ? (protocol === "https:" ? 443 : 80) : Number(port),
    "url.scheme": protocol.slice(0, -1),
    ...(full ? { "url.full": `${origin}${pathname}` } : {}),
  };
}

/** What went wrong, from a list that ends: a status, a code of the network, or the kind of verdict. */
export function errorTypeOf({ kind, status, code }: Verdict): string | undefined {
  if (kind === "success") return undefined;
  return status !== undefined && status >= 400 ? String(status) : status === undefined && code !== undefined ? code : kind;
}
