import type { Duration } from "../core/duration.ts";
import type { AttemptOptions, TimeoutOptions } from "../engine/call-policy.ts";
import type { BackoffLike } from "../policy/backoff/backoff.ts";
import type { BreakerOptions } from "../policy/breaker/options.ts";
import type { RetryBudgetOptions } from "../policy/budget/retry-budget.ts";
import type { RetryQuotaOptions } from "../policy/budget/retry-quota.ts";
import type { Rule } from "../policy/classify/rule.ts";
import type { ConcurrencyOptions } from "../policy/concurrency/permits.ts";
import type { HintHeader } from "../policy/hints/parse-hint.ts";
import type { RateLimitOptions } from "../policy/rate-limit/options.ts";
import type { AuthOptions } from "./auth.ts";
import type { ProfileName } from "./profiles.ts";
import type { Reconcile } from "./reconcile.ts";

/** How failures outlive the call. See `docs/guide/durability.md`. */
export type Durability =
  /** The caller waits, and owns the failure. */
  | "none"
  /** Nothing is written while things go well; a write that is given up is kept as a dead letter. */
  | "on-failure"
  /** A keyed write is on disk before it is sent, and its answer before it is told. */
  | "before-send";

export interface RetryConfig {
  /** All tries, the first included. */
  readonly maxAttempts?: number;
  readonly backoff?: BackoffLike;
}

export interface ApiBreakerOptions extends BreakerOptions {
  /** What a call meets while it is open: an error at once, or a place in the queue as long as its deadline allows. @default "refuse" */
  readonly whenOpen?: "refuse" | "wait";
}

/** That the API dedupes by a key, and how. */
export interface IdempotencyOptions {
  /** The header that takes the key. @default "Idempotency-Key" */
  readonly header?: string;
  /** Send the key as a quoted string, as the IETF draft has it. @default false */
  readonly quoted?: boolean;
  /** How long the other side remembers a key; ours is kept as long. @default "24h" */
  readonly ttl?: Duration;
  /** Refuse a write that comes without a key, instead of making one for it. @default false */
  readonly required?: boolean;
  /** Fields of a JSON body, by dotted path, that may differ between repeats of one operation. */
  readonly ignore?: readonly string[];
}

/** What may be said of a single endpoint, over what is said of its API. */
export interface EndpointOptions {
  /** The same request again does no harm, although its method does not say so: a search by POST, a completion. */
  readonly repeatable?: boolean;
  readonly retry?: RetryConfig;
  readonly timeout?: TimeoutOptions;
  readonly classify?: readonly Rule[];
  readonly durability?: Durability;
  /** Units of the rate limit that a call takes. @default 1 */
  readonly cost?: number;
  /**
   * Where a JSON answer says how many units the call has really used, by dotted path, such as `usage.total_tokens`; of several the sum.
   * `cost` is then what is reserved for it beforehand, and the difference is given back or owed. A streamed answer keeps its reserve.
   */
  readonly usage?: string | readonly string[];
  /**
   * Asked when nobody knows whether a write happened, before anything is sent again; for definitions in TypeScript. An option
   * of the call itself wins.
   */
  readonly reconcile?: Reconcile;
}

/** One API, as its user describes it: data, the same in TypeScript and in JSON. Nothing here is ignored: what has no effect is an error. */
export interface ApiOptions extends Pick<AttemptOptions, "maxHint" | "maxWait"> {
  /** Where it stands. Calls may give a path relative to it; a full URL must have the same origin. */
  readonly baseUrl?: string;
  /** A named set of defaults for this kind of API. */
  readonly profile?: ProfileName;
  readonly retry?: RetryConfig;
  readonly timeout?: TimeoutOptions;
  readonly rateLimit?: RateLimitOptions | readonly RateLimitOptions[];
  /** Calls in flight. Per endpoint and partition. @default no bound */
  readonly concurrency?: ConcurrencyOptions | number;
  /** Per endpoint. @default on, with its defaults */
  readonly breaker?: ApiBreakerOptions | false;
  /** Per endpoint. @default on, with its defaults */
  readonly retryBudget?: RetryBudgetOptions | false;
  readonly retryQuota?: RetryQuotaOptions;
  /** Left out: the API is key-blind. A key then dedupes on our side only, and makes no unknown outcome safe to send again. */
  readonly idempotency?: IdempotencyOptions;
  readonly classify?: readonly Rule[];
  readonly hintHeaders?: readonly HintHeader[];
  readonly auth?: AuthOptions;
  /** Every write may be sent again: completions, not contacts. @default false, or the profile's */
  readonly repeatable?: boolean;
  /** @default "on-failure" */
  readonly durability?: Durability;
  /** Answers that say they are JSON are read as a whole, and one that is not is judged `malformed`. @default false */
  readonly checkJson?: boolean;
  /** The header that carries the operation's id; `false` sends none. @default "X-Request-Id" */
  readonly requestIdHeader?: string | false;
  /** Request headers that may stand in a dead letter, beside the built-in list. Never a credential. */
  readonly keepHeaders?: readonly string[];
  /** By method and path template, such as `POST /contacts/{id}`. */
  readonly endpoints?: Readonly<Record<string, EndpointOptions>>;
}
