/** What kind of answer an attempt met. The word decides what may happen next; see `docs/guide/verdicts.md`. */
export type VerdictKind = "success" | "throttled" | "transient" | "unauthorized" | "conflict" | "malformed" | "permanent" | "cancelled";

/**
 * Did the attempt change the other side? `none`: certainly not. `done`: the other side answered for it. `unknown`:
 * bytes left and no answer that settles it came back.
 */
export type Effect = "none" | "unknown" | "done";

/** Why a call was throttled: `burst` clears in seconds, `period` at the next reset (hour, day…), `billing` only when somebody pays. */
export type Quota = "burst" | "period" | "billing";

/** What a 409 means here: the effect already stands, another request holds it right now, or it is a plain refusal. */
export type ConflictMeaning = "duplicate" | "concurrent" | "permanent";

/** What the other side said about when, and whether, to come back. */
export interface Hint {
  /** Milliseconds to wait at the least, measured from the answer. Absent when only `retry` was said. */
  readonly delayMs?: number;
  /** The other side's own word on retrying (`x-should-retry`): `true` forces, `false` forbids. */
  readonly retry?: boolean;
  /** The header it came from. */
  readonly source: string;
}

/** The judgement of one attempt. */
export interface Verdict {
  readonly kind: VerdictKind;
  readonly effect: Effect;
  /** Id of the rule that spoke, such as `status:503` or the id of a rule of yours. */
  readonly rule: string;
  /** One clause in words, such as `503 Service Unavailable`. */
  readonly because: string;
  readonly hint?: Hint;
  readonly quota?: Quota;
  readonly conflict?: ConflictMeaning;
  /** HTTP status, where there was an answer. */
  readonly status?: number;
  /** The other side's or the network's own code, such as `ECONNRESET` or `INVALID_FIELD`. */
  readonly code?: string;
}

/** The verdict of every attempt that went well: one frozen object, so that the happy path allocates none. */
export const SUCCESS: Verdict = Object.freeze({ kind: "success", effect: "done", rule: "ok", because: "answered" });
