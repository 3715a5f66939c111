import { hash } from "node:crypto";
import { errorAnswer, jsonAnswer } from "./answer.ts";
import type { Answer } from "./answer.ts";
import type { Endpoint, Work } from "./endpoint.ts";
import { asName } from "./expression.ts";
import type { Scope } from "./expression.ts";
import type { Key } from "./key.ts";
import type { Remembered } from "./key-memory.ts";
import type { LedgerBook } from "./ledger-book.ts";
import type { EffectMemory, LedgerEntry, LedgerRecord } from "./ledger-entry.ts";
import type { TokenDesk } from "./token-desk.ts";

/** What came of an endpoint's work. Nothing is in the ledger yet: whoever asked writes `entry`. */
export interface WorkResult {
  readonly answer: Answer;
  /** False for a refusal: 401, 404, 409, 422. */
  readonly accepted: boolean;
  readonly entry?: Pick<LedgerEntry, "effect" | "repeat">;
  /** The id that templates may show. */
  readonly effectId?: string;
  /** Marks the key as being worked on; what it answers ends that. */
  readonly hold?: () => () => void;
}

/** Where endpoints work: it looks at tokens, recognises repetition, and says what changes. */
export interface Workshop {
  perform(endpoint: Endpoint, scope: Scope, elapsedMs: number): WorkResult;
}

type EffectWork = Extract<Work, { type: "effect" }>;

export function workshop(book: LedgerBook, tokens: TokenDesk | undefined): Workshop {
  /** Keys whose first request is still being worked on. */
  const busy = new Set<string>();

  const newEffect = (work: EffectWork, scope: Scope, memory?: Omit<EffectMemory, "answer">): WorkResult => {
    const id = book.nextId();
    const record = recordOf(scope, id);
    const answer = answerOf(work, { ...scope, ledger: { id } }, record);
    const effect = { id, counts: true, ...keptIn(work, record), ...(memory === undefined ? {} : { memory: { ...memory, answer } }) };
    return { answer, accepted: true, effectId: id, entry: { effect } };
  };

  const byHeader = (endpoint: Endpoint, work: EffectWork, key: Extract<Key, { type: "header" }>, scope: Scope): WorkResult => {
    if (scope.key === undefined) {
      return key.required ? refused(errorAnswer(400, "KEY_REQUIRED", `the header ${key.header} is required`)) : newEffect(work, scope);
    }
    const payload = hash("sha256", scope.request.bytes) + scope.request.path;
    const earlier = book.memory.recall(endpoint.label, "header", scope.key);
    const place = `${endpoint.label}\n${scope.key}`;
    if (earlier !== undefined && scope.request.at - earlier.at < key.ttlMs) {
      if (earlier.payload !== payload) return refused(MISMATCH, "mismatch");
      if (busy.has(place)) return refused(IN_FLIGHT, "in-flight");
      return replayed(earlier, key.replayedHeader);
    }
    const hold = () => {
      busy.add(place);
      return () => void busy.delete(place);
    };
    return { ...newEffect(work, scope, { by: "header", value: scope.key, payload }), hold };
  };

  const byNature = (endpoint: Endpoint, work: EffectWork, key: Extract<Key, { type: "natural" }>, scope: Scope): WorkResult => {
    const value = asName(key.read(scope));
    if (value === undefined) return refused(errorAnswer(422, "MISSING_FIELD", "the field that identifies the record is missing"));
    const memory = { by: "natural", value, payload: "" } as const;
    const earlier = book.memory.recall(endpoint.label, "natural", value);
    if (earlier === undefined) return newEffect(work, scope, memory);
    switch (key.repeat) {
      case "answer":
        return replayed(earlier);
      case "conflict":
        return refused(errorAnswer(409, "ALREADY_EXISTS", `the record exists already; its id is ${earlier.id}`), "conflict");
      case "update": {
        const record = recordOf(scope, earlier.id);
        const answer = answerOf(work, { ...scope, ledger: { id: earlier.id } }, record);
        const effect = { id: earlier.id, counts: false, ...keptIn(work, record), memory: { ...memory, answer } };
        return { answer, accepted: true, effectId: earlier.id, entry: { effect, repeat: "updated" } };
      }
    }
  };

  const change = (endpoint: Endpoint, work: EffectWork, scope: Scope): WorkResult => {
    switch (work.key.type) {
      case "blind":
        return newEffect(work, scope);
      case "header":
        return byHeader(endpoint, work, work.key, scope);
      case "natural":
        return byNature(endpoint, work, work.key, scope);
    }
  };

  const lookUp = (work: Extract<Work, { type: "lookup" }>, scope: Scope): WorkResult => {
    const { by, collection } = work;
    const value = by === undefined ? undefined : asName(by.from(scope));
    // Nothing asked for by a query lists everything; nothing asked for elsewhere finds nothing.
    const items =
      by === undefined || value === undefined ? book.collections.all(collection) : book.collections.find(collection, by.field, value);
    const [first] = items;
    if (by?.single === true && first === undefined) {
      return refused(errorAnswer(404, "NOT_FOUND", `nothing in ${collection} has ${by.field} ${value}`));
    }
    const answer = work.answer?.({ ...scope, lookup: { items, first, count: items.length } });
    return { answer: answer ?? jsonAnswer(200, by?.single === true ? first : { items }), accepted: true };
  };

  return {
    perform(endpoint, scope, elapsedMs) {
      const { work } = endpoint;
      if (work.type === "none") return refused(errorAnswer(404, "NO_SUCH_ENDPOINT", `the script has no endpoint ${endpoint.label}`));
      if (work.type === "issue") {
        return tokens === undefined
          ? refused(errorAnswer(404, "NO_TOKENS", "no tokens are issued"))
          : { answer: tokens.issue(elapsedMs), accepted: true };
      }
      const unauthorized = tokens?.refuse(scope.request, elapsedMs);
      if (unauthorized !== undefined) return refused(unauthorized);
      switch (work.type) {
        case "read":
          return { answer: work.answer(scope), accepted: true };
        case "lookup":
          return lookUp(work, scope);
        case "effect":
          return change(endpoint, work, scope);
      }
    },
  };
}

const MISMATCH = errorAnswer(422, "KEY_REUSED", "this idempotency key was used with another payload");
const IN_FLIGHT = errorAnswer(409, "KEY_IN_FLIGHT", "a request with this idempotency key is still being worked on", ["retry-after", "1"]);

function refused(answer: Answer, repeat?: NonNullable<LedgerEntry["repeat"]>): WorkResult {
  return { answer, accepted: false, ...(repeat === undefined ? {} : { entry: { repeat } }) };
}

function replayed(earlier: Remembered, header?: string): WorkResult {
  const { answer } = earlier;
  const marked = header === undefined ? answer : { ...answer, headers: [...answer.headers, header, "true"] };
  return { answer: marked, accepted: true, effectId: earlier.id, entry: { repeat: "replayed" } };
}

/** The fields of the request under the ledger's id, which comes first and wins over an `id` that was sent. */
function recordOf(scope: Scope, id: string): LedgerRecord {
  const { body } = scope.request;
  return typeof body === "object" && body !== null && !Array.isArray(body) ? { ...{ id }, ...body, id } : { id };
}

function keptIn(work: EffectWork, record: LedgerRecord): { readonly collection?: string; readonly record?: LedgerRecord } {
  return work.collection === undefined ? {} : { collection: work.collection, record };
}

function answerOf(work: EffectWork, scope: Scope, record: LedgerRecord): Answer {
  return work.answer?.(scope) ?? jsonAnswer(work.status, record);
}
