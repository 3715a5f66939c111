import type { CodecName } from "./codecs.ts";
import type { Fault } from "./fault.ts";
import type { Packed } from "./packing.ts";

/** What is to be done: a busy verb with the packed requests of all its callers, or any other verb with its arguments. */
export type Task =
  | { readonly codec: CodecName; readonly packed: Packed }
  | { readonly port: string; readonly verb: string; readonly args: readonly unknown[] };

/** A task under an id for its answer. `weight`: operations in it. */
export interface Call {
  readonly id: number;
  readonly weight: number;
  readonly task: Task;
}

/** The answer to one call: its result, or why it has none. */
export interface Answer {
  readonly id: number;
  readonly fault?: Fault;
  readonly result?: unknown;
}

/** What the main thread posts to a store thread. Messages are kept in order. */
export type Request = { readonly calls: readonly Call[] } | "close";

/**
 * What a store thread posts back. `fatal`: the connection cannot be trusted any more; nothing that is still waiting was
 * acknowledged, and the thread has ended.
 */
export type Report = "opened" | "closed" | { readonly answers: readonly Answer[] } | { readonly fatal: Fault };

/** What a store thread is started with. */
export interface ThreadOptions {
  readonly path: string;
  readonly busyTimeoutMs: number;
  /** Operations in one transaction at most. */
  readonly groupSize: number;
}
