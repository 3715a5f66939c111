/** What is used of `@opentelemetry/api`, which is handed in: `import * as api from "@opentelemetry/api"`. */
export interface OpenTelemetryApi {
  readonly trace: {
    getTracer(name: string): OtelTracer;
    setSpan(context: unknown, span: OtelSpan): unknown;
    setSpanContext(context: unknown, spanContext: OtelSpanContext): unknown;
    getSpanContext(context: unknown): OtelSpanContext | undefined;
  };
  readonly context: {
    active(): unknown;
    with<Value>(context: unknown, work: () => Value): Value;
  };
  readonly metrics: { getMeter(name: string): OtelMeter };
  readonly ROOT_CONTEXT: unknown;
  readonly createTraceState?: (raw?: string) => unknown;
}

export interface OtelSpanContext {
  readonly traceId: string;
  readonly spanId: string;
  readonly traceFlags: number;
  readonly isRemote?: boolean | undefined;
  readonly traceState?: { serialize(): string } | undefined;
}

export type Attributes = Readonly<Record<string, string | number>>;

export interface OtelSpan {
  spanContext(): OtelSpanContext;
  setAttributes(attributes: Attributes): unknown;
  setStatus(status: { readonly code: number; readonly message?: string }): unknown;
  addEvent(name: string, attributes?: Attributes): unknown;
  end(): void;
}

export interface OtelLink {
  readonly context: { readonly traceId: string; readonly spanId: string; readonly traceFlags: number; readonly isRemote: boolean };
}

export interface OtelTracer {
  startSpan(
    name: string,
    options: {
      readonly kind: number;
      readonly attributes: Attributes;
      readonly links?: OtelLink[];
      readonly startTime?: number;
    },
    context: unknown,
  ): OtelSpan;
}

interface MetricOptions {
  readonly description: string;
  readonly unit?: string;
  readonly advice?: { readonly explicitBucketBoundaries: number[] };
}

export interface OtelHistogram {
  record(value: number, attributes: Attributes): void;
}

export interface OtelMeter {
  createHistogram(name: string, options: MetricOptions): OtelHistogram;
  createObservableCounter(name: string, options: MetricOptions): object;
  createObservableGauge(name: string, options: MetricOptions): object;
  addBatchObservableCallback(callback: OtelCallback, observables: object[]): void;
  removeBatchObservableCallback(callback: OtelCallback, observables: object[]): void;
}

export type OtelCallback = (result: { observe(metric: object, value: number, attributes: Attributes): void }) => Promise<void>;

/** As the API numbers them. */
export const KIND = { internal: 0, client: 2 } as const;
export const STATUS_ERROR = 2;
