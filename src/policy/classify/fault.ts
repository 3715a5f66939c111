import { HoldfastError } from "../../core/errors.ts";
import type { Effect } from "../../core/verdict.ts";

/** What an error says about itself once its cause chain has been walked. */
export interface Fault {
  readonly kind: "transient" | "permanent" | "cancelled";
  readonly effect: Effect;
  readonly rule: string;
  readonly message: string;
  readonly code?: string | undefined;
  /** HTTP status, where an SDK's error carries one. */
  readonly status?: number;
  readonly headers?: { get(name: string): string | null };
  /** The answer's body as JSON text, where the error carries it. */
  readonly body?: string;
  /** An error of our own, thrown further down. */
  readonly own?: HoldfastError;
}

/** Never reached the other side: nothing was sent. */
const NOT_SENT: ReadonlySet<string> = new Set([
  "ENOTFOUND",
  "EAI_AGAIN",
  "EAI_NODATA",
  "EAI_NONAME",
  "ECONNREFUSED",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "EHOSTDOWN",
  "ENETDOWN",
  "EADDRNOTAVAIL",
  "EMFILE",
  "UND_ERR_CONNECT_TIMEOUT",
  "ERR_HTTP2_GOAWAY_SESSION",
  "REFUSED_STREAM",
  "ConnectionRefused",
  "FailedToOpenSocket",
]);

/** Bytes may have left; whether anything was done is not known. */
const LOST_ANSWER: ReadonlySet<string> = new Set([
  "ECONNRESET",
  "ECONNABORTED",
  "EPIPE",
  "ETIMEDOUT",
  "ESOCKETTIMEDOUT",
  "ENOTCONN",
  "ENETRESET",
  "EPROTO",
  "UND_ERR_SOCKET",
  "UND_ERR_HEADERS_TIMEOUT",
  "UND_ERR_BODY_TIMEOUT",
  "UND_ERR_RES_CONTENT_LENGTH_MISMATCH",
  "UND_ERR_DESTROYED",
  "UND_ERR_CLOSED",
  "ERR_STREAM_PREMATURE_CLOSE",
  "ERR_SSL_DECRYPTION_FAILED_OR_BAD_RECORD_MAC",
  "ERR_SSL_SSLV3_ALERT_BAD_RECORD_MAC",
  "ERR_SSL_UNEXPECTED_EOF_WHILE_READING",
  "ERR_HTTP2_STREAM_ERROR",
  "ERR_HTTP2_SESSION_ERROR",
  "HPE_INVALID_CONSTANT",
  "HPE_INVALID_CHUNK_SIZE",
  "ConnectionClosed",
]);

/** The names under which Node and OpenSSL report a certificate or a name that does not fit: no retry mends that. */
const TLS = /^(CERT_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|ERR_TLS_CERT|HOSTNAME_MISMATCH|ERR_SSL_)/;

/** A mistake in the program, which the next attempt would make again. `fetch failed` is a TypeError too, so causes go first. */
const PROGRAM_ERRORS: ReadonlySet<string> = new Set(["TypeError", "ReferenceError", "SyntaxError", "RangeError", "EvalError"]);

const MAX_DEPTH = 10;
/** Errors in an AggregateError that are looked at. */
const MAX_BRANCHES = 10;

type Judgement = Pick<Fault, "kind" | "effect" | "rule">;
type CodeJudgement = Judgement & { readonly code: string };

/**
 * Reads an error and its causes, ten deep; a cycle ends with the depth. Nothing that was thrown can make it throw: a field that cannot be
 * read is not there.
 */
export function readFault(error: unknown): Fault {
  const message = messageOf(error);
  let current: unknown = error;
  let code: string | undefined;
  for (let depth = 0; depth < MAX_DEPTH && isObject(current); depth += 1) {
    if (isHoldfast(current)) return { ...OWN, message, code: current.code, own: current };
    const answer = answerOf(current);
    const ownCode = textOf(field(current, "code"));
    if (answer !== undefined) return { ...OWN, message, code: ownCode, ...answer };
    // Node gives the error of a dual-stack connect the code of its first branch, and only the branches say that they were connects.
    const judged = judgeBranches(current) ?? judgeCode(ownCode, current);
    if (judged !== undefined) return { ...judged, message };
    code ??= ownCode;
    const name = field(current, "name");
    if (name === "AbortError") return { kind: "cancelled", effect: "unknown", rule: "error:AbortError", message, code };
    if (name === "TimeoutError") return { kind: "transient", effect: "unknown", rule: "error:TimeoutError", message, code };
    current = field(current, "cause");
  }
  return { ...judgeName(nameOf(error), message), message, code };
}

/** Of an error that is judged by more than itself: by its status, or by what we meant when we threw it. */
const OWN: Judgement = { kind: "transient", effect: "unknown", rule: "sdk-error" };

