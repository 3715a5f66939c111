import { ConfigError } from "../../../core/errors.ts";
import { refuseUnknown } from "../../../core/options.ts";
import { shown } from "../../../core/shown.ts";
import type { Clock } from "../../../ports/clock.ts";
import type { Measures } from "../../../ports/measures.ts";
import type { Tracer } from "../../../ports/tracer.ts";
import { systemClock } from "../../clock/system.ts";
import { together, type EventSource } from "../source.ts";
import type { OpenTelemetryApi } from "./api.ts";
import { ExportedMetrics } from "./metrics.ts";
import { Traces } from "./traces.ts";

/** An engine, as OpenTelemetry looks at it. */
export interface TelemetrySource extends EventSource {
  /** What it counts; undefined where it was opened without `metrics: true`. */
  readonly measures: Measures | undefined;
  trace(tracer: Tracer): () => void;
}

export interface OpenTelemetryOptions {
  /** A span for each call and each attempt, and their context on the wire. @default true */
  readonly traces?: boolean;
  /** What is counted, and `http.client.request.duration`; takes an engine with `metrics: true`. @default true */
  readonly metrics?: boolean;
  /** @default the machine's */
  readonly clock?: Pick<Clock, "now">;
}

/**
 * Tells OpenTelemetry of an engine, until the returned function is called. The API is handed in, with whatever SDK was registered for
 * it; without one it costs little and tells nobody.
 *
 * @throws ConfigError
 *
 * @example
 * ```ts
 * import * as api from "@opentelemetry/api";
 * import { createHoldfast } from "holdfast";
 * import { openTelemetry } from "holdfast/signals";
 *
 * const hf = await createHoldfast({ apis: { crm: {} }, metrics: true, transport: async () => Response.json({}) });
 * const stop = openTelemetry(hf, api);
 * await hf.fetch("crm")("https://api.example.com/contacts");
 * stop();
 * await hf.close();
 * ```
 */
export function openTelemetry(source: TelemetrySource, api: OpenTelemetryApi, options: OpenTelemetryOptions = {}): () => void {
  refuseUnknown(options, ["traces", "metrics", "clock"], "openTelemetry");
  const { traces = true, metrics = true, clock = systemClock } = options;
  for (const [name, value] of Object.entries({ traces, metrics })) {
    if (typeof value !== "boolean") refuse(name, `is ${shown(value)}; give true or false`);
  }
  if (!traces && !metrics) refuse("traces", "and openTelemetry.metrics are both false, so nothing would be told");
  if (metrics && source.measures === undefined) {
    refuse("metrics", "needs an engine that counts; open it with metrics: true, or give { metrics: false } for traces alone");
  }
  const traced = traces ? new Traces(api, () => clock.now()) : undefined;
  const exported =
    metrics && source.measures !== undefined ? new ExportedMetrics(api.metrics.getMeter("holdfast"), source.measures) : undefined;
  const tracer: Tracer = {
    within: (operation, work) => (traced === undefined ? work() : traced.within(operation, work)),
    sending(operation, request) {
      exported?.sending(operation, request);
      traced?.sending(operation, request);
    },
    current: () => traced?.current(),
  };
  return together([
    source.trace(tracer),
    ...(exported === undefined ? [] : [exported.listen(source)]),
    ...(traced === undefined ? [] : [traced.listen(source)]),
  ]);
}

function refuse(name: string, problem: string): never {
  throw new ConfigError({ path: `openTelemetry.${name}`, message: `openTelemetry.${name} ${problem}` });
}
