import { isTraceparent } from "./traceparent.ts";

/** What ties the attempts of a call to a trace that began elsewhere. */
export type TraceOrigin =
  /** The request that asked for the call said so by its header: it is the parent. */
  | { readonly from: "request"; readonly traceparent: string; readonly tracestate: string | undefined }
  /** An operation of the queue: whoever enqueued it may have ended long since, and is linked to. */
  | { readonly from: "queue"; readonly traceparent: string | undefined };

/** What is about to leave. */
export interface TracedRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Headers;
}

/** Carries the context of a trace through an engine, told of the rest by events. It must not throw. */
export interface Tracer {
  /** Does the work of the attempt under way where what it calls finds its span. */
  within<Value>(operation: string, work: () => Value): Value;
  /** The attempt's request is about to leave. May add headers. */
  sending(operation: string, request: TracedRequest): void;
  /** What is active here and now, as a W3C `traceparent`. */
  current(): string | undefined;
}

/** The origin that a request's own headers tell; undefined where they tell none. */
export function originIn(headers: { get(name: string): string | null }): TraceOrigin | undefined {
  const traceparent = headers.get("traceparent");
  if (traceparent === null || !isTraceparent(traceparent)) return undefined;
  return { from: "request", traceparent, tracestate: headers.get("tracestate") ?? undefined };
}
