import type { ApiBreakerOptions, ApiOptions, EndpointOptions, IdempotencyOptions, RetryConfig } from "../../api/api-options.ts";
import { profiles } from "../../api/profiles.ts";
import type { TimeoutOptions } from "../../engine/call-policy.ts";
import type { ExponentialOptions } from "../../policy/backoff/backoff.ts";
import type { RetryBudgetOptions } from "../../policy/budget/retry-budget.ts";
import type { RetryQuotaOptions } from "../../policy/budget/retry-quota.ts";
import type { ConcurrencyOptions } from "../../policy/concurrency/permits.ts";
import type { HintHeader } from "../../policy/hints/parse-hint.ts";
import type { RateLimitOptions } from "../../policy/rate-limit/options.ts";
import { auth } from "./auth.ts";
import { rule } from "./rules.ts";
import { shape, use, type Option, type Shape } from "./shape.ts";
import { aboveZero, duration, either, flag, headerName, httpUrl, listOf, off, oneOf, someTime, text, whole } from "./values.ts";

const share = { type: "number", exclusiveMinimum: 0, maximum: 1 };

export const backoff: Shape = shape<ExponentialOptions>({
  name: "Backoff",
  about: "Exponential waits between attempts: min(cap, base · factor^n), with chance laid over it.",
  options: {
    base: { about: "First step.", fallback: "200ms", schema: duration() },
    factor: { about: "What each step is multiplied by.", fallback: "2", schema: { type: "number", minimum: 1 } },
    cap: { about: "Longest step, applied before the jitter.", fallback: "30s", schema: duration() },
    jitter: {
      about: "How chance is laid over a step.",
      fallback: "full",
      schema: oneOf("full", "equal", "decorrelated", "additive", "none"),
    },
    additive: { about: "Width of the jitter `additive`.", fallback: "base", schema: duration() },
    first: { about: "A short first retry, without jitter; the exponential steps follow it.", schema: duration() },
  },
});

export const retry: Shape = shape<RetryConfig>({
  name: "Retry",
  about: "How often, and after what waits, something is tried again.",
  options: {
    maxAttempts: {
      about: "All tries, the first included. There is no unbounded retry.",
      fallback: "4, or the profile's",
      schema: whole(1, 1_000),
    },
    backoff: {
      about: "Exponential waits, or a list with one wait for each retry, of which the last repeats.",
      fallback: "exponential, 200 ms doubling to 30 s, full jitter; or the profile's",
      schema: either(use(backoff), listOf(duration(), { least: 1 })),
    },
  },
});

export const timeout: Shape = shape<TimeoutOptions>({
  name: "Timeout",
  about: "How long things may take.",
  options: {
    attempt: {
      about: "Each attempt; a list escalates, and its last value repeats.",
      fallback: "none, or the profile's",
      schema: either(someTime, listOf(someTime, { least: 1 })),
    },
    total: {
      about: "The whole call, waits included; what runs then is cut off. The default only forbids further attempts.",
      fallback: "2m, or the profile's",
      schema: someTime,
    },
  },
});

export const rateLimit: Shape = shape<RateLimitOptions>({
  name: "RateLimit",
  about:
    "One bucket: `limit` calls per `per`, of which `burst` may go at once. In no interval t do more than burst + limit · t / per start.",
  options: {
    limit: { about: "Calls, or units of cost, per `per`.", schema: aboveZero },
    per: { about: "The time that `limit` is counted in.", fallback: "1s", schema: someTime },
    burst: {
      about: "How many may go at once after a quiet time.",
      fallback: "one second's worth, or for a `per` over a minute (a quota) `limit`; at least 1",
      schema: { type: "number", minimum: 1 },
    },
    scope: {
      about: "Who shares the bucket: all calls of the API, each endpoint, or each partition (account, token).",
      fallback: "api",
      schema: oneOf("api", "endpoint", "partition"),
    },
    counts: {
      about: "What is taken for a call: its cost, or 1 whatever it costs.",
      fallback: "cost",
      schema: oneOf("cost", "calls"),
    },
  },
  required: ["limit"],
});

export const concurrency: Shape = shape<ConcurrencyOptions>({
  name: "Concurrency",
  about: "Calls in flight, per endpoint and partition.",
  options: {
    max: { about: "Calls in flight at once.", schema: whole(1) },
    maxQueue: { about: "Calls that may wait for a permit; one more is refused.", fallback: "10000", schema: whole(0) },
  },
  required: ["max"],
});