/** Judges by the name of the error that was thrown, when nothing better is known. */
function judgeName(name: string, message: string): Judgement {
  if (name === "TypeError" && /^(fetch failed|Failed to fetch|NetworkError|Load failed|terminated)/.test(message)) {
    return { kind: "transient", effect: "unknown", rule: "error:fetch-failed" };
  }
  return { kind: PROGRAM_ERRORS.has(name) ? "permanent" : "transient", effect: "unknown", rule: `error:${name}` };
}

function judgeCode(code: string | undefined, error: object): CodeJudgement | undefined {
  if (code === undefined) return undefined;
  const rule = `code:${code}`;
  const syscall = field(error, "syscall");
  if (syscall === "connect" || syscall === "getaddrinfo") return { kind: "transient", effect: "none", rule, code };
  // A host can also become unreachable under a connection that has carried the request already.
  const wasOpen = syscall === "read" || syscall === "write";
  if (NOT_SENT.has(code)) return { kind: "transient", effect: wasOpen ? "unknown" : "none", rule, code };
  // HTTP/2's REFUSED_STREAM (7) promises that nothing was processed (RFC 9113 §8.7).
  if (code === "ERR_HTTP2_STREAM_ERROR" && field(error, "rstCode") === 7) return { kind: "transient", effect: "none", rule, code };
  if (LOST_ANSWER.has(code)) return { kind: "transient", effect: "unknown", rule, code };
  if (TLS.test(code)) return { kind: "permanent", effect: "none", rule, code };
  return undefined;
}

/** An AggregateError: of several sends that failed, one whose outcome is unknown speaks for all; only if none was sent, none was. */
function judgeBranches(error: object): CodeJudgement | undefined {
  const listed = field(error, "errors");
  if (listed === undefined) return undefined;
  const errors = safely(() => (Array.isArray(listed) ? (listed.slice(0, MAX_BRANCHES) as readonly unknown[]) : undefined));
  if (errors === undefined) return undefined;
  let found: CodeJudgement | undefined;
  for (const one of errors) {
    const judged = isObject(one) ? judgeCode(textOf(field(one, "code")), one) : undefined;
    // One that nothing is known of may have been sent.
    if (judged === undefined) return undefined;
    if (found === undefined || judged.effect === "unknown") found = judged;
  }
  return found;
}

/** The answer that an SDK's error carries: in its own fields, or as the `response` that it hangs on the error. */
function answerOf(error: object): (Pick<Fault, "headers" | "body"> & { readonly status: number }) | undefined {
  const response = field(error, "response");
  const carrier = isObject(response) ? response : undefined;
  const aws = field(error, "$metadata");
  const status = statusIn(error) ?? statusIn(carrier) ?? (isObject(aws) ? statusOf(field(aws, "httpStatusCode")) : undefined);
  if (status === undefined) return undefined;
  const headers = headersOf(field(error, "headers")) ?? (carrier === undefined ? undefined : headersOf(field(carrier, "headers")));
  const body = bodyOf(field(error, "error")) ?? (carrier === undefined ? undefined : bodyOf(field(carrier, "data")));
  return { status, ...(headers === undefined ? {} : { headers }), ...(body === undefined ? {} : { body }) };
}

function statusIn(carrier: object | undefined): number | undefined {
  return carrier === undefined ? undefined : (statusOf(field(carrier, "status")) ?? statusOf(field(carrier, "statusCode")));
}

function messageOf(error: unknown): string {
  if (isObject(error)) return textOf(field(error, "message")) ?? nameOf(error);
  return String(error);
}

function nameOf(error: unknown): string {
  if (safely(() => error instanceof Error) !== true) return typeof error;
  return textOf(field(error as object, "name")) ?? "Error";
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

function isHoldfast(error: object): error is HoldfastError {
  return safely(() => error instanceof HoldfastError) === true;
}

/** A field, where it can be read: what was thrown may have getters that throw, or be a proxy that is revoked. */
function field(object: object, name: string): unknown {
  try {
    return (object as Readonly<Record<string, unknown>>)[name];
  } catch {
    return undefined;
  }
}

/** What was thrown may have getters that throw, and proxies that are revoked; then there is nothing to be read. */
function safely<Value>(read: () => Value): Value | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

function statusOf(value: unknown): number | undefined {
  return typeof value === "number" && Number.isInteger(value) && value >= 100 && value <= 599 ? value : undefined;
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** `Headers` as they are; a plain object, as some SDKs keep it, by name without regard to case. */
function headersOf(value: unknown): { get(name: string): string | null } | undefined {
  if (!isObject(value)) return undefined;
  if (typeof field(value, "get") === "function") return value as { get(name: string): string | null };
  const plain = new Map<string, string>();
  for (const name of safely(() => Object.keys(value)) ?? []) {
    const text = field(value, name);
    if (typeof text === "string" || typeof text === "number") plain.set(name.toLowerCase(), String(text));
  }
  return { get: (name) => plain.get(name.toLowerCase()) ?? null };
}

/** SDKs keep the parsed body; rules look at text. */
function bodyOf(value: unknown): string | undefined {
  if (typeof value === "string") return value;
  if (!isObject(value)) return undefined;
  // Where it is no JSON after all (a cycle), the message alone must do.
  return safely(() => JSON.stringify(value));
}
