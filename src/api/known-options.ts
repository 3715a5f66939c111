import { ConfigError } from "../core/errors.ts";
import { refuseUnknown } from "../core/options.ts";
import { shown } from "../core/shown.ts";
import type { TimeoutOptions } from "../engine/call-policy.ts";
import type { RetryBudgetOptions } from "../policy/budget/retry-budget.ts";
import type { RetryQuotaOptions } from "../policy/budget/retry-quota.ts";
import type { ConcurrencyOptions } from "../policy/concurrency/permits.ts";
import type { RateLimitOptions } from "../policy/rate-limit/options.ts";
import type { ApiBreakerOptions, ApiOptions, EndpointOptions, IdempotencyOptions, RetryConfig } from "./api-options.ts";

/** The names of a type's options; the compiler holds the list to the type. */
function namesOf<Options>(names: Readonly<Record<keyof Options, true>>): readonly string[] {
  return Object.keys(names);
}

const API = namesOf<ApiOptions>({
  baseUrl: true,
  profile: true,
  retry: true,
  timeout: true,
  maxHint: true,
  maxWait: true,
  rateLimit: true,
  concurrency: true,
  breaker: true,
  retryBudget: true,
  retryQuota: true,
  idempotency: true,
  classify: true,
  hintHeaders: true,
  auth: true,
  repeatable: true,
  durability: true,
  checkJson: true,
  requestIdHeader: true,
  keepHeaders: true,
  endpoints: true,
});
const ENDPOINT = namesOf<EndpointOptions>({
  repeatable: true,
  retry: true,
  timeout: true,
  classify: true,
  durability: true,
  cost: true,
  usage: true,
  reconcile: true,
});
const RETRY = namesOf<RetryConfig>({ maxAttempts: true, backoff: true });
const TIMEOUT = namesOf<TimeoutOptions>({ attempt: true, total: true });
const RATE_LIMIT = namesOf<RateLimitOptions>({ limit: true, per: true, burst: true, scope: true, counts: true });
const CONCURRENCY = namesOf<ConcurrencyOptions>({ max: true, maxQueue: true });
const BREAKER = namesOf<ApiBreakerOptions>({
  failureRate: true,
  window: true,
  windowTime: true,
  minimumCalls: true,
  openFor: true,
  maxOpenFor: true,
  halfOpenCalls: true,
  probeLease: true,
  slowCallRate: true,
  slowCall: true,
  whenOpen: true,
});
const RETRY_BUDGET = namesOf<RetryBudgetOptions>({ ratio: true, minPerSecond: true, ttl: true });
const RETRY_QUOTA = namesOf<RetryQuotaOptions>({ by: true, limit: true, per: true });
const IDEMPOTENCY = namesOf<IdempotencyOptions>({ header: true, quoted: true, ttl: true, required: true, ignore: true });

/** As {@link refuseUnknown}; and refuses `null`, which would pass for a choice and mean the default. */
function refuse(given: unknown, known: readonly string[], path: string): void {
  refuseUnknown(given, known, path);
  const empty = Object.entries(given as object).find(([, value]) => value === null)?.[0];
  if (empty !== undefined) {
    throw new ConfigError({ path: `${path}.${empty}`, message: `${path}.${empty} is null; leave it out for its default` });
  }
}

/**
 * Refuses options that nobody knows, at every level of a definition, and what is no object where one belongs: everything else may
 * then be read as its type says. Backoffs, rules, hint headers and credentials are refused by those who read them.
 */
export function refuseUnknownOptions(options: ApiOptions, path: string): void {
  refuse(options, API, path);
  const { retry, timeout, breaker, retryBudget, retryQuota, idempotency, concurrency, rateLimit, classify, endpoints } = options;
  refuseAttempts({ retry, timeout, classify }, path);
  if (breaker !== undefined && breaker !== false) refuse(breaker, BREAKER, `${path}.breaker`);
  if (retryBudget !== undefined && retryBudget !== false) refuse(retryBudget, RETRY_BUDGET, `${path}.retryBudget`);
  if (retryQuota !== undefined) refuse(retryQuota, RETRY_QUOTA, `${path}.retryQuota`);
  if (idempotency !== undefined) refuse(idempotency, IDEMPOTENCY, `${path}.idempotency`);
  if (concurrency !== undefined && typeof concurrency !== "number") refuse(concurrency, CONCURRENCY, `${path}.concurrency`);
  if (Array.isArray(rateLimit)) {
    for (const [at, limit] of listed(rateLimit, `${path}.rateLimit`)) refuse(limit, RATE_LIMIT, at);
  } else if (rateLimit !== undefined) {
    refuse(rateLimit, RATE_LIMIT, `${path}.rateLimit`);
  }
  if (endpoints === undefined) return;
  refuseUnknown(endpoints, Object.keys(endpoints), `${path}.endpoints`);
  for (const [endpoint, layer] of Object.entries(endpoints)) {
    const at = `${path}.endpoints["${endpoint}"]`;
    refuse(layer, ENDPOINT, at);
    refuseAttempts(layer, at);
  }
}

/** What an API and each of its endpoints have. */
function refuseAttempts(
  { retry, timeout, classify }: { readonly retry?: unknown; readonly timeout?: unknown; readonly classify?: unknown },
  path: string,
): void {
  if (retry !== undefined) refuse(retry, RETRY, `${path}.retry`);
  if (timeout !== undefined) refuse(timeout, TIMEOUT, `${path}.timeout`);
  if (classify !== undefined) listed(classify, `${path}.classify`);
}

/** The entries of a list, each with its place. */
function listed(value: unknown, path: string): readonly (readonly [path: string, entry: unknown])[] {
  if (!Array.isArray(value)) throw new ConfigError({ path, message: `${path} is ${shown(value)}; give a list` });
  return value.map((entry: unknown, index) => [`${path}[${index}]`, entry] as const);
}
