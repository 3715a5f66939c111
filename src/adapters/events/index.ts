/** `holdfast/signals`: what an engine tells, in the forms that others read. */
export { diagnosticsChannels } from "./diagnostics.ts";
export { logLines, type LogLevel, type LogOptions } from "./log-lines.ts";
export type { EventSource } from "./source.ts";
