import { exhaustedBelow, explain } from "../../core/explain.ts";
import { ConfigError } from "../../core/errors.ts";
import { shown } from "../../core/shown.ts";
import { SUCCESS, type Verdict } from "../../core/verdict.ts";
import { classifyAnswer, classifyError, PLAIN_CLASSIFIER, type Classifier } from "../../policy/classify/classify.ts";
import { idempotencyKey } from "../../policy/idempotency/key.ts";
import { shownCursor, type Cursor } from "../../policy/watermark/cursor.ts";

/** One record on its way into the sink. */
export class SyncItem<Item = unknown> {
  readonly record: Item;
  /** The record's own id, as text. */
  readonly id: string;
  readonly cursor: Cursor;
  readonly #sync: string;

  constructor(sync: string, record: Item, id: string, cursor: Cursor) {
    this.#sync = sync;
    this.record = record;
    this.id = id;
    this.cursor = cursor;
  }

  /**
   * An idempotency key of this version of the record: the same in every run that sends it, whatever happened to the one before. A run
   * that is killed between the write and its note writes again; a sink that takes a key once makes that harmless.
   */
  get key(): string {
    return idempotencyKey(`sync:${this.#sync}`, "record", [this.id, shownCursor(this.cursor)]);
  }
}

/** What a sink is told of the run that writes into it. */
export interface SinkContext {
  readonly sync: string;
  readonly run: string;
  /** `hf.fetch(api)`: under all limits and retries of that API. */
  readonly fetch: (api: string) => typeof globalThis.fetch;
  /** How an API's rules judge an answer for one record. */
  readonly judge: (api: string, endpoint: string, answer: { readonly status: number; readonly body?: unknown }) => Verdict;
  /** Aborts when the attempt's time is over. */
  readonly signal: AbortSignal;
}

/** What became of one record. Neither a status nor an error: it is done. */
export interface ItemAnswer {
  /** The record's id, as the cursor gives it. Answers may come in any order. */
  readonly id: string | number;
  /** What the other side answered for it, judged as an answer of its own. */
  readonly status?: number;
  readonly body?: unknown;
  /** What went wrong with it. */
  readonly error?: unknown;
  /** Judged already. */
  readonly verdict?: Verdict;
}

/**
 * Writes a batch. Give nothing where all of it is written; throw, or give a Response that is no success, where none of it is; give an
 * answer for each record where the other side answers so. A record without an answer counts as failed.
 *
 * It must bear to be given the same record twice: by an upsert, or by each item's `key`.
 */
export type SyncSink<Item> = (batch: readonly SyncItem<Item>[], context: SinkContext) => Promise<SinkAnswer> | SinkAnswer;

export type SinkAnswer = undefined | void | Response | readonly ItemAnswer[];

/** What became of a record at one attempt. */
export interface Judged {
  readonly verdict: Verdict;
  /** An engine further down has decided against another attempt. */
  readonly final: boolean;
}

const UNANSWERED: Verdict = Object.freeze({
  kind: "malformed",
  effect: "unknown",
  rule: "unanswered",
  because: "the batch was answered without a word about this record",
});
const DONE: Judged = Object.freeze({ verdict: SUCCESS, final: true });

/** Judges what a sink gave for a batch: one verdict a record, in the batch's order. @throws ConfigError for an answer of no known form */
export function judgeBatch(batch: readonly SyncItem[], answer: unknown, now: number): readonly Judged[] {
  if (answer === undefined || answer === null) return batch.map(() => DONE);
  if (answer instanceof Response) {
    const judged = judgeResponse(answer, now);
    return batch.map(() => judged);
  }
  if (!Array.isArray(answer)) {
    throw new ConfigError({
      path: "sync.sink",
      message: `sync.sink gave ${shown(answer)}; give nothing, a Response, or a list of { id, status } or { id, error }`,
    });
  }
  const byId = new Map<string, Judged>();
  for (const item of answer as readonly ItemAnswer[]) {
    const judged = judgeItem(item, now);
    const id = String(item.id);
    // Told twice about one record: what counts is that one of them is not a success.
    if (byId.get(id) === undefined || judged.verdict.kind !== "success") byId.set(id, judged);
  }
  return batch.map(({ id }) => byId.get(id) ?? { verdict: UNANSWERED, final: true });
}

/** Judges what a sink threw. `since`: the call that had begun last before it. */
export function judgeThrown(error: unknown, attempt: number, since: number, now: number): Judged {
  const below = exhaustedBelow(error, since);
  const verdict = below?.verdict ?? classifyError(PLAIN_CLASSIFIER, error, { attempt }, now);
  return { verdict, final: below !== undefined };
}

/** Judges an answer for one record by an API's rules. */
export function judgeAnswer(
  classifier: Classifier,
  { status, body, endpoint }: { readonly status: number; readonly body?: unknown; readonly endpoint?: string },
  now: number,
): Verdict {
  return classifyAnswer(classifier, { status, body: textOf(body), attempt: 1, ...(endpoint === undefined ? {} : { endpoint }) }, now);
}

function judgeResponse(response: Response, now: number): Judged {
  const told = explain(response);
  if (told?.outcome === "failed" && told.verdict !== undefined) return { verdict: told.verdict, final: true };
  if (response.ok) return DONE;
  return {
    verdict: classifyAnswer(PLAIN_CLASSIFIER, { status: response.status, headers: response.headers, attempt: 1 }, now),
    final: false,
  };
}

function judgeItem(item: ItemAnswer, now: number): Judged {
  if (typeof item !== "object" || (item as unknown) === null || item.id === undefined) {
    throw new ConfigError({
      path: "sync.sink",
      message: `sync.sink gave ${shown(item)} for a record; give { id, status } or { id, error }`,
    });
  }
  const { verdict, status, body, error } = item;
  if (verdict !== undefined) return { verdict, final: false };
  if (status !== undefined) return { verdict: judgeAnswer(PLAIN_CLASSIFIER, { status, body }, now), final: false };
  if (error === undefined || error === null || error === false) return DONE;
  return { verdict: classifyError(PLAIN_CLASSIFIER, error, { attempt: 1 }, now), final: false };
}

function textOf(body: unknown): string | undefined {
  if (body === undefined || typeof body === "string") return body;
  try {
    return JSON.stringify(body);
  } catch {
    return undefined;
  }
}
