import type { Fault } from "./fault.ts";

/** A verb to run: an id for its answer, the port and the verb by name, and what it is given. */
export type Call = readonly [id: number, port: string, verb: string, args: readonly unknown[]];

/** The answer to one call: its result, or why it has none. */
export type Answer = readonly [id: number, fault: Fault | undefined, result: unknown];

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
