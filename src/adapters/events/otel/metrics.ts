import type { MeasureDefinition, Measures } from "../../../ports/measures.ts";
import type { EventMap } from "../../../ports/events.ts";
import type { TracedRequest } from "../../../ports/tracer.ts";
import { together, type EventSource } from "../source.ts";
import type { Attributes, OtelCallback, OtelHistogram, OtelMeter } from "./api.ts";
import { DURATION_BUCKETS, errorTypeOf, httpOf, REQUEST_DURATION, serverOf } from "./conventions.ts";

/** Requests on their way at once; of more, the oldest is not timed. */
const MOST_REQUESTS = 10_000;

/**
 * What is counted, under the names of the reference: counters and gauges are read when they are exported, and cost nothing before;
 * durations are recorded as they come.
 */
export class ExportedMetrics {
  readonly #meter: OtelMeter;
  readonly #measures: Measures;
  readonly #histograms = new Map<string, { readonly definition: MeasureDefinition; readonly histogram: OtelHistogram }>();
  readonly #requests: OtelHistogram;
  /** Where the request of each operation went. */
  readonly #servers = new Map<string, Attributes>();

  constructor(meter: OtelMeter, measures: Measures) {
    this.#meter = meter;
    this.#measures = measures;
    this.#requests = meter.createHistogram(REQUEST_DURATION, {
      description: "Duration of HTTP client requests.",
      unit: "s",
      advice: { explicitBucketBoundaries: [...DURATION_BUCKETS] },
    });
  }

  listen(source: EventSource): () => void {
    return together([
      this.#export(),
      source.on("attempt:settled", (event) => this.#attempt(event)),
      source.on("call:settled", ({ lane, outcome, durationMs }) => {
        this.#record("holdfast_call_duration_seconds", durationMs, [lane?.api ?? "", lane?.endpoint ?? "", outcome]);
      }),
      source.on("lane:waited", ({ lane, waitMs }) => this.#record("holdfast_admission_wait_seconds", waitMs, [lane.api, lane.endpoint])),
      source.on("operation:settled", ({ lane, state, applied, ageMs }) => {
        if (applied && (state === "succeeded" || state === "dead" || state === "cancelled"))
          this.#record("holdfast_operation_duration_seconds", ageMs, [lane.api, lane.endpoint, state]);
      }),
    ]);
  }

  sending(operation: string, { url }: TracedRequest): void {
    this.#servers.set(operation, serverOf(url, false));
    if (this.#servers.size > MOST_REQUESTS) this.#servers.delete(this.#servers.keys().next().value as string);
  }

  #attempt({ operation, lane, durationMs, verdict }: EventMap["attempt:settled"]): void {
    this.#record("holdfast_attempt_duration_seconds", durationMs, [lane?.api ?? "", lane?.endpoint ?? "", verdict.kind]);
    const server = this.#servers.get(operation);
    if (server === undefined) return;
    this.#servers.delete(operation);
    const error = errorTypeOf(verdict);
    this.#requests.record(durationMs / 1_000, {
      ...httpOf(lane),
      ...server,
      ...(verdict.status === undefined ? {} : { "http.response.status_code": verdict.status }),
      ...(error === undefined ? {} : { "error.type": error }),
    });
  }

  #record(name: string, durationMs: number, labels: readonly string[]): void {
    const known = this.#histograms.get(name);
    known?.histogram.record(durationMs / 1_000, attributesOf(known.definition, labels));
  }

  /** Makes an instrument of each metric, until the returned function is called. */
  #export(): () => void {
    const observed = new Map<string, { readonly definition: MeasureDefinition; readonly instrument: object }>();
    for (const definition of this.#measures.definitions) {
      const { name, type, help: description, buckets } = definition;
      if (type === "histogram") {
        const options = { description, unit: "s", advice: { explicitBucketBoundaries: [...(buckets ?? DURATION_BUCKETS)] } };
        this.#histograms.set(name, { definition, histogram: this.#meter.createHistogram(name, options) });
      } else {
        const create = type === "counter" ? "createObservableCounter" : "createObservableGauge";
        observed.set(name, { definition, instrument: this.#meter[create](name, { description }) });
      }
    }
    const callback: OtelCallback = async (result) => {
      for (const { name, labels, value } of await this.#measures.read()) {
        const known = observed.get(name);
        if (known !== undefined) result.observe(known.instrument, value, attributesOf(known.definition, labels));
      }
    };
    const instruments = [...observed.values()].map(({ instrument }) => instrument);
    this.#meter.addBatchObservableCallback(callback, instruments);
    return () => this.#meter.removeBatchObservableCallback(callback, instruments);
  }
}

function attributesOf({ labels }: MeasureDefinition, values: readonly string[]): Attributes {
  return Object.fromEntries(labels.map((label, index) => [label, values[index] ?? ""]));
}
