import * as api from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { AggregationTemporality, InMemoryMetricExporter, MeterProvider, PeriodicExportingMetricReader } from "@opentelemetry/sdk-metrics";
import { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider, type ReadableSpan } from "@opentelemetry/sdk-trace";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { openTelemetry, type OpenTelemetryOptions } from "../../src/adapters/events/index.ts";
import { memory } from "../../src/adapters/store/memory/index.ts";
import type { ApiOptions } from "../../src/api/api-options.ts";
import { createHoldfast, type Holdfast } from "../../src/client/holdfast.ts";
import { METRICS } from "../../src/signals/metrics/catalogue.ts";

const spans = new InMemorySpanExporter();
const PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

let hf: Holdfast<"crm">;
let stop: () => void;
let metricExporter: InMemoryMetricExporter;
let reader: PeriodicExportingMetricReader;
/** Answers in order; then 200. */
let answers: (number | "reset")[] = [];
let sent: Headers[] = [];

beforeAll(() => {
  api.context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  api.trace.setGlobalTracerProvider(new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter: spans })] }));
});
afterAll(() => {
  api.context.disable();
  api.trace.disable();
});
beforeEach(() => {
  spans.reset();
  [answers, sent] = [[], []];
});
afterEach(async () => {
  stop();
  await hf.close();
  await reader.shutdown();
});

async function open(options: OpenTelemetryOptions = {}, crm: Partial<ApiOptions> = {}): Promise<void> {
  hf = await createHoldfast({
    store: memory(),
    metrics: true,
    apis: { crm: { baseUrl: "https://crm.test:8443", retry: { maxAttempts: 3, backoff: [0] }, breaker: false, repeatable: true, ...crm } },
    transport: async (_url, init) => {
      sent.push(new Headers(init.headers));
      const answer = answers.shift() ?? 200;
      if (answer === "reset") throw Object.assign(new TypeError("fetch failed"), { cause: { code: "ECONNRESET" } });
      return Response.json({}, { status: answer });
    },
  });
  metricExporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  reader = new PeriodicExportingMetricReader({ exporter: metricExporter, exportIntervalMillis: 3_600_000 });
  stop = openTelemetry(hf, { ...api, metrics: new MeterProvider({ readers: [reader] }) }, options);
}

function finished(): { readonly call: ReadableSpan | undefined; readonly attempts: readonly ReadableSpan[] } {
  const all = spans.getFinishedSpans();
  return {
    call: all.find(({ kind }) => kind === api.SpanKind.INTERNAL),
    attempts: all.filter(({ kind }) => kind === api.SpanKind.CLIENT),
  };
}

describe("a traced call", () => {
  test("is one span, with one for each attempt in it", async () => {
    await open();
    answers = [503, "reset"];
    await hf.fetch("crm")("/contacts/7?token=secret");
    const { call, attempts } = finished();
    expect(call?.name).toBe("crm GET /contacts/{id}");
    expect(call?.attributes).toMatchObject({ "holdfast.outcome": "succeeded", "holdfast.attempts": 3, "holdfast.api": "crm" });
    expect(call?.events.map(({ name }) => name)).toEqual(["retry", "retry"]);
    expect(attempts.map(({ name, parentSpanContext }) => [name, parentSpanContext?.spanId])).toEqual(
      Array.from({ length: 3 }, () => ["GET /contacts/{id}", call?.spanContext().spanId]),
    );
    expect(attempts.map(({ attributes }) => attributes["http.request.resend_count"])).toEqual([undefined, 1, 2]);
    expect(attempts.map(({ attributes }) => attributes["error.type"])).toEqual(["503", "ECONNRESET", undefined]);
    expect(attempts.map(({ status }) => status.code)).toEqual([2, 2, 0]);
    expect(attempts[0]?.attributes).toMatchObject({
      "http.request.method": "GET",
      "url.template": "/contacts/{id}",
      "url.full": "https://crm.test:8443/contacts/7",
      "url.scheme": "https",
      "server.address": "crm.test",
      "server.port": 8443,
      "http.response.status_code": 503,
    });
  });

  test("tells the other side which attempt it is", async () => {
    await open();
    answers = [503];
    await hf.fetch("crm")("/contacts");
    const { attempts } = finished();
    expect(sent.map((headers) => headers.get("traceparent"))).toEqual(
      attempts.map((span) => `00-${span.spanContext().traceId}-${span.spanContext().spanId}-01`),
    );
  });

  test("belongs to what is active where it begins", async () => {
    await open();
    const around = api.trace.getTracer("test").startSpan("request");
    await api.context.with(api.trace.setSpan(api.context.active(), around), () => hf.fetch("crm")("/contacts"));
    around.end();
    expect(finished().call?.parentSpanContext?.spanId).toBe(around.spanContext().spanId);
  });

  test("belongs to the trace that its request names, with its state, where nothing is active", async () => {
    await open();
    await hf.fetch("crm")("/contacts", { headers: { traceparent: PARENT, tracestate: "vendor=1" } });
    const { call } = finished();
    expect([call?.spanContext().traceId, call?.parentSpanContext?.spanId]).toEqual([
      "4bf92f3577b34da6a3ce929d0e0e4736",
      "00f067aa0ba902b7",
    ]);
    expect(sent[0]?.get("tracestate")).toBe("vendor=1");
    expect(sent[0]?.get("traceparent")).toMatch(/^00-4bf92f3577b34da6a3ce929d0e0e4736-(?!00f067aa0ba902b7)/);
  });

  test("of a function finds its attempt's span active", async () => {
    await open();
    let active: string | undefined;
    await hf.call("crm", { operation: "import", effects: "read" }, async () => {
      await Promise.resolve();
      active = api.trace.getActiveSpan()?.spanContext().spanId;
    });
    expect(active).toBe(finished().attempts[0]?.spanContext().spanId);
    expect(finished().attempts[0]?.attributes).not.toHaveProperty("http.request.method");
  });

  test("that failed, or was refused before it was sent, says why", async () => {
    await open({}, { breaker: { minimumCalls: 1, failureRate: 0.1 }, retry: { maxAttempts: 1 } });
    answers = [503];
    await hf.fetch("crm")("/contacts");
    expect(finished().call).toMatchObject({
      status: { code: 2 },
      attributes: { "holdfast.outcome": "failed", "error.type": "attempts-exhausted" },
    });
    spans.reset();
    await hf
      .fetch("crm")("/contacts")
      .catch(() => undefined);
    expect(finished()).toMatchObject({
      attempts: [],
      call: { attributes: { "holdfast.outcome": "refused", "error.type": "breaker-open" } },
    });
  });
});

