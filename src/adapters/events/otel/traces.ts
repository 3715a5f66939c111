import type { EventMap, LaneRef } from "../../../ports/events.ts";
import type { TracedRequest, Tracer, TraceOrigin } from "../../../ports/tracer.ts";
import { readTraceparent, writeTraceparent } from "../../../ports/traceparent.ts";
import { together, type EventSource } from "../source.ts";
import { KIND, STATUS_ERROR, type Attributes, type OpenTelemetryApi, type OtelLink, type OtelSpan, type OtelTracer } from "./api.ts";
import { errorTypeOf, httpOf, serverOf } from "./conventions.ts";

/** Calls with an open span at once; of more, the oldest span ends where it is. */
const MOST_CALLS = 10_000;
const NO_TRACE = /^0*$/;

/** A call under way, or, of an operation of the queue, one attempt of it. */
interface Traced {
  /** None for an operation of the queue: its attempts may be hours and processes apart. */
  readonly call: OtelSpan | undefined;
  readonly context: unknown;
  readonly links: readonly OtelLink[];
  attempt: OtelSpan | undefined;
  /** Of the attempt. */
  attemptContext: unknown;
}

/** One span for a call, one for each attempt in it, and their context on the wire. */
export class Traces implements Tracer {
  readonly #api: OpenTelemetryApi;
  readonly #tracer: OtelTracer;
  readonly #now: () => number;
  readonly #calls = new Map<string, Traced>();

  constructor(api: OpenTelemetryApi, now: () => number) {
    this.#api = api;
    this.#tracer = api.trace.getTracer("holdfast");
    this.#now = now;
  }

  listen(source: EventSource): () => void {
    return together([
      source.on("attempt:started", (event) => this.#started(event)),
      source.on("attempt:settled", (event) => this.#settled(event)),
      source.on("retry:scheduled", ({ operation, delayMs, because }) =>
        this.#calls.get(operation)?.call?.addEvent("retry", { "holdfast.delay_ms": Math.round(delayMs), "holdfast.because": because.code }),
      ),
      source.on("call:settled", (event) => this.#ended(event)),
      source.on("step:settled", ({ operation, state }) =>
        this.#end(operation, { "holdfast.outcome": state }, state === "parked" ? "parked" : undefined),
      ),
    ]);
  }

  within<Value>(operation: string, work: () => Value): Value {
    const context = this.#calls.get(operation)?.attemptContext;
    return context === undefined ? work() : this.#api.context.with(context, work);
  }

  sending(operation: string, { url, headers }: TracedRequest): void {
    const span = this.#calls.get(operation)?.attempt;
    if (span === undefined) return;
    span.setAttributes(serverOf(url, true));
    const context = span.spanContext();
    if (NO_TRACE.test(context.traceId)) return;
    headers.set("traceparent", writeTraceparent(context));
    const state = context.traceState?.serialize() ?? "";
    if (state === "") headers.delete("tracestate");
    else headers.set("tracestate", state);
  }

  current(): string | undefined {
    const context = this.#api.trace.getSpanContext(this.#api.context.active());
    return context === undefined || NO_TRACE.test(context.traceId) ? undefined : writeTraceparent(context);
  }

  #started({ operation, lane, attempt, trace }: EventMap["attempt:started"]): void {
    const traced = this.#calls.get(operation) ?? this.#open(operation, lane, trace);
    const span = this.#tracer.startSpan(
      lane?.endpoint ?? "attempt",
      {
        kind: KIND.client,
        attributes: {
          ...namesOf(operation, lane),
          ...httpOf(lane),
          "holdfast.attempt": attempt,
          ...(attempt > 1 ? { "http.request.resend_count": attempt - 1 } : {}),
        },
        ...(traced.links.length === 0 ? {} : { links: [...traced.links] }),
      },
      traced.context,
    );
    traced.attempt?.end();
    traced.attempt = span;
    traced.attemptContext = this.#api.trace.setSpan(traced.context, span);
  }

  #settled({ operation, verdict }: EventMap["attempt:settled"]): void {
    const traced = this.#calls.get(operation);
    const span = traced?.attempt;
    if (traced === undefined || span === undefined) return;
    const { kind, status, rule, because } = verdict;
    const error = errorTypeOf(verdict);
    span.setAttributes({
      ...(status === undefined ? {} : { "http.response.status_code": status }),
      ...(error === undefined ? {} : { "error.type": error }),
      "holdfast.verdict": kind,
      "holdfast.rule": rule,
    });
    if (error !== undefined) span.setStatus({ code: STATUS_ERROR, message: because });
    span.end();
    traced.attempt = undefined;
    if (traced.call === undefined) this.#calls.delete(operation);
  }

