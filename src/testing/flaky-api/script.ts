import type { Duration } from "../../core/duration.ts";

/**
 * What an API does on a bad day, as plain data: it can stand in a test, or in a JSON file for `holdfast mock`.
 *
 * A request goes through four gates in this order: `limits` (answers 429), `rules` (the first one that matches decides
 * what goes wrong), `auth` (answers 401), and its endpoint, which handles keys, takes effect and answers.
 */
export interface FlakyScript {
  /** A remark for readers; not looked at. */
  readonly about?: string;
  /**
   * What the API can do, by method and path template: `"POST /contacts/{id}"`. `*` stands for any method, and a closing
   * `/*` for any rest of the path. Left out, every path answers 200.
   */
  readonly endpoints?: Readonly<Record<string, EndpointScript>>;
  /** What goes wrong, in order: the first rule that matches a request is the one that counts. */
  readonly rules?: readonly RuleScript[];
  /** Rate limits that are really kept. */
  readonly limits?: readonly LimitScript[];
  /** Bearer tokens that expire. Left out, nothing is asked for. */
  readonly auth?: AuthScript;
  /** Seed of every draw (`probability`, ranges of `delay`). @default 1 */
  readonly seed?: number;
  /** All times of the script are multiplied by it: with 0.1 a day of outages takes 2.4 hours. @default 1 */
  readonly scale?: number;
}

/** One thing that the API can do. */
export interface EndpointScript {
  /**
   * Whether a request changes something, so that the ledger counts it.
   * @default true for POST, PUT, PATCH and DELETE; false for other methods and for a `lookup`
   */
  readonly effect?: boolean;
  /**
   * Whom the request is about, such as `body.leadId`: the ledger counts by it.
   * @default the natural key, else the idempotency key, else a hash of method, path and body
   */
  readonly subject?: string;
  /** What the endpoint does with a request that it has seen before. @default "blind" */
  readonly key?: KeyScript;
  /** Name under which effects are kept for lookups. @default the last fixed segment of the path, for POST */
  readonly collection?: string;
  /** Answers from a collection instead of taking effect; see `by` and `from`. */
  readonly lookup?: string;
  /** Field of the kept records to look for, such as `email` or `properties.email`; `id` is the ledger's own. */
  readonly by?: string;
  /** Where the wanted value stands. @default the path parameter of that name, else the query parameter */
  readonly from?: string;
  /**
   * The answer when all goes well; may hold templates such as `{{body.email}}`.
   * @default 201 (POST) or 200 with the fields of the request and an `id`
   */
  readonly answer?: AnswerScript;
  /** How long a healthy answer takes; two values are the ends of a range. @default 0 */
  readonly delay?: DelayScript;
}

/**
 * How an endpoint treats repetition.
 * - `"blind"`: every accepted request is an effect.
 * - `header`: as providers with idempotency keys do. The same key and payload get the stored answer again, another
 *   payload 422, and one whose first request is still being worked on 409.
 * - `natural`: the record's own identity, such as `body.email`.
 */
export type KeyScript = "blind" | HeaderKeyScript | NaturalKeyScript;

export interface HeaderKeyScript {
  /** Name of the header, such as `Idempotency-Key`. */
  readonly header: string;
  /** Without the key: 400. @default false */
  readonly required?: boolean;
  /** How long a key is remembered; after that the same key takes effect again. @default for ever */
  readonly ttl?: Duration;
  /** Header that marks a stored answer. @default "Idempotency-Replayed" */
  readonly replayedHeader?: string;
}

export interface NaturalKeyScript {
  /** Where the identity stands: `body.email`, `path.id`. */
  readonly natural: string;
  /**
   * What a second request for the same identity gets: the first `answer`, an `update` of the record, or a `conflict` (409).
   * None of them is a second effect.
   * @default "answer"
   */
  readonly repeat?: "answer" | "update" | "conflict";
}

/** A time, or the two ends of a range that is drawn from. */
export type DelayScript = Duration | readonly [Duration, Duration];

/** An answer. At most one of `json`, `text` and `stream`; texts may hold templates. */
export interface AnswerScript {
  /** @default 200, or 201 for POST */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly json?: unknown;
  readonly text?: string;
  readonly stream?: StreamScript;
}

/** A stream of server-sent events. An error in mid-stream is an event like any other, or `end: "reset"`. */
export interface StreamScript {
  readonly events: readonly StreamEventScript[];
  /** Time between two events. @default 0 */
  readonly every?: Duration;
  /** What follows the last event: a clean end, a reset, or silence. @default "close" */
  readonly end?: "close" | "reset" | "hang";
}

/** One event: its data alone, or its fields. Data that is not a text is sent as JSON. */
export type StreamEventScript = string | { readonly event?: string; readonly id?: string; readonly data: unknown };