export const breaker: Shape = shape<ApiBreakerOptions>({
  name: "Breaker",
  about: "When calls to an endpoint that is in trouble are held back.",
  options: {
    failureRate: { about: "Share of failures at which it opens; inclusive.", fallback: "0.5", schema: share },
    window: { about: "How many of the last outcomes count.", fallback: "20", schema: whole(1, 10_000) },
    windowTime: { about: "How old an outcome may be to count.", fallback: "60s", schema: someTime },
    minimumCalls: {
      about: "Outcomes needed before the rate means anything.",
      fallback: "10, or window where that is less",
      schema: whole(1, 10_000),
    },
    openFor: { about: "How long it stays open the first time; doubles at each re-opening in a row.", fallback: "30s", schema: someTime },
    maxOpenFor: { about: "Longest time that it stays open.", fallback: "5m, or openFor where that is longer", schema: duration() },
    halfOpenCalls: { about: "Probes let through when half-open, all of which must succeed.", fallback: "1", schema: whole(1, 3) },
    probeLease: { about: "How long a probe may take before its permit is given to another.", fallback: "60s", schema: someTime },
    slowCallRate: { about: "Share of slow calls at which it opens as well.", fallback: "off", schema: share },
    slowCall: { about: "From what duration on a call counts as slow.", fallback: "off", schema: someTime },
    whenOpen: {
      about: "What a call meets while it is open: an error at once, or a place in the queue as long as its deadline allows.",
      fallback: "refuse",
      schema: oneOf("refuse", "wait"),
    },
  },
  more: { dependentRequired: { slowCall: ["slowCallRate"], slowCallRate: ["slowCall"] } },
});

export const retryBudget: Shape = shape<RetryBudgetOptions>({
  name: "RetryBudget",
  about: "Retries of an endpoint, bounded by its successes.",
  options: {
    ratio: { about: "Retries allowed per success.", fallback: "0.1", schema: { type: "number", minimum: 0 } },
    minPerSecond: {
      about: "Retries per second that are always allowed, so that a quiet lane can retry at all.",
      fallback: "1",
      schema: { type: "number", minimum: 0 },
    },
    ttl: { about: "How long a success earns credit. At least a second.", fallback: "10s", schema: duration({ least: 1_000 }) },
  },
});

export const retryQuota: Shape = shape<RetryQuotaOptions>({
  name: "RetryQuota",
  about: "Retries allowed to each value of one label.",
  options: {
    by: { about: "The label whose values are counted apart. A call without it is not limited by it.", schema: text },
    limit: { about: "Retries of one value per `per`.", schema: whole(0, 100_000) },
    per: { about: "The time that `limit` is counted in.", schema: someTime },
  },
  required: ["by", "limit", "per"],
});

export const idempotency: Shape = shape<IdempotencyOptions>({
  name: "Idempotency",
  about: "That the API dedupes by a key, and how. Without it a key dedupes on our side only.",
  options: {
    header: { about: "The header that takes the key.", fallback: "Idempotency-Key", schema: headerName },
    quoted: { about: "Send the key as a quoted string, as the IETF draft has it.", fallback: "false", schema: flag },
    ttl: { about: "How long the other side remembers a key; ours is kept as long.", fallback: "24h", schema: someTime },
    required: { about: "Refuse a write that comes without a key, instead of making one for it.", fallback: "false", schema: flag },
    ignore: {
      about: "Fields of a JSON body, by dotted path, that may differ between repeats of one operation.",
      fallback: "none",
      schema: listOf(text),
    },
  },
});

export const hintHeader: Shape = shape<HintHeader>({
  name: "HintHeader",
  about: "A header of the API's own that says when to come back.",
  options: {
    name: { about: "The header.", schema: headerName },
    unit: {
      about:
        "`seconds` or `ms` from now, `epoch` seconds, a `duration` (1m30s), `rfc3339`, or `used/limit` (32/40), which tells only how much is left.",
      schema: oneOf("seconds", "ms", "epoch", "duration", "rfc3339", "used/limit"),
    },
    remaining: { about: "The header beside it that says how much is left: it is a hint only where that is 0.", schema: headerName },
  },
  required: ["name", "unit"],
});