describe("an operation of the queue", () => {
  test("is linked to the trace that enqueued it, and a trace of its own", async () => {
    await open();
    answers = [503];
    const around = api.trace.getTracer("test").startSpan("request");
    const operation = await api.context.with(api.trace.setSpan(api.context.active(), around), () =>
      hf.enqueue("crm", "POST /contacts", { json: {} }),
    );
    await operation.result();
    around.end();
    const { attempts } = finished();
    expect(attempts).toHaveLength(2);
    for (const { links, parentSpanContext } of attempts) {
      expect(links.map(({ context }) => context.spanId)).toEqual([around.spanContext().spanId]);
      expect(parentSpanContext).toBeUndefined();
    }
    expect(new Set(attempts.map((span) => span.spanContext().traceId)).size).toBe(2);
    expect((await hf.operations.get(operation.id)).operation.trace).toBe(
      `00-${around.spanContext().traceId}-${around.spanContext().spanId}-01`,
    );
  });

  test("tells the other side the trace of whoever enqueued it, where nobody traces here", async () => {
    await open();
    stop();
    await (await hf.enqueue("crm", "POST /contacts", { json: {}, trace: PARENT })).result();
    expect(sent[0]?.get("traceparent")).toBe(PARENT);
    await expect(hf.enqueue("crm", "POST /contacts", { json: {}, trace: "no" })).rejects.toMatchObject({ path: "enqueue.trace" });
  });
});

describe("exported metrics", () => {
  const collected = async (): Promise<ReadonlyMap<string, readonly { readonly attributes: object; readonly value: unknown }[]>> => {
    metricExporter.reset();
    await reader.forceFlush();
    const metrics = metricExporter.getMetrics().flatMap(({ scopeMetrics }) => scopeMetrics.flatMap((scope) => scope.metrics));
    return new Map(metrics.map(({ descriptor, dataPoints }) => [descriptor.name, dataPoints]));
  };

  test("have the names and labels of the reference, and the duration of requests by the conventions", async () => {
    await open();
    answers = [503, 422];
    await hf.fetch("crm")("/contacts", { method: "POST", body: "{}" });
    const seen = await collected();
    const [request] = seen.get("http.client.request.duration") ?? [];
    expect(request?.attributes).toEqual({
      "http.request.method": "POST",
      "url.template": "/contacts",
      "url.scheme": "https",
      "server.address": "crm.test",
      "server.port": 8443,
      "http.response.status_code": 503,
      "error.type": "503",
    });
    const lane = { api: "crm", endpoint: "POST /contacts" };
    expect(seen.get("holdfast_retries_total")).toMatchObject([{ attributes: { ...lane, because: "backoff" }, value: 1 }]);
    expect(seen.get("holdfast_lane_in_flight")).toMatchObject([{ attributes: lane, value: 0 }]);
    expect(seen.get("holdfast_call_duration_seconds")).toMatchObject([{ attributes: { ...lane, outcome: "failed" }, value: { count: 1 } }]);
    const ours = [...seen.keys()].filter((name) => name.startsWith("holdfast_"));
    expect(ours.filter((name) => !Object.hasOwn(METRICS, name))).toEqual([]);
  });

  test("stop when they are told to", async () => {
    await open();
    stop();
    await hf.fetch("crm")("/contacts");
    expect((await collected()).get("holdfast_lane_in_flight") ?? []).toEqual([]);
    expect(spans.getFinishedSpans()).toEqual([]);
  });
});

describe("openTelemetry()", () => {
  test("refuses what would tell nothing", async () => {
    await open();
    const quiet = await createHoldfast({ apis: {} });
    expect(() => openTelemetry(quiet, api)).toThrow(/openTelemetry\.metrics needs an engine that counts/);
    expect(() => openTelemetry(hf, api, { traces: false, metrics: false })).toThrow(/nothing would be told/);
    expect(() => openTelemetry(hf, api, { trace: true } as OpenTelemetryOptions)).toThrow(/trace/);
    openTelemetry(quiet, api, { metrics: false })();
    await quiet.close();
  });
});
