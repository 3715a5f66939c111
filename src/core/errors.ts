import { explainBecause, type Because } from "./decision.ts";

/**
 * Every error that Holdfast itself raises, by its stable code. Errors of the other side or of the caller's own function
 * are never wrapped: they surface as they are, and `explain(error)` tells what was done about them.
 */
export const errorRegistry: Readonly<Record<ErrorCode, ErrorEntry>> = {
  config: { class: "ConfigError", retryable: false, about: "An option is wrong, unknown, or has no effect where it stands." },
  timeout: { class: "TimeoutError", retryable: true, about: "An attempt took longer than its own timeout." },
  deadline: { class: "DeadlineError", retryable: false, about: "The call's whole time is used up." },
  "circuit-open": { class: "CircuitOpenError", retryable: true, about: "The breaker of this lane is open; nothing was sent." },
  "rate-limited": {
    class: "RateLimitedError",
    retryable: true,
    about: "Our own limiter cannot admit the call in the time it has; nothing was sent.",
  },
  "queue-full": {
    class: "QueueFullError",
    retryable: true,
    about: "As many calls as allowed already wait in this lane; nothing was sent.",
  },
  credential: {
    class: "CredentialError",
    retryable: true,
    about: "The credential of an API could not be got for now; nothing was sent.",
  },
  "idempotency-key-missing": {
    class: "IdempotencyKeyMissingError",
    retryable: false,
    about: "The API's policy wants an idempotency key and the call has none.",
  },
  "idempotency-mismatch": { class: "IdempotencyMismatchError", retryable: false, about: "The key was used before with another payload." },
  "idempotency-in-flight": {
    class: "IdempotencyInFlightError",
    retryable: true,
    about: "Another process is working on this key right now.",
  },
  "outcome-unknown": {
    class: "OutcomeUnknownError",
    retryable: false,
    about: "An earlier attempt under this key may or may not have happened; nothing was sent.",
  },
  "operation-failed": {
    class: "OperationFailedError",
    retryable: false,
    about: "A queued operation ended without success: it is a dead letter, or was cancelled.",
  },
  "body-not-replayable": {
    class: "BodyNotReplayableError",
    retryable: false,
    about: "A body that can be read only once stands where it would have to be stored or sent again.",
  },
  "unknown-api": { class: "UnknownApiError", retryable: false, about: "No API of that name is defined." },
  "not-found": { class: "NotFoundError", retryable: false, about: "There is no such record in the store." },
  store: { class: "StoreError", retryable: false, about: "The store cannot be opened, read or written." },
  closed: { class: "ClosedError", retryable: false, about: "The engine was closed before this call." },
};

/** Stable code of an error of ours; the key of {@link errorRegistry}. */
export type ErrorCode =
  | "config"
  | "timeout"
  | "deadline"
  | "circuit-open"
  | "rate-limited"
  | "queue-full"
  | "credential"
  | "idempotency-key-missing"
  | "idempotency-mismatch"
  | "idempotency-in-flight"
  | "outcome-unknown"
  | "operation-failed"
  | "body-not-replayable"
  | "unknown-api"
  | "not-found"
  | "store"
  | "closed";

export interface ErrorEntry {
  /** Name of the class, and of the error. */
  readonly class: string;
  readonly retryable: boolean;
  /** What it means, in one sentence. */
  readonly about: string;
}

/** The root of all errors that Holdfast raises. Match on `code`, which is stable; the text is for people. */
export class HoldfastError extends Error {
  /** Stable code, listed in `docs/reference/errors.md`. */
  readonly code: ErrorCode;
  /** Whether the same call may succeed later without a change. */
  readonly retryable: boolean;
  /** Milliseconds until it is worth trying again, where that is known. */
  readonly retryAfterMs?: number;
  /** The decision behind it, where there was one. */
  readonly because?: Because;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.retryable = errorRegistry[code].retryable;
    if (details.retryAfterMs !== undefined) this.retryAfterMs = details.retryAfterMs;
    if (details.because !== undefined) this.because = details.because;
  }

  override get name(): string {
    return errorRegistry[this.code].class;
  }
}

export interface ErrorDetails {
  readonly cause?: unknown;
  readonly retryAfterMs?: number;
  readonly because?: Because;
}

/** An option is wrong, unknown, or has no effect where it stands. `path` names it. */
export class ConfigError extends HoldfastError {
  /** Where the option stands, such as `apis.crm.retry.maxAttempts`. */
  readonly path: string;

  constructor(fault: { path: string; message: string; cause?: unknown }) {
    super("config", fault.message, fault);
    this.path = fault.path;
  }
}

/** An attempt took longer than its own timeout. Its outcome is unknown unless it only read. */
export class TimeoutError extends HoldfastError {
  readonly timeoutMs: number;

  constructor(timeoutMs: number) {
    super("timeout", `the attempt did not end within its timeout of ${timeoutMs} ms (option timeout.attempt)`);
    this.timeoutMs = timeoutMs;
  }
}

/** The call's whole time is used up: its own `timeout.total`, or the deadline of the task or call around it. */
export class DeadlineError extends HoldfastError {
  /** Whether it cut an attempt off, so that the outcome is unknown. Otherwise nothing was sent. */
  readonly cut: boolean;

