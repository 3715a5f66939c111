import { explainBecause, type Because } from "../core/decision.ts";
import { ConfigError, isHoldfastError, OperationFailedError, type ErrorCode, type HoldfastError } from "../core/errors.ts";

/**
 * Every error that the gateway itself answers with, by its stable code: those of the library, and those of a server. What the
 * upstream answered is none of them; it passes through unchanged.
 */
export const PROBLEMS: Readonly<Record<ProblemCode, ProblemKind>> = {
  config: { status: 400, title: "A value is wrong" },
  timeout: { status: 504, title: "The attempt timed out" },
  deadline: { status: 504, title: "The time is used up" },
  "circuit-open": { status: 503, title: "The circuit breaker is open" },
  "rate-limited": { status: 429, title: "The rate limit lets nothing through" },
  "queue-full": { status: 503, title: "Too many calls wait" },
  credential: { status: 503, title: "The credential of the API cannot be got now" },
  "idempotency-key-missing": { status: 400, title: "An idempotency key is wanted" },
  "idempotency-mismatch": { status: 422, title: "The key stands for another payload" },
  "idempotency-in-flight": { status: 409, title: "The key is being worked on" },
  "outcome-unknown": { status: 409, title: "The outcome of an earlier attempt is unknown" },
  "operation-failed": { status: 502, title: "The operation failed" },
  "body-not-replayable": { status: 413, title: "The body cannot be sent again" },
  "unknown-api": { status: 404, title: "No such API" },
  "not-found": { status: 404, title: "No such record" },
  store: { status: 503, title: "The store does not answer" },
  closed: { status: 503, title: "The gateway is shutting down" },

  "invalid-request": { status: 400, title: "The request is wrong" },
  unauthorized: { status: 401, title: "A token is wanted" },
  forbidden: { status: 403, title: "The token does not allow this" },
  "origin-refused": { status: 403, title: "The request came from another site" },
  "no-route": { status: 404, title: "No such path" },
  "method-not-allowed": { status: 405, title: "The path has no such method" },
  conflict: { status: 409, title: "It is not in the state for this" },
  "body-too-large": { status: 413, title: "The body is too large" },
  "unsupported-media-type": { status: 415, title: "The body is of a wrong type" },
  "host-refused": { status: 421, title: "The host is not one of ours" },
  "headers-too-large": { status: 431, title: "The headers are too large" },
  "request-timeout": { status: 408, title: "The request came too slowly" },
  overloaded: { status: 503, title: "Too many connections" },
  "too-many-requests": { status: 429, title: "Too many requests" },
  internal: { status: 500, title: "The gateway failed" },
  "upstream-unreachable": { status: 502, title: "The other side cannot be reached" },
  "not-ready": { status: 503, title: "The gateway is not ready" },
};

export type ProblemCode =
  | ErrorCode
  | "invalid-request"
  | "unauthorized"
  | "forbidden"
  | "origin-refused"
  | "no-route"
  | "method-not-allowed"
  | "conflict"
  | "body-too-large"
  | "unsupported-media-type"
  | "host-refused"
  | "headers-too-large"
  | "request-timeout"
  | "overloaded"
  | "too-many-requests"
  | "internal"
  | "upstream-unreachable"
  | "not-ready";

export interface ProblemKind {
  readonly status: number;
  /** One line that never changes; what happened this time is the `detail`. */
  readonly title: string;
}

/** An error as `application/problem+json` (RFC 9457) tells it. */
export interface Problem {
  /** `urn:holdfast:problem:` and the code. */
  readonly type: string;
  readonly title: string;
  readonly status: number;
  /** What happened, why, and what to do. */
  readonly detail: string;
  readonly code: ProblemCode;
  /** Id of the operation, where one was begun. */
  readonly operation?: string;
  /** Tries that were made for it. */
  readonly attempts?: number;
  /** The decision behind it. */
  readonly because?: Because & { readonly text: string };
  /** Which values are wrong, by path. */
  readonly errors?: readonly { readonly path: string; readonly message: string }[];
}

export interface ProblemDetails {
  readonly operation?: string | undefined;
  readonly attempts?: number | undefined;
  readonly because?: Because | undefined;
  readonly errors?: Problem["errors"] | undefined;
  /** Milliseconds until it is worth coming back; becomes `Retry-After`. */
  readonly retryAfterMs?: number | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/** Statuses that say: come back later. They always say when. */
const COME_BACK: ReadonlySet<number> = new Set([429, 503]);
const COME_BACK_MS = 1_000;
/** A day; a client that is told `Infinity` could not read it. */
const LONGEST_RETRY_AFTER_MS = 86_400_000;

/** The error as data: the hot path writes it without a Response. */
export function problem(code: ProblemCode, detail: string, details: ProblemDetails = {}): Problem {
  const { operation, attempts, because, errors } = details;
  return {
    type: `urn:holdfast:problem:${code}`,
    title: PROBLEMS[code].title,
    status: PROBLEMS[code].status,
    detail,
    code,
    ...(operation === undefined ? {} : { operation }),
    ...(attempts === undefined ? {} : { attempts }),
    ...(because === undefined ? {} : { because: { ...because, text: explainBecause(because) } }),
    ...(errors === undefined ? {} : { errors }),
  };
}

/** `Retry-After` of a problem in whole seconds, where it has one. */
export function retryAfterOf({ status, code }: Problem, retryAfterMs: number | undefined): string | undefined {
  if (retryAfterMs === undefined && !COME_BACK.has(status) && code !== "idempotency-in-flight") return undefined;
  const ms = Math.min(Math.max(0, retryAfterMs ?? COME_BACK_MS), LONGEST_RETRY_AFTER_MS);
  return String(Math.max(1, Math.ceil(ms / 1_000)));
}

export function problemResponse(code: ProblemCode, detail: string, details: ProblemDetails = {}): Response {
  const body = problem(code, detail, details);
  const retryAfter = retryAfterOf(body, details.retryAfterMs);
  return new Response(JSON.stringify(body), {
    status: body.status,
    headers: {
      ...details.headers,
      "content-type": "application/problem+json",
      ...(retryAfter === undefined ? {} : { "retry-after": retryAfter }),
    },
  });
}

/** A refusal on its way to whoever asked. Thrown inside the gateway only. */
export class ProblemError extends Error {
  readonly code: ProblemCode;
  readonly details: ProblemDetails;

  constructor(code: ProblemCode, detail: string, details: ProblemDetails = {}) {
    super(detail);
    this.code = code;
    this.details = details;
  }

  override get name(): string {
    return "ProblemError";
  }
}

/** What an error of the library or of the gateway is told as; undefined for one that is neither, which is a fault of ours. */
export function problemOf(
  error: unknown,
): { readonly code: ProblemCode; readonly detail: string; readonly details: ProblemDetails } | undefined {
  if (error instanceof ProblemError) return { code: error.code, detail: error.message, details: error.details };
  if (!isHoldfastError(error)) return undefined;
  return { code: error.code, detail: error.message, details: detailsOf(error) };
}

function detailsOf(error: HoldfastError): ProblemDetails {
  return {
    ...(error.because === undefined ? {} : { because: error.because }),
    ...(error.retryAfterMs === undefined ? {} : { retryAfterMs: error.retryAfterMs }),
    ...(error instanceof OperationFailedError ? { operation: error.operation } : {}),
    ...(error instanceof ConfigError ? { errors: [{ path: error.path, message: error.message }] } : {}),
  };
}
