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
}

/** Never reached the other side: nothing was sent. */
const NOT_SENT: ReadonlySet<string> = new Set([
  "ENOTFOUND", "EAI_AGAIN", "EAI_NODATA", "EAI_NONAME", "ECONNREFUSED", "EHOSTUNREACH", "ENETUNREACH", "EHOSTDOWN", "ENETDOWN", "EADDRNOTAVAIL", "EMFILE",
  "UND_ERR_CONNECT_TIMEOUT", "ERR_HTTP2_GOAWAY_SESSION", "REFUSED_STREAM", "ConnectionRefused", "FailedToOpenSocket",
]);

/** Bytes may have left; whether anything was done is not known. */
const LOST_ANSWER: ReadonlySet<string> = new Set([
  "ECONNRESET", "ECONNABORTED", "EPIPE", "ETIMEDOUT", "ESOCKETTIMEDOUT", "ENOTCONN", "ENETRESET", "EPROTO",
  "UND_ERR_SOCKET", "UND_ERR_HEADERS_TIMEOUT", "UND_ERR_BODY_TIMEOUT", "UND_ERR_ABORTED", "UND_ERR_RES_CONTENT_LENGTH_MISMATCH", "UND_ERR_DESTROYED", "UND_ERR_CLOSED",
  "ERR_STREAM_PREMATURE_CLOSE", "ERR_HTTP2_STREAM_ERROR", "ERR_HTTP2_SESSION_ERROR", "HPE_INVALID_CONSTANT", "HPE_INVALID_CHUNK_SIZE", "ConnectionClosed",
]);

/** The names under which Node and OpenSSL report a certificate or a name that does not fit: no retry mends that. */
const TLS = /^(CERT_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|ERR_TLS_CERT|HOSTNAME_MISMATCH|ERR_SSL_)/;

/** A mistake in the program, which the next attempt would make again. `fetch failed` is a TypeError too, so causes go first. */
const PROGRAM_ERRORS: ReadonlySet<string> = new Set(["TypeError", "ReferenceError", "SyntaxError", "RangeError", "EvalError"]);

const MAX_DEPTH = 10;

/** Reads an error and its causes, ten deep; a cycle ends with the depth. */
export function readFault(error: unknown): Fault {
  const message = messageOf(error);
  let current: unknown = error;
  let code: string | undefined;
  for (let depth = 0; depth < MAX_DEPTH && typeof current === "object" && current !== null; depth += 1) {
    const own = current as { code?: unknown; status?: unknown; statusCode?: unknown; headers?: unknown; error?: unknown; cause?: unknown; errors?: unknown; syscall?: unknown; name?: unknown; rstCode?: unknown };
    const status = statusOf(own.status) ?? statusOf(own.statusCode);
    if (status !== undefined) {
      return { kind: "transient", effect: "unknown", rule: "sdk-error", message, code: textOf(own.code), status, ...headersOf(own.headers), ...bodyOf(own.error) };
    }
    const ownCode = textOf(own.code) ?? (Array.isArray(own.errors) ? textOf((own.errors[0] as { code?: unknown } | undefined)?.code) : undefined);
    if (ownCode !== undefined) {
      const known = judgeCode(ownCode, own.syscall, own.rstCode);
      if (known !== undefined) return { ...known, message, code: ownCode };
      code ??= ownCode;
    }
    if (own.name === "AbortError") return { kind: "cancelled", effect: "unknown", rule: "error:AbortError", message, code };
    if (own.name === "TimeoutError") return { kind: "transient", effect: "unknown", rule: "error:TimeoutError", message, code };
    current = own.cause;
  }
  const name = error instanceof Error ? error.name : typeof error;
  if (name === "TypeError" && /^(fetch failed|Failed to fetch|NetworkError|Load failed|terminated)/.test(message)) {
    return { kind: "transient", effect: "unknown", rule: "error:fetch-failed", message, code };
  }
  if (PROGRAM_ERRORS.has(name)) return { kind: "permanent", effect: "unknown", rule: `error:${name}`, message, code };
  return { kind: "transient", effect: "unknown", rule: `error:${name}`, message, code };
}

function judgeCode(code: string, syscall: unknown, rstCode: unknown): Pick<Fault, "kind" | "effect" | "rule"> | undefined {
  const rule = `code:${code}`;
  if (NOT_SENT.has(code) || syscall === "connect" || syscall === "getaddrinfo") return { kind: "transient", effect: "none", rule };
  // HTTP/2's REFUSED_STREAM (7) promises that nothing was processed (RFC 9113 §8.7).
  if (code === "ERR_HTTP2_STREAM_ERROR" && rstCode === 7) return { kind: "transient", effect: "none", rule };
  if (LOST_ANSWER.has(code)) return { kind: "transient", effect: "unknown", rule };
  if (TLS.test(code)) return { kind: "permanent", effect: "none", rule };
  return undefined;
}

function messageOf(error: unknown): string {
  if (error instanceof Error) return error.message === "" ? error.name : error.message;
  return String(error);
}

function statusOf(value: unknown): number | undefined {
  return typeof value === "number" && Number.isInteger(value) && value >= 100 && value <= 599 ? value : undefined;
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

function headersOf(value: unknown): { headers?: { get(name: string): string | null } } {
  if (typeof value !== "object" || value === null) return {};
  if (typeof (value as { get?: unknown }).get === "function") return { headers: value as { get(name: string): string | null } };
  const plain = new Map(Object.entries(value).map(([name, text]) => [name.toLowerCase(), String(text)]));
  return { headers: { get: (name) => plain.get(name.toLowerCase()) ?? null } };
}

/** SDKs keep the parsed body in `error.error`; rules look at text. */
function bodyOf(value: unknown): { body?: string } {
  if (typeof value === "string") return { body: value };
  if (typeof value !== "object" || value === null) return {};
  try {
    return { body: JSON.stringify(value) };
  } catch {
    // Not JSON after all (a cycle): the message alone must do.
    return {};
  }
}