  constructor(message: string, { cut = false, ...details }: ErrorDetails & { readonly cut?: boolean } = {}) {
    super("deadline", message, details);
    this.cut = cut;
  }
}

/** The breaker of this lane is open; nothing was sent. `retryAfterMs` says when a probe may be due. */
export class CircuitOpenError extends HoldfastError {
  readonly lane: string;

  constructor(lane: string, retryAfterMs: number, detail: string) {
    super(
      "circuit-open",
      `the circuit breaker of ${lane} is open (${detail}); nothing was sent. Try again in ${Math.ceil(retryAfterMs)} ms`,
      {
        retryAfterMs,
        because: { code: "breaker-open", retryAfterMs, detail },
      },
    );
    this.lane = lane;
  }
}

/** Our own limiter cannot admit the call within the time that it has; nothing was sent. */
export class RateLimitedError extends HoldfastError {
  constructor(message: string, retryAfterMs: number) {
    super("rate-limited", message, { retryAfterMs });
  }
}

/** As many calls as allowed already wait; nothing was sent. */
export class QueueFullError extends HoldfastError {
  constructor(message: string, retryAfterMs: number) {
    super("queue-full", message, { retryAfterMs });
  }
}

/** The credential of an API could not be got for now: the token endpoint is in trouble, or cannot be reached. Nothing was sent. */
export class CredentialError extends HoldfastError {
  constructor(message: string, details?: ErrorDetails) {
    super("credential", message, details);
  }
}

/** The API's policy wants an idempotency key and the call has none. */
export class IdempotencyKeyMissingError extends HoldfastError {
  constructor(message: string) {
    super("idempotency-key-missing", message);
  }
}

/** The key was used before with another payload. */
export class IdempotencyMismatchError extends HoldfastError {
  readonly key: string;

  constructor(key: string) {
    super(
      "idempotency-mismatch",
      `the idempotency key ${JSON.stringify(key)} was used before with another payload; use a new key for new work, or list volatile fields under idempotency.ignore`,
    );
    this.key = key;
  }
}

/** Another process is working on this key right now. */
export class IdempotencyInFlightError extends HoldfastError {
  readonly key: string;

  constructor(key: string, retryAfterMs: number) {
    super(
      "idempotency-in-flight",
      `another process is working on the idempotency key ${JSON.stringify(key)}; ask again in ${Math.ceil(retryAfterMs)} ms`,
      {
        retryAfterMs,
      },
    );
    this.key = key;
  }
}

/** An earlier attempt under this key may or may not have happened; nothing was sent. */
export class OutcomeUnknownError extends HoldfastError {
  readonly key: string;

  constructor(key: string, details?: ErrorDetails) {
    super(
      "outcome-unknown",
      `an earlier attempt under the idempotency key ${JSON.stringify(key)} ended without an answer, and the API does not dedupe by key; nothing was sent. Look it up at the other side and resolve its dead letter, or give the call a reconcile() function`,
      details,
    );
    this.key = key;
  }
}

/** A queued operation ended without success: it is a dead letter, or was cancelled. */
export class OperationFailedError extends HoldfastError {
  /** Id of the operation, and of its dead letter where there is one. */
  readonly operation: string;
  readonly state: "dead" | "cancelled";

  constructor(operation: string, state: "dead" | "cancelled", because: Because | undefined) {
    const why = because === undefined ? "" : `: ${explainBecause(because)}`;
    const next = state === "dead" ? `; it is kept as a dead letter, and \`holdfast dlq show ${operation}\` tells all of it` : "";
    super(
      "operation-failed",
      `the operation ${operation} ${state === "dead" ? "failed" : "was cancelled"}${why}${next}`,
      because === undefined ? {} : { because },
    );
    this.operation = operation;
    this.state = state;
  }
}

/** A body that can be read only once stands where it would have to be stored or sent again. */
export class BodyNotReplayableError extends HoldfastError {
  constructor(message: string) {
    super("body-not-replayable", message);
  }
}

/** No API of that name is defined. */
export class UnknownApiError extends HoldfastError {
  constructor(name: string, known: readonly string[]) {
    super(
      "unknown-api",
      `there is no API named ${JSON.stringify(name)}; defined are: ${known.length === 0 ? "none" : known.join(", ")}. Add it under apis in createHoldfast()`,
    );
  }
}

/** There is no such record in the store. */
export class NotFoundError extends HoldfastError {
  constructor(message: string) {
    super("not-found", message);
  }
}

/** The store cannot be opened, read or written. */
export class StoreError extends HoldfastError {
  constructor(message: string, details?: ErrorDetails) {
    super("store", message, details);
  }
}

/** The engine was closed before this call. */
export class ClosedError extends HoldfastError {
  constructor() {
    super("closed", "this Holdfast engine is closed; create a new one with createHoldfast()");
  }
}

/** Whether a value is an error of ours; with a code, whether it is that one. */
export function isHoldfastError(value: unknown, code?: ErrorCode): value is HoldfastError {
  return value instanceof HoldfastError && (code === undefined || value.code === code);
}
