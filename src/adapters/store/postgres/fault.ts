import { StoreError } from "../../../core/errors.ts";

/**
 * A fault of the database or of the way to it.
 *
 * `effect` says what became of a write: `none`, it certainly did not happen; `unknown`, the connection broke after the write was
 * sent, so that it may stand. Asking again is harmless in both cases. `retryable` says that asking again may help.
 */
export class PostgresStoreError extends StoreError {
  readonly effect: "none" | "unknown";
  override readonly retryable: boolean;
  /** PostgreSQL's own code (https://www.postgresql.org/docs/current/errcodes-appendix.html), or the client's for a broken connection. */
  readonly sqlState?: string;

  constructor(message: string, fault: Fault) {
    // Not the client's error itself: it may hold rows and parameters.
    super(message, { cause: { ...(fault.code !== undefined && { code: fault.code }), message: fault.message } });
    this.effect = fault.effect;
    this.retryable = fault.retryable;
    if (fault.code !== undefined) this.sqlState = fault.code;
  }
}

/** What is known of an error of the client. */
export interface Fault {
  readonly code?: string;
  readonly message: string;
  readonly effect: "none" | "unknown";
  readonly retryable: boolean;
  /** The server answered, and the connection is fit for use. */
  readonly answered: boolean;
}

const SERIALIZATION_FAILURE = "40001";
const DEADLOCK_DETECTED = "40P01";

/**
 * Codes of the server that are worth another try: locks, a standby after a failover, too many connections, a timeout,
 * a server that starts. A full disk (53100) is one: nothing was written, and room can be made.
 */
const PASSING = new Set([SERIALIZATION_FAILURE, DEADLOCK_DETECTED, "55P03", "25006", "53000", "53100", "53200", "53300", "57014", "57P03"]);

/** The server ended the connection, or says itself that it does not know how the transaction ended. */
const BROKEN = /^(?:08...|57P01|57P02|57P05|40003)$/;

/** PostgreSQL's codes. None begins with E, and those of the operating system do: EPIPE has five letters too. */
const SQL_STATE = /^(?!E)[0-9A-Z]{5}$/;

/** The connection was never there. */
const NEVER_CONNECTED = new Set(["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "EHOSTUNREACH", "ENETUNREACH", "CONNECT_TIMEOUT"]);

/** What a client raises for its own misuse or end, before anything is sent. */
const NOT_SENT = /^(?:timeout exceeded when trying to connect|Cannot use a pool after calling end on the pool)/;

/** A statement that was prepared on another connection, as a pooler without support for them gives; nothing was done. */
const LOST_STATEMENT = new Set(["26000", "42P05"]);

export function faultOf(error: unknown): Fault {
  const { code, message } = (error ?? {}) as { readonly code?: unknown; readonly message?: unknown };
  const head = { ...(typeof code === "string" && { code }), message: typeof message === "string" ? message : String(error) };
  if (typeof code === "string" && SQL_STATE.test(code) && !BROKEN.test(code)) {
    return { ...head, effect: "none", retryable: PASSING.has(code), answered: true };
  }
  const unsent = (typeof code === "string" && NEVER_CONNECTED.has(code)) || NOT_SENT.test(head.message);
  return { ...head, effect: unsent ? "none" : "unknown", retryable: true, answered: false };
}

/** Whether the same transaction may succeed at once. */
export function isConflict({ code }: Fault): boolean {
  return code === SERIALIZATION_FAILURE || code === DEADLOCK_DETECTED;
}

export function isLostStatement({ code }: Fault): boolean {
  return code !== undefined && LOST_STATEMENT.has(code);
}

/** Whether a batch that failed so is worth doing call by call: the server refused something in it, and not the batch as such. */
export function separable(error: unknown): boolean {
  return error instanceof PostgresStoreError && error.effect === "none" && !error.retryable;
}

/** Whether what was asked for may have been done although nobody was told. */
export function isUnknown(error: unknown): boolean {
  return error instanceof PostgresStoreError && error.effect === "unknown";
}

/** The error that a caller gets. */
export function toStoreError(what: string, error: unknown): StoreError {
  if (error instanceof StoreError) return error;
  const fault = faultOf(error);
  const code = fault.code === undefined ? "" : ` [${fault.code}]`;
  const consequence =
    fault.effect === "unknown"
      ? "the connection broke after it was sent, so it may have been done; asking again is harmless"
      : `nothing was done${fault.retryable ? "; ask again" : ""}`;
  return new PostgresStoreError(`the PostgreSQL store cannot ${what}: ${fault.message}${code}; ${consequence}`, fault);
}
