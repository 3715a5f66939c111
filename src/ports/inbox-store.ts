import type { AcceptResult, NewOperation } from "./operation-store.ts";

/** A webhook that was verified. Instants are wall-clock milliseconds. */
export interface InboxEvent {
  /** Where it came from, such as the name of the endpoint that it was sent to. */
  readonly source: string;
  /** The sender's id of the event. */
  readonly id: string;
  /** Hash of the body. */
  readonly fingerprint: string;
  readonly now: number;
  /** Until when its id is remembered. */
  readonly keepUntil: number;
  /** What is to be done about it: accepted in the transaction that takes it. */
  readonly operations: readonly NewOperation[];
}

export type TakeResult =
  | { readonly state: "taken"; readonly operations: readonly AcceptResult[] }
  /** It was taken before. */
  | { readonly state: "duplicate"; readonly takenAt: number }
  /** An event of that id was taken before, with another body; nothing was done. */
  | { readonly state: "conflict"; readonly takenAt: number };

/** Takes each event of a source once. */
export interface InboxStore {
  /** Answers in the order asked; a promise that resolves means durable. An id whose time is over is a new one. */
  take(events: readonly InboxEvent[]): Promise<readonly TakeResult[]>;
  /** Forgets ids whose time was over at or before `now`; at most `limit`. Answers how many. */
  sweep(now: number, limit: number): Promise<number>;
}