/** When something goes wrong, and what. */
export interface RuleScript {
  /** Shown in the ledger. @default "rules[<index>]" */
  readonly name?: string;
  /** All of these must hold. @default always */
  readonly when?: WhenScript;
  readonly then: FaultScript;
}

export interface WhenScript {
  /** Method, such as `GET`; several mean any of them. */
  readonly method?: string | readonly string[];
  /** Endpoint (`POST /contacts/{id}`) or path (`/contacts/*`); several mean any of them. */
  readonly endpoint?: string | readonly string[];
  /** Time window `[from, to)` since the rules were put in force; without the second value it stays open. */
  readonly between?: readonly [Duration] | readonly [Duration, Duration];
  /** Fields of the request, such as `{ "body.phone": "n/a", "header.x-account": "acme-*" }`. */
  readonly where?: Readonly<Record<string, MatchScript>>;
  /** Which of the requests that meet all the conditions above, counted from 1. */
  readonly nth?: NthScript;
  /** What `nth` counts by: all requests, those about one `subject`, or those under one idempotency `key`. @default "all" */
  readonly per?: "all" | "subject" | "key";
  /** Chance of it, from 0 to 1, drawn from the seed. @default 1 */
  readonly probability?: number;
}

/** Numbers of requests: one, several, a range, or every so many. */
export type NthScript = number | readonly number[] | { readonly from: number; readonly to?: number } | { readonly every: number };

/**
 * A condition on a value. A text is compared whole, with `*` for any run of characters; a list means any of them.
 * A number in a header, a path or a query equals its text.
 */
export type MatchScript =
  | string
  | number
  | boolean
  | null
  | readonly (string | number | boolean | null)[]
  | { readonly exists: boolean }
  | { readonly not: MatchScript };

/**
 * What goes wrong. The parts of {@link AnswerScript} make an answer of its own; without them the endpoint does its work
 * and its answer is delayed, cut, broken or lost.
 */
export interface FaultScript extends AnswerScript {
  /** Nothing goes wrong: keeps later rules away. */
  readonly pass?: true;
  /** When to come back: whole seconds in `Retry-After`, or another form. */
  readonly retryAfter?: RetryAfterScript;
  /** Whether the endpoint does its work all the same. @default true when the answer is the endpoint's own or below 300 */
  readonly effect?: boolean;
  /** Time before the answer (or the reset) goes out. The effect, if any, happens at once. */
  readonly delay?: DelayScript;
  /** The connection is reset: `before` the effect, or `after` it, which loses the answer. */
  readonly reset?: "before" | "after";
  /** Never answers; with a time, the connection is closed then. With `effect: true` the work is done all the same. */
  readonly hang?: true | Duration;
  /** The body breaks off after so many bytes (or half of it), although Content-Length promised more. */
  readonly cut?: true | number;
  /** The body is half a JSON text, with a Content-Length that agrees. */
  readonly malformed?: true;
  /** The answer has no body. */
  readonly empty?: true;
  /** The body comes in pieces of so many bytes. */
  readonly dribble?: { readonly bytes: number; readonly every: Duration };
}

/** A time with its unit, sent as whole seconds; a time in one of the other forms; or any text at all (for malformed ones). */
export type RetryAfterScript =
  Exclude<Duration, number> | { readonly in: Duration; readonly as: RetryAfterForm } | { readonly raw: string };

/** The ways in which APIs say when to come back; the first five are forms of `Retry-After`. */
export type RetryAfterForm =
  "seconds" | "decimal" | "imf-date" | "rfc850-date" | "asctime-date" | "milliseconds" | "ratelimit" | "reset-epoch" | "reset-seconds";

/** A token bucket: holds `burst`, refills at `limit` per `per`. An empty one answers 429. */
export interface LimitScript {
  /** Shown in the ledger. @default "limits[<index>]" */
  readonly name?: string;
  readonly limit: number;
  readonly per: Duration;
  /** @default limit */
  readonly burst?: number;
  /** One bucket for the whole `api`, one per `endpoint`, or one per value of an expression such as `header.x-account`. @default "api" */
  readonly scope?: string;
  /** Only for these endpoints. @default all */
  readonly endpoint?: string | readonly string[];
  /** How the 429 says when to come back. @default "seconds" */
  readonly retryAfter?: RetryAfterForm | "none";
  /** Tells what is left with every answer: `x-ratelimit-limit`, `-remaining`, `-reset`. @default false */
  readonly announce?: boolean;
}

/** Bearer tokens: each is good for a time, or for a number of requests; then 401, and `tokenPath` issues a new one. */
export interface AuthScript {
  /** @default "/oauth/token" */
  readonly tokenPath?: string;
  /** How long a token is good. @default for ever */
  readonly validFor?: Duration;
  /** For how many requests a token is good. @default any number */
  readonly uses?: number;
  /** Tokens that are good from the start. */
  readonly tokens?: readonly string[];
  /** Only these endpoints ask for a token. @default all */
  readonly endpoint?: string | readonly string[];
}
