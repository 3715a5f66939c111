import { STATUS_CODES } from "node:http";
import type { Readable, Scope } from "./expression.ts";
import { join, optional, readNumber, readObject, readRecord, refuse } from "../reading.ts";
import { compileJson, compileText } from "./template.ts";
import type { Template } from "./template.ts";
import { compileStream } from "./event-stream.ts";
import type { EventStream } from "./event-stream.ts";
import type { ReadTime } from "./script-time.ts";

/** An answer ready for the wire. It is plain data, so that it can be kept and given again. */
export interface Answer {
  readonly status: number;
  /** Names and values by turns. */
  readonly headers: readonly string[];
  readonly body: string;
  /** Where the body comes as a stream of events, what it is; `body` is then empty. */
  readonly stream?: EventStream;
}

/** Makes the answer to one request. */
export type AnswerWriter = (scope: Scope) => Answer;

const BODILESS = [204, 205, 304];

export const ANSWER_KEYS: readonly string[] = ["status", "headers", "json", "text", "stream"];

/** An answer with a JSON body; the script's own answers and ours all come from here. */
export function jsonAnswer(status: number, value: unknown, headers: readonly string[] = []): Answer {
  return { status, headers: ["content-type", "application/json", ...headers], body: JSON.stringify(value) };
}

/** A refusal in the shape that many APIs use. */
export function errorAnswer(status: number, code: string, message: string, headers?: readonly string[]): Answer {
  return jsonAnswer(status, { error: { code, message } }, headers);
}

/** Compiles what a script says of an answer; `status` is for one that says none. */
export function compileAnswer(
  fields: Readonly<Record<string, unknown>>,
  path: string,
  defaults: { readonly status: number; readonly readable: Readable; readonly time: ReadTime },
): AnswerWriter {
  const { readable, time } = defaults;
  const bodies = ["json", "text", "stream"].filter((key) => fields[key] !== undefined);
  if (bodies.length > 1) refuse(path, bodies, "an answer has one body: json, text or stream");

  const status = optional(fields["status"], join(path, "status"), readStatus) ?? defaults.status;
  if (BODILESS.includes(status) && bodies.length > 0) refuse(path, bodies, `an answer ${status} has no body`);
  const headers = Object.entries(optional(fields["headers"], join(path, "headers"), readRecord) ?? {});
  const writers = headers.map(([name, value]) => headerWriter(name, value, join(join(path, "headers"), name), readable));
  const stream = fields["stream"] === undefined ? undefined : compileStream(fields["stream"], join(path, "stream"), readable, time);
  const body = bodyWriter(fields, path, status, readable);
  const type = contentType(fields, headers);

  return (scope) => ({
    status,
    headers: [...type, ...writers.flatMap((write) => write(scope))],
    body: body(scope),
    ...(stream === undefined ? {} : { stream: stream(scope) }),
  });
}

export function readAnswer(value: unknown, path: string): Readonly<Record<string, unknown>> {
  return readObject(value, path, ANSWER_KEYS);
}

function readStatus(value: unknown, path: string): number {
  return readNumber(value, path, { min: 200, max: 599, integer: true });
}

function bodyWriter(fields: Readonly<Record<string, unknown>>, path: string, status: number, readable: Readable): Template {
  if (fields["json"] !== undefined) return compileJson(fields["json"], join(path, "json"), readable);
  if (typeof fields["text"] === "string") return compileText(fields["text"], join(path, "text"), readable);
  if (fields["text"] !== undefined) return refuse(join(path, "text"), fields["text"], "it must be a text");
  if (fields["stream"] !== undefined || BODILESS.includes(status)) return () => "";
  const plain = status < 400 ? { ok: true } : { error: { code: String(status), message: STATUS_CODES[status] ?? "Unknown" } };
  return compileJson(plain, path, readable);
}

function contentType(fields: Readonly<Record<string, unknown>>, headers: readonly (readonly [string, unknown])[]): readonly string[] {
  if (headers.some(([name]) => name.toLowerCase() === "content-type")) return [];
  if (fields["stream"] !== undefined) return ["content-type", "text/event-stream"];
  return ["content-type", fields["text"] === undefined ? "application/json" : "text/plain; charset=utf-8"];
}

function headerWriter(name: string, value: unknown, path: string, readable: Readable): (scope: Scope) => readonly string[] {
  if (!/^[\w!#$%&'*+.^`|~-]+$/.test(name)) refuse(path, name, "it is not the name of a header");
  if (typeof value !== "string") return refuse(path, value, "it must be a text");
  if (["content-length", "transfer-encoding", "connection"].includes(name.toLowerCase())) {
    refuse(path, value, "the server sets this header; for a body that breaks off, use cut");
  }
  const write = compileText(value, path, readable);
  // What a request put in must not end the header that it is echoed in.
  return (scope) => [name, write(scope).replace(/[^\t\x20-\x7e\x80-\xff]/g, " ")];
}
