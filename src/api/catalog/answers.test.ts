import { describe, expect, test } from "vitest";
import type { Verdict } from "../../core/verdict.ts";
import { classifyAnswer } from "../../policy/classify/classify.ts";
import { resolveApi } from "../resolve-api.ts";
import * as entryPoint from "./index.ts";

/** An answer as the provider documents it, or as others have published it. */
interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** As JSON, unless it is a text. */
  readonly body?: unknown;
  /** Method and path of the request. */
  readonly to?: string;
}

const catalog = { ...entryPoint };

type Expected = Partial<Omit<Verdict, "hint">> & { readonly delayMs?: number | undefined; readonly retry?: boolean | undefined };
type Sample = readonly [what: string, answer: Answer, expected: Expected];

/** Thu, 15 Jan 2026 12:00:00 GMT, the `Date` of every answer here. */
const DATE = Date.UTC(2026, 0, 15, 12);

function judged(name: keyof typeof catalog, { status, headers = {}, body = "", to = "POST /v1/things" }: Answer): Expected {
  const api = resolveApi(name, catalog[name]);
  const [method = "", path = ""] = to.split(" ");
  const endpoint = api.endpoints.of(method, path);
  const answer = {
    status,
    headers: new Headers({ date: new Date(DATE).toUTCString(), ...headers }),
    body: typeof body === "string" ? body : JSON.stringify(body),
    method,
    endpoint,
    attempt: 1,
  };
  const { hint, ...verdict } = classifyAnswer(api.settings(endpoint).classifier, answer, DATE);
  return { ...verdict, delayMs: hint?.delayMs, retry: hint?.retry };
}

const BILLING: Expected = { kind: "throttled", quota: "billing", effect: "none" };
const BURST: Expected = { kind: "throttled", quota: "burst", effect: "none" };
const PERIOD: Expected = { kind: "throttled", quota: "period", effect: "none" };
const CONCURRENT: Expected = { kind: "conflict", conflict: "concurrent", effect: "none" };
const REFUSED: Expected = { kind: "permanent", effect: "done" };
const OK: Expected = { kind: "success", rule: "ok" };

const salesforceError = (errorCode: string, message = errorCode): unknown => [{ message, errorCode }];
const shopifyErrors = (code: string): unknown => ({
  errors: [{ message: code, extensions: { code, documentation: "https://shopify.dev/api/usage/rate-limits" } }],
  extensions: { cost: { requestedQueryCost: 202, actualQueryCost: null, throttleStatus: { maximumAvailable: 1000, restoreRate: 50 } } },
});
const GRAPHQL = "POST /admin/api/2026-01/graphql.json";
const openaiError = (code: string | null, type: string, message: string): unknown => ({ error: { message, type, param: null, code } });
const anthropicError = (type: string, message: string, details?: unknown): unknown => ({
  type: "error",
  error: { type, message, ...(details === undefined ? {} : { details }) },
  request_id: "req_011CSHoEeqs5C35K2UUqR7Fy",
});

