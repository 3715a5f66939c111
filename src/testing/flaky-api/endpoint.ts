import { compileAnswer, readAnswer } from "./answer.ts";
import type { AnswerWriter } from "./answer.ts";
import { parsePattern } from "./endpoint-pattern.ts";
import type { EndpointPattern } from "./endpoint-pattern.ts";
import { compileExpression, REQUEST_ROOTS } from "./expression.ts";
import type { Expression, Readable } from "./expression.ts";
import { BLIND, readKey } from "./key.ts";
import type { Key } from "./key.ts";
import { join, optional, readBoolean, readObject, readText, refuse } from "../reading.ts";
import { readDelay, scaledTime } from "./script-time.ts";
import type { DelayRange, ReadTime } from "./script-time.ts";

/** An endpoint, ready to work. */
export interface Endpoint {
  /** What the ledger calls it. */
  readonly label: string;
  readonly pattern: EndpointPattern;
  readonly subject?: Expression;
  readonly delay?: DelayRange;
  /** The header that idempotency keys come in, in small letters. */
  readonly keyHeader: string;
  readonly work: Work;
}

/** What an endpoint does when nothing stands in its way. */
export type Work =
  | { readonly type: "none" }
  | { readonly type: "issue" }
  | { readonly type: "read"; readonly answer: AnswerWriter }
  | { readonly type: "lookup"; readonly collection: string; readonly by?: Wanted; readonly answer?: AnswerWriter }
  | { readonly type: "effect"; readonly collection?: string; readonly key: Key; readonly status: number; readonly answer?: AnswerWriter };

/** The value that a lookup is after: where it stands in the request, and in which field of the records. */
export interface Wanted {
  readonly field: string;
  readonly from: Expression;
  /** Whether it names one record, so that none is a 404. */
  readonly single: boolean;
}

const KEYS = ["effect", "subject", "key", "collection", "lookup", "by", "from", "answer", "delay"];
const unscaled = scaledTime(1);
const CHANGING = ["POST", "PUT", "PATCH", "DELETE"];

export function readEndpoint(text: string, value: unknown, path: string, time: ReadTime): Endpoint {
  const fields = readObject(value, path, KEYS);
  const pattern = parsePattern(text, path, "required");
  if (text.includes(" /__holdfast")) refuse(path, text, "paths under /__holdfast are kept for the server's own control endpoints");
  const readable: Readable = { roots: [...REQUEST_ROOTS, "key"], params: pattern.params };
  const subject = optional(fields["subject"], join(path, "subject"), (text, at) => compileExpression(readText(text, at), at, readable));
  const delay = optional(fields["delay"], join(path, "delay"), (delay, at) => readDelay(delay, at, time));
  const key = optional(fields["key"], join(path, "key"), (key, at) => readKey(key, at, readable, time)) ?? BLIND;
  return {
    label: text,
    pattern,
    ...(subject === undefined ? {} : { subject }),
    ...(delay === undefined ? {} : { delay }),
    keyHeader: key.type === "header" ? key.header : "idempotency-key",
    work: readWork(fields, path, pattern, key, time),
  };
}

/** What stands in for endpoints where a script has none: every path answers, and nothing is deduped. */
export function anyEndpoint(method: string, label: string): Endpoint {
  return { ...readEndpoint(`${method} /*`, {}, "endpoints", unscaled), label };
}

/** What stands in for a path that the script does not have. */
export function unknownEndpoint(method: string, label: string): Endpoint {
  return { ...anyEndpoint(method, label), work: { type: "none" } };
}

/** The endpoint that issues tokens. */
export function issuerEndpoint(pattern: EndpointPattern): Endpoint {
  return { label: pattern.text, pattern, keyHeader: "idempotency-key", work: { type: "issue" } };
}

function readWork(fields: Readonly<Record<string, unknown>>, path: string, pattern: EndpointPattern, key: Key, time: ReadTime): Work {
  if (fields["lookup"] !== undefined) return readLookup(fields, path, pattern, time);
  for (const name of ["by", "from"]) {
    if (fields[name] !== undefined) refuse(join(path, name), fields[name], "it has no effect without lookup");
  }
  const changes =
    optional(fields["effect"], join(path, "effect"), readBoolean) ?? (pattern.method === "*" || CHANGING.includes(pattern.method));
  const status = changes && pattern.method === "POST" ? 201 : 200;
  const roots = [...REQUEST_ROOTS, "key", "subject", ...(changes ? ["ledger"] : [])];
  const readable = { roots, params: pattern.params };
  const answer = optional(fields["answer"], join(path, "answer"), (answer, at) =>
    compileAnswer(readAnswer(answer, at), at, { status, readable, time }),
  );
  if (!changes) {
    for (const name of ["key", "collection"]) {
      if (fields[name] !== undefined) refuse(join(path, name), fields[name], "it has no effect on an endpoint that changes nothing");
    }
    return { type: "read", answer: answer ?? compileAnswer({}, path, { status, readable, time }) };
  }
  if (key.type !== "blind" && (fields["answer"] as { stream?: unknown } | undefined)?.stream !== undefined) {
    refuse(join(path, "key"), fields["key"], "an answer that is a stream cannot be kept and given again");
  }
  const collection = optional(fields["collection"], join(path, "collection"), readText) ?? defaultCollection(pattern);
  return { type: "effect", key, status, ...(collection === undefined ? {} : { collection }), ...(answer === undefined ? {} : { answer }) };
}

/** `POST /crm/v3/objects/contacts` keeps `contacts`. Other methods mostly change what is there, so they keep nothing unless told. */
function defaultCollection(pattern: EndpointPattern): string | undefined {
  if (pattern.method !== "POST") return undefined;
  return pattern.segments.findLast((segment) => segment.type === "fixed")?.text;
}

function readLookup(fields: Readonly<Record<string, unknown>>, path: string, pattern: EndpointPattern, time: ReadTime): Work {
  for (const name of ["key", "collection", "effect"]) {
    if (fields[name] !== undefined) refuse(join(path, name), fields[name], "it has no effect on a lookup");
  }
  const readable: Readable = { roots: [...REQUEST_ROOTS, "key", "subject", "lookup"], params: pattern.params };
  const by = optional(fields["by"], join(path, "by"), readText);
  const from = optional(fields["from"], join(path, "from"), readText);
  if (by === undefined && from !== undefined) refuse(join(path, "from"), from, "it has no effect without by");
  const answer = optional(fields["answer"], join(path, "answer"), (answer, at) =>
    compileAnswer(readAnswer(answer, at), at, { status: 200, readable, time }),
  );
  return {
    type: "lookup",
    collection: readText(fields["lookup"], join(path, "lookup")),
    ...(by === undefined ? {} : { by: wanted(by, from, join(path, "from"), readable) }),
    ...(answer === undefined ? {} : { answer }),
  };
}

function wanted(field: string, from: string | undefined, path: string, readable: Readable): Wanted {
  const name = field.split(".").at(-1) as string;
  const text = from ?? (readable.params.includes(name) ? `path.${name}` : `query.${name}`);
  return { field, from: compileExpression(text, path, readable), single: text.startsWith("path.") };
}
