/** `holdfast/signals`: what an engine tells, in the forms that others read. */
export { diagnosticsChannels } from "./diagnostics.ts";
export { logLines, type LogLevel, type LogOptions } from "./log-lines.ts";
export { openTelemetry, type OpenTelemetryOptions, type TelemetrySource } from "./otel/open-telemetry.ts";
export type { OpenTelemetryApi } from "./otel/api.ts";
export type { EventSource } from "./source.ts";