const common = {
  retry: { about: "How often it is tried, and after what waits.", schema: use(retry) },
  timeout: { about: "How long it may take.", schema: use(timeout) },
  classify: { about: "Rules that say what an answer means, tried before the built-in ones.", schema: listOf(use(rule)) },
  durability: {
    about:
      "How failures outlive the call: `none` keeps nothing, `on-failure` a write that is given up, `before-send` a keyed write before it is sent.",
    fallback: "on-failure",
    schema: oneOf("none", "on-failure", "before-send"),
  },
} satisfies Record<string, Option>;

export const endpoint: Shape = shape<EndpointOptions>({
  name: "Endpoint",
  about: "What is said of a single endpoint, over what is said of its API.",
  options: {
    ...common,
    repeatable: {
      about: "The same request again does no harm, although its method does not say so: a search by POST, a completion.",
      fallback: "the API's",
      schema: flag,
    },
    durability: { ...common.durability, fallback: "the API's" },
    cost: { about: "Units of the rate limit that a call takes.", fallback: "1", schema: aboveZero },
    usage: {
      about:
        "Where a JSON answer says how many units the call has really used, by dotted path; of several the sum. `cost` is then what is reserved.",
      schema: either({ $ref: "#/$defs/DottedPath" }, listOf({ $ref: "#/$defs/DottedPath" }, { least: 1 })),
    },
    reconcile: { about: "Asked when nobody knows whether a write happened, before anything is sent again: a function." },
  },
});

export const api: Shape = shape<ApiOptions>({
  name: "Api",
  about: "One API.",
  options: {
    baseUrl: { about: "Where it stands. Without a credential, a query or a fragment.", schema: httpUrl },
    profile: { about: "A named set of defaults for this kind of API.", schema: oneOf(...Object.keys(profiles)) },
    ...common,
    maxHint: {
      about: "A hint of the other side (Retry-After) over this is not slept: the call fails now and tells when.",
      fallback: "60s",
      schema: duration(),
    },
    maxWait: { about: "Longest wait for a rate token of our own or for an open breaker.", fallback: "maxHint", schema: duration() },
    rateLimit: {
      about: "What the API allows; several hold at once.",
      fallback: "none, or the profile's",
      schema: either(use(rateLimit), listOf(use(rateLimit), { least: 1 })),
    },
    concurrency: {
      about: "Calls in flight, per endpoint and partition.",
      fallback: "no bound",
      schema: either(use(concurrency), whole(1)),
    },
    breaker: { about: "Per endpoint; `false` switches it off.", fallback: "on, with its defaults", schema: either(use(breaker), off) },
    retryBudget: {
      about: "Per endpoint; `false` switches it off.",
      fallback: "on, with its defaults",
      schema: either(use(retryBudget), off),
    },
    retryQuota: { about: "Retries allowed to each value of a label.", fallback: "none", schema: use(retryQuota) },
    idempotency: { about: "That the API dedupes by a key.", fallback: "key-blind", schema: use(idempotency) },
    hintHeaders: { about: "Headers of its own that say when to come back.", fallback: "none", schema: listOf(use(hintHeader)) },
    auth: { about: "Its credential, put on when a request is sent.", fallback: "none", schema: auth },
    repeatable: { about: "Every write may be sent again: completions, not contacts.", fallback: "false, or the profile's", schema: flag },
    checkJson: {
      about: "Answers that say they are JSON are read as a whole, and one that is not is judged `malformed`.",
      fallback: "false",
      schema: flag,
    },
    requestIdHeader: {
      about: "The header that carries the operation's id; `false` sends none.",
      fallback: "X-Request-Id",
      schema: either(headerName, off),
    },
    keepHeaders: {
      about: "Request headers that may stand in a dead letter, beside the built-in list. Never a credential.",
      fallback: "none",
      schema: listOf(headerName),
    },
    endpoints: {
      about: "By method and path template, such as `POST /contacts/{id}`.",
      fallback: "none",
      schema: {
        type: "object",
        propertyNames: {
          pattern: "^(?:GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS) /(?:[^\\s/?#{}]+|\\{[^\\s/?#{}]+\\}|/)*$",
          examples: ["POST /contacts/{id}", "GET /contacts", "POST /search"],
        },
        additionalProperties: use(endpoint),
      },
    },
  },
});