const SAMPLES: Readonly<Record<keyof typeof catalog, readonly Sample[]>> = {
  stripe: [
    ["a charge", { status: 200, body: { id: "ch_3MmlLrLkdIwHu7ix0snN0B15", object: "charge" } }, OK],
    [
      "a lock timeout",
      {
        status: 429,
        body: { error: { code: "lock_timeout", type: "invalid_request_error", message: "This object cannot be accessed right now" } },
      },
      { ...CONCURRENT, rule: "stripe:lock-timeout" },
    ],
    [
      "a rate limit",
      {
        status: 429,
        headers: { "stripe-rate-limited-reason": "global-rate" },
        body: { error: { code: "rate_limit", type: "invalid_request_error" } },
      },
      { ...BURST, rule: "status:429" },
    ],
    [
      "a key in use",
      { status: 409, body: { error: { type: "idempotency_error", code: "idempotency_key_in_use" } } },
      { ...CONCURRENT, rule: "stripe:conflict" },
    ],
    [
      "a key used with other parameters",
      {
        status: 400,
        body: { error: { type: "idempotency_error", message: "Keys for idempotent requests can only be used with the same parameters" } },
      },
      { ...REFUSED, rule: "stripe:idempotency-error" },
    ],
    [
      "a declined card",
      { status: 402, body: { error: { code: "card_declined", decline_code: "insufficient_funds", type: "card_error" } } },
      { ...REFUSED, rule: "stripe:card-error" },
    ],
    ["a failure", { status: 500, body: { error: { type: "api_error" } } }, { kind: "transient", effect: "unknown", rule: "status:500" }],
    [
      "a stored failure",
      { status: 500, headers: { "idempotent-replayed": "true" }, body: { error: { type: "api_error" } } },
      { kind: "permanent", effect: "unknown", rule: "stripe:replayed-failure" },
    ],
    ["a stored success", { status: 200, headers: { "idempotent-replayed": "true" } }, OK],
    [
      "a failure that Stripe wants repeated",
      { status: 500, headers: { "stripe-should-retry": "true" } },
      { kind: "transient", effect: "unknown", retry: true },
    ],
    ["a failure that Stripe wants left", { status: 503, headers: { "stripe-should-retry": "false" } }, { kind: "transient", retry: false }],
    ["an expired key", { status: 401, body: { error: { type: "invalid_request_error" } } }, { kind: "unauthorized" }],
    ["wrong parameters", { status: 400, body: { error: { type: "invalid_request_error", code: "parameter_missing" } } }, REFUSED],
  ],
  hubspot: [
    [
      "the daily limit",
      {
        status: 429,
        body: { status: "error", message: "You have reached your daily limit.", errorType: "RATE_LIMIT", policyName: "DAILY" },
      },
      { ...PERIOD, rule: "hubspot:daily-limit" },
    ],
    [
      "the limit of ten seconds",
      {
        status: 429,
        headers: { "x-hubspot-ratelimit-interval-milliseconds": "10000", "x-hubspot-ratelimit-remaining": "0" },
        body: { status: "error", errorType: "RATE_LIMIT", policyName: "TEN_SECONDLY_ROLLING" },
      },
      { ...BURST, rule: "hubspot:burst-limit", delayMs: 10_000 },
    ],
    [
      "the limit of searches, which sends no headers",
      { status: 429, to: "POST /crm/v3/objects/contacts/search", body: { errorType: "RATE_LIMIT", policyName: "SECONDLY" } },
      { ...BURST, rule: "hubspot:burst-limit", delayMs: undefined },
    ],
    [
      "a failure with requests left, so that the interval is no hint",
      { status: 500, headers: { "x-hubspot-ratelimit-interval-milliseconds": "10000", "x-hubspot-ratelimit-remaining": "97" } },
      { kind: "transient", effect: "unknown", delayMs: undefined },
    ],
    [
      "a contact that exists",
      {
        status: 409,
        to: "POST /crm/v3/objects/contacts",
        body: { status: "error", message: "Contact already exists. Existing ID: 37765128953", category: "CONFLICT" },
      },
      { kind: "conflict", conflict: "duplicate", effect: "done", rule: "hubspot:contact-exists" },
    ],
    [
      "a contact that exists, by the newer path",
      { status: 409, to: "POST /crm/objects/2026-03/contacts", body: { message: "Contact already exists. Existing ID: 1" } },
      { conflict: "duplicate", rule: "hubspot:contact-exists" },
    ],
    [
      "a batch with a contact that exists: the others were not written, so it is no success",
      { status: 409, to: "POST /crm/v3/objects/contacts/batch/create", body: { message: "Contact already exists. Existing ID: 1" } },
      { kind: "conflict", conflict: "permanent" },
    ],
    [
      "another conflict",
      { status: 409, to: "PATCH /crm/v3/objects/contacts/1", body: { message: "propertyName already has that value" } },
      { kind: "conflict", conflict: "permanent" },
    ],
    ["a lock", { status: 423, body: { message: "Locked" } }, { ...CONCURRENT, rule: "hubspot:locked" }],
    ["a migration", { status: 477, headers: { "retry-after": "86400" } }, { ...PERIOD, rule: "hubspot:migrating", delayMs: 86_400_000 }],
    ["an expired token", { status: 401, body: { category: "EXPIRED_AUTHENTICATION" } }, { kind: "unauthorized" }],
    ["a wrong property", { status: 400, body: { category: "VALIDATION_ERROR" } }, REFUSED],
    ["a batch with a mixed result", { status: 207, body: { status: "COMPLETE", numErrors: 1 } }, OK],
  ],
  salesforce: [
    [
      "a locked row",
      { status: 400, body: salesforceError("UNABLE_TO_LOCK_ROW", "unable to obtain exclusive access to this record or 1 records: 001…") },
      { ...CONCURRENT, rule: "salesforce:row-locked" },
    ],
    [
      "a locked row as a failure",
      { status: 500, body: salesforceError("UNABLE_TO_LOCK_ROW") },
      { ...CONCURRENT, rule: "salesforce:row-locked" },
    ],
    [
      "a locked row that a flow ran into",
      { status: 400, body: salesforceError("CANNOT_EXECUTE_FLOW_TRIGGER", "…: UNABLE_TO_LOCK_ROW: unable to obtain exclusive access") },
      { ...CONCURRENT, rule: "salesforce:row-locked" },
    ],
    [
      "a collection in which one row was locked: others were written",
      { status: 200, body: [{ success: true }, { success: false, errors: [{ statusCode: "UNABLE_TO_LOCK_ROW" }] }] },
      OK,
    ],
    [
      "too many long requests at once",
      { status: 403, body: salesforceError("REQUEST_LIMIT_EXCEEDED", "ConcurrentRequests (Concurrent API Requests) Limit exceeded.") },
      { ...BURST, rule: "salesforce:concurrent-limit" },
    ],
    [
      "the daily limit",
      { status: 403, body: salesforceError("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.") },
      { ...PERIOD, rule: "salesforce:daily-limit" },
    ],
    [
      "an expired session",
      { status: 401, body: salesforceError("INVALID_SESSION_ID", "Session expired or invalid") },
      { kind: "unauthorized", effect: "none", rule: "salesforce:session-expired" },
    ],
    ["an expired session as a 403", { status: 403, body: salesforceError("INVALID_SESSION_ID") }, { kind: "unauthorized" }],
    ["no access", { status: 403, body: salesforceError("INSUFFICIENT_ACCESS") }, { ...REFUSED, rule: "status:403" }],
    [
      "a duplicate",
      { status: 400, body: salesforceError("DUPLICATES_DETECTED", "Use one of these records?") },
      { ...REFUSED, rule: "salesforce:duplicates" },
    ],
    ["a wrong field", { status: 400, body: salesforceError("INVALID_FIELD") }, { ...REFUSED, rule: "status:400" }],
    ["an outage", { status: 503, body: salesforceError("SERVER_UNAVAILABLE") }, { kind: "transient", effect: "unknown" }],
  ],
  outreach: [
    [
      "the limit, reset at an instant",
      { status: 429, headers: { "x-ratelimit-limit": "10000", "x-ratelimit-remaining": "0", "x-ratelimit-reset": "2026-01-15T12:30:00Z" } },
      { ...BURST, delayMs: 1_800_000 },
    ],
    [
      "the limit, reset in epoch seconds",
      { status: 429, headers: { "x-ratelimit-remaining": "0", "x-ratelimit-reset": String(DATE / 1_000 + 90) } },
      { ...BURST, delayMs: 90_000 },
    ],
    ["the limit with seconds to wait", { status: 429, headers: { "retry-after": "120" } }, { ...BURST, delayMs: 120_000 }],
    [
      "maintenance",
      {
        status: 503,
        headers: { "retry-after": "2026-01-15T16:00:00+00:00" },
        body: { errors: [{ id: "scheduledServerMaintenance", title: "Scheduled Server Maintenance" }] },
      },
      { ...PERIOD, rule: "outreach:maintenance", delayMs: 14_400_000 },
    ],
    [
      "a failure with requests left, so that the reset is no hint",
      { status: 500, headers: { "x-ratelimit-remaining": "9000", "x-ratelimit-reset": "2026-01-15T12:30:00Z" } },
      { kind: "transient", delayMs: undefined },
    ],
    [
      "a prospect that exists",
      { status: 422, body: { errors: [{ id: "validationDuplicateValueError", title: "Validation Duplicate Value Error" }] } },
      { ...REFUSED, rule: "status:422" },
    ],
  ],
  shopify: [
    ["a query", { status: 200, to: GRAPHQL, body: { data: { shop: { name: "x" } }, extensions: { cost: { requestedQueryCost: 1 } } } }, OK],
    ["a throttled query", { status: 200, to: GRAPHQL, body: shopifyErrors("THROTTLED") }, { ...BURST, rule: "shopify:throttled" }],
    [
      "a throttled query without version in the path",
      { status: 200, to: "POST /admin/api/graphql.json", body: shopifyErrors("THROTTLED") },
      { ...BURST, rule: "shopify:throttled" },
    ],
    [
      "a query that costs too much",
      { status: 200, to: GRAPHQL, body: shopifyErrors("MAX_COST_EXCEEDED") },
      { kind: "permanent", effect: "none", rule: "shopify:cost-exceeded" },
    ],
    ["a query with another error, which is for the caller", { status: 200, to: GRAPHQL, body: shopifyErrors("ACCESS_DENIED") }, OK],
    [
      "a mutation whose key is in use",
      {
        status: 200,
        to: GRAPHQL,
        body: {
          data: {
            refundCreate: { userErrors: [{ code: "IDEMPOTENCY_CONCURRENT_REQUEST", message: "This request is currently in progress" }] },
          },
        },
      },
      { ...CONCURRENT, rule: "shopify:idempotency-in-progress" },
    ],
    [
      "a product that is named like an error",
      { status: 200, to: "GET /admin/api/2026-01/products/1.json", body: shopifyErrors("THROTTLED") },
      OK,
    ],
    [
      "the limit of REST",
      {
        status: 429,
        headers: { "retry-after": "2.0", "x-shopify-shop-api-call-limit": "40/40" },
        body: { errors: "Exceeded 2 calls per second for api client. Reduce request rates to resume uninterrupted service." },
      },
      { ...BURST, delayMs: 2_000 },
    ],
    ["a frozen shop", { status: 402, body: { errors: "Unavailable Shop" } }, { ...BILLING, rule: "shopify:frozen" }],
    ["a locked shop", { status: 423 }, { kind: "permanent", effect: "none", rule: "shopify:locked" }],
    ["a request that looks like an attack", { status: 430 }, { kind: "permanent", effect: "none", rule: "shopify:security-rejection" }],
    ["a name that is not found", { status: 530 }, { kind: "transient", effect: "none", rule: "shopify:unavailable" }],
    ["a shop that is disabled for a while", { status: 540 }, { kind: "transient", effect: "none", rule: "shopify:unavailable" }],
  ],
  recharge: [
    [
      "two requests for one address",
      { status: 409, body: { errors: "A call to this route is already in progress." } },
      { ...CONCURRENT, rule: "recharge:conflict" },
    ],
    ["the limit", { status: 429, headers: { "x-recharge-limit": "40/40" } }, { ...BURST, rule: "status:429" }],
    ["wrong values", { status: 422, body: { errors: { email: ["is invalid"] } } }, REFUSED],
  ],
  openai: [
    [
      "no credit, in the words of before",
      {
        status: 429,
        body: openaiError(
          "insufficient_quota",
          "insufficient_quota",
          "You exceeded your current quota, please check your plan and billing details.",
        ),
      },
      { ...BILLING, rule: "openai:insufficient-quota" },
    ],
    [
      "no credit, in the words of now",
      { status: 429, body: openaiError("credit_balance_exhausted", "insufficient_quota", "…") },
      { ...BILLING, rule: "openai:insufficient-quota" },
    ],
    [
      "a spend limit",
      { status: 403, body: openaiError("project_spend_limit_exceeded", "billing_error", "…") },
      { ...BILLING, rule: "openai:billing" },
    ],
    [
      "the limit of requests",
      {
        status: 429,
        headers: {
          "x-ratelimit-limit-requests": "60",
          "x-ratelimit-remaining-requests": "0",
          "x-ratelimit-reset-requests": "1m30s",
          "x-ratelimit-remaining-tokens": "149984",
          "x-ratelimit-reset-tokens": "6m0s",
        },
        body: openaiError("rate_limit_exceeded", "requests", "Rate limit reached for gpt-4o"),
      },
      { ...BURST, rule: "status:429", delayMs: 90_000 },
    ],
    [
      "the limits of requests and of tokens: the longer one counts",
      {
        status: 429,
        headers: {
          "x-ratelimit-remaining-requests": "0",
          "x-ratelimit-reset-requests": "17ms",
          "x-ratelimit-remaining-tokens": "0",
          "x-ratelimit-reset-tokens": "6.5s",
        },
      },
      { ...BURST, delayMs: 6_500 },
    ],
    [
      "a limit with seconds to wait, which come first",
      {
        status: 429,
        headers: { "retry-after": "2", "x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "1m30s" },
      },
      { ...BURST, delayMs: 2_000 },
    ],
    [
      "a request that never fits",
      {
        status: 429,
        body: openaiError(
          "rate_limit_exceeded",
          "tokens",
          "Request too large for gpt-4o in organization org-x on tokens per min (TPM): Limit 30000",
        ),
      },
      { kind: "permanent", effect: "none", rule: "openai:request-too-large" },
    ],
    [
      "a failure with requests left, so that no reset is a hint",
      {
        status: 500,
        headers: { "x-ratelimit-remaining-requests": "59", "x-ratelimit-reset-requests": "1s", "x-ratelimit-remaining-tokens": "149984" },
        body: openaiError(null, "server_error", "The server had an error while processing your request."),
      },
      { kind: "transient", effect: "unknown", delayMs: undefined },
    ],
    ["too long a context", { status: 400, body: openaiError("context_length_exceeded", "invalid_request_error", "…") }, REFUSED],
    ["a wrong key", { status: 401, body: openaiError("invalid_api_key", "invalid_request_error", "…") }, { kind: "unauthorized" }],
    ["an answer that speaks of quotas", { status: 200, body: { output_text: 'insufficient_quota, "Request too large for"' } }, OK],
  ],
  anthropic: [
    [
      "overload",
      { status: 529, body: anthropicError("overloaded_error", "Overloaded") },
      { kind: "transient", effect: "unknown", rule: "anthropic:overloaded" },
    ],
    [
      "the limit of input tokens",
      {
        status: 429,
        headers: {
          "anthropic-ratelimit-requests-remaining": "49",
          "anthropic-ratelimit-requests-reset": "2026-01-15T12:00:01Z",
          "anthropic-ratelimit-input-tokens-remaining": "0",
          "anthropic-ratelimit-input-tokens-reset": "2026-01-15T12:00:38Z",
        },
        body: anthropicError(
          "rate_limit_error",
          "This request would exceed your organization's rate limit of 30,000 input tokens per minute",
        ),
      },
      { ...BURST, rule: "status:429", delayMs: 38_000 },
    ],
    [
      "a limit with seconds to wait, which come first",
      {
        status: 429,
        headers: {
          "retry-after": "15",
          "anthropic-ratelimit-requests-remaining": "0",
          "anthropic-ratelimit-requests-reset": "2026-01-15T12:00:38Z",
        },
      },
      { ...BURST, delayMs: 15_000 },
    ],
    [
      "the spend cap of the tier",
      { status: 429, body: anthropicError("rate_limit_error", "…", { error_code: "enforced_spend_limit_reached" }) },
      { ...BILLING, rule: "anthropic:spend-cap" },
    ],
    [
      "a spend limit of one's own",
      {
        status: 400,
        body: anthropicError(
          "invalid_request_error",
          "You have reached your specified workspace API usage limits. You will regain access on 2026-02-01 at 00:00 UTC.",
        ),
      },
      { ...BILLING, rule: "anthropic:spend-limit" },
    ],
    [
      "no credit",
      { status: 400, body: anthropicError("invalid_request_error", "Your credit balance is too low to access the Anthropic API.") },
      { ...BILLING, rule: "anthropic:credit-balance" },
    ],
    ["a billing issue", { status: 402, body: anthropicError("billing_error", "…") }, { ...BILLING, rule: "anthropic:billing" }],
    [
      "an SDK's veto",
      { status: 500, headers: { "x-should-retry": "false" }, body: anthropicError("api_error", "Internal server error") },
      { kind: "transient", retry: false },
    ],
    ["a time-out", { status: 504, body: anthropicError("timeout_error", "…") }, { kind: "transient", effect: "unknown" }],
    ["too large a request", { status: 413, body: anthropicError("request_too_large", "…") }, { ...REFUSED, rule: "status:413" }],
    ["a wrong parameter", { status: 400, body: anthropicError("invalid_request_error", "max_tokens: Field required") }, REFUSED],
    ["a conflict", { status: 409, body: anthropicError("conflict_error", "…") }, { kind: "conflict", conflict: "permanent" }],
  ],
};

describe.each(Object.entries(SAMPLES))("%s", (name, samples) => {
  test.each(samples)("%s", (_what, answer, expected) => {
    expect(judged(name as keyof typeof catalog, answer)).toMatchObject(expected);
  });

  test("has a sample for each of its rules", () => {
    const met = new Set(samples.map(([, answer]) => judged(name as keyof typeof catalog, answer).rule));
    expect(catalog[name as keyof typeof catalog].classify.map(({ id }) => id).filter((id) => !met.has(id))).toEqual([]);
  });
});
