import type { Answer } from "./answer.ts";

/** What one request came to: a line of the ledger. Plain data, so that it can be written to a file and read again. */
export interface LedgerEntry {
  /** When it arrived: wall-clock milliseconds, measured monotonically from the server's start. */
  readonly at: number;
  /** The endpoint as the script names it; `GET /some/path` for one that the script does not have. */
  readonly endpoint: string;
  /** Whom it was about. */
  readonly subject?: string;
  /** The idempotency key that it carried. */
  readonly key?: string;
  /** How it ended on the wire. `cut`: an answer whose body broke off. */
  readonly ending: "answered" | "cut" | "reset" | "hung";
  /** The status, where one was sent. */
  readonly status?: number;
  /** The rule that it met. */
  readonly rule?: string;
  /** The limit that refused it. */
  readonly limit?: string;
  /** Recognised as a repetition, and what it got for it. */
  readonly repeat?: "replayed" | "updated" | "conflict" | "mismatch" | "in-flight";
  /** What it changed. */
  readonly effect?: LedgerEffect;
}

/** A change that was made. */
export interface LedgerEffect {
  /** The ledger's own number, as a text. A repetition that only updates keeps the first one's. */
  readonly id: string;
  /** False where an earlier effect was updated instead of a new one being made. */
  readonly counts: boolean;
  readonly collection?: string;
  /** What is kept for lookups. */
  readonly record?: LedgerRecord;
  /** What a repetition is recognised by, and what it gets. */
  readonly memory?: EffectMemory;
}

export interface EffectMemory {
  readonly by: "header" | "natural";
  readonly value: string;
  /** Hash of path and body. */
  readonly payload: string;
  readonly answer: Answer;
}

/** One kept record: the fields of the request, and the ledger's id. */
export interface LedgerRecord {
  readonly id: string;
  readonly [field: string]: unknown;
}