  /** A call that made no attempt (refused, or answered from what is kept) has its span now, with the time that it took. */
  #ended({ operation, lane, outcome, attempts, because, durationMs }: EventMap["call:settled"]): void {
    const told: Attributes = { "holdfast.outcome": outcome, "holdfast.attempts": attempts, "holdfast.because": because.code };
    const failure = outcome === "failed" || outcome === "refused" ? because.code : undefined;
    if (!this.#calls.has(operation)) this.#open(operation, lane, undefined, this.#now() - durationMs);
    this.#end(operation, told, failure);
  }

  #end(operation: string, attributes: Attributes, failure: string | undefined): void {
    const call = this.#calls.get(operation)?.call;
    if (call === undefined) return;
    this.#calls.delete(operation);
    call.setAttributes(failure === undefined ? attributes : { ...attributes, "error.type": failure });
    if (failure !== undefined) call.setStatus({ code: STATUS_ERROR, message: failure });
    call.end();
  }

  #open(operation: string, lane: LaneRef | undefined, trace: TraceOrigin | undefined, startTime?: number): Traced {
    const traced = trace?.from === "queue" ? this.#ofQueue(trace.traceparent) : this.#ofCall(operation, lane, trace, startTime);
    this.#calls.set(operation, traced);
    if (this.#calls.size > MOST_CALLS) {
      const [oldest = "", { call, attempt } = traced] = this.#calls.entries().next().value ?? [];
      this.#calls.delete(oldest);
      attempt?.end();
      call?.end();
    }
    return traced;
  }

  /** The worker goes on for whoever started it: what is active there has nothing to do with the operation. */
  #ofQueue(traceparent: string | undefined): Traced {
    const parent = traceparent === undefined ? undefined : readTraceparent(traceparent);
    const links = parent === undefined ? [] : [{ context: { ...parent, isRemote: true } }];
    return { call: undefined, context: this.#api.ROOT_CONTEXT, links, attempt: undefined, attemptContext: undefined };
  }

  #ofCall(operation: string, lane: LaneRef | undefined, trace: TraceOrigin | undefined, startTime: number | undefined): Traced {
    const parent = this.#parentOf(trace);
    const name = lane === undefined ? "call" : `${lane.api} ${lane.endpoint}`;
    const options = { kind: KIND.internal, attributes: namesOf(operation, lane), ...(startTime === undefined ? {} : { startTime }) };
    const call = this.#tracer.startSpan(name, options, parent);
    const context = this.#api.trace.setSpan(parent, call);
    return { call, context, links: [], attempt: undefined, attemptContext: undefined };
  }

  #parentOf(trace: TraceOrigin | undefined): unknown {
    const active = this.#api.context.active();
    const parent = trace?.from === "request" ? readTraceparent(trace.traceparent) : undefined;
    // What is active here is closer to the call than what its request was given.
    if (parent === undefined || trace?.from !== "request" || this.#api.trace.getSpanContext(active) !== undefined) return active;
    const { tracestate } = trace;
    const traceState = tracestate === undefined ? undefined : this.#api.createTraceState?.(tracestate);
    return this.#api.trace.setSpanContext(active, {
      ...parent,
      isRemote: true,
      ...(traceState === undefined ? {} : { traceState: traceState as { serialize(): string } }),
    });
  }
}

function namesOf(operation: string, lane: LaneRef | undefined): Attributes {
  return {
    "holdfast.operation": operation,
    ...(lane === undefined ? {} : { "holdfast.api": lane.api, "holdfast.endpoint": lane.endpoint }),
  };
}
