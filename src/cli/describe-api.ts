import type { ApiOptions } from "../api/api-options.ts";
import { secretsOf, type AuthOptions } from "../api/auth.ts";
import { profiles, type Profile } from "../api/profiles.ts";
import { resolveApi, type ResolvedApi } from "../api/resolve-api.ts";
import { readReference, sourceOf, type SecretReference } from "../api/secret.ts";
import { formatMs } from "../core/duration.ts";

/** One option as it holds, in words, and who said so. */
export interface InForce {
  readonly option: string;
  readonly value: string;
  readonly from: "config" | "default" | `profile ${string}`;
}

/** What is in force for an API: its own word, else its profile's, else the default. */
export function describeApi(name: string, options: ApiOptions): readonly InForce[] {
  const api = resolveApi(name, options);
  const { policy, repeatable, durability } = api.settings("");
  const profile: Profile = options.profile === undefined ? {} : profiles[options.profile];
  const from = (own: unknown, profiled?: unknown): InForce["from"] => {
    if (own !== undefined) return "config";
    return profiled === undefined || options.profile === undefined ? "default" : `profile ${options.profile}`;
  };
  const { retry, timeout } = options;
  return [
    { option: "baseUrl", value: api.baseUrl?.href ?? "none: calls give full URLs", from: from(options.baseUrl) },
    { option: "retry.maxAttempts", value: String(policy.maxAttempts), from: from(retry?.maxAttempts, profile.retry?.maxAttempts) },
    { option: "retry.backoff", value: backoffOf(options, profile), from: from(retry?.backoff, profile.retry?.backoff) },
    {
      option: "timeout.attempt",
      value: policy.attemptTimeoutsMs.map(formatMs).join(", "),
      from: from(timeout?.attempt, profile.timeout?.attempt),
    },
    { option: "timeout.total", value: formatMs(policy.totalMs), from: from(timeout?.total, profile.timeout?.total) },
    { option: "rateLimit", value: rateLimitsOf(api), from: from(options.rateLimit, profile.rateLimit) },
    {
      option: "concurrency",
      value: api.concurrency === undefined ? "no bound" : `${api.concurrency.max} in flight`,
      from: from(options.concurrency),
    },
    { option: "breaker", value: breakerOf(api), from: from(options.breaker) },
    { option: "retryBudget", value: retryBudgetOf(api), from: from(options.retryBudget) },
    { option: "idempotency", value: idempotencyOf(api), from: from(options.idempotency) },
    {
      option: "repeatable",
      value: repeatable ? "every write may be sent again" : "no",
      from: from(options.repeatable, profile.repeatable),
    },
    { option: "durability", value: durability, from: from(options.durability) },
    { option: "auth", value: options.auth === undefined ? "none" : authOf(options.auth), from: from(options.auth) },
    ...Object.keys(options.endpoints ?? {}).map((endpoint): InForce => ({ option: "endpoints", value: endpoint, from: "config" })),
  ];
}

/** Secrets that a credential refers to and that are not there now: what would be said when they are wanted. */
export function missingSecrets(path: string, auth: AuthOptions | undefined): readonly string[] {
  if (auth === undefined) return [];
  return secretsOf(auth).flatMap(([name, source]) => (typeof source === "object" ? missingSecret(source, `${path}.${name}`) : []));
}

/** What a reference that leads nowhere says; nothing where it leads somewhere. */
export function missingSecret(source: SecretReference, path: string): readonly string[] {
  try {
    readReference(source, path);
    return [];
  } catch (error) {
    return [error instanceof Error ? error.message : String(error)];
  }
}

function backoffOf({ retry }: ApiOptions, profile: Profile): string {
  const own = retry?.backoff;
  const profiled = profile.retry?.backoff;
  if (typeof own === "function") return "a function";
  const said = isParts(own) && isParts(profiled) ? { ...profiled, ...own } : (own ?? profiled);
  return said === undefined ? "exponential, 200ms doubling to 30s, full jitter" : JSON.stringify(said);
}

function isParts(backoff: unknown): backoff is Readonly<Record<string, unknown>> {
  return typeof backoff === "object" && backoff !== null && !Array.isArray(backoff);
}

function rateLimitsOf({ rateLimits }: ResolvedApi): string {
  if (rateLimits.length === 0) return "none of our own";
  return rateLimits.map(({ limit, perMs, burst, scope }) => `${limit} per ${formatMs(perMs)}, ${burst} at once, by ${scope}`).join("; ");
}

function breakerOf({ breaker, whenOpen }: ResolvedApi): string {
  if (breaker === undefined) return "off";
  const { failureRate, window, minimumCalls, openMs } = breaker;
  const share = `${Math.round(failureRate * 100)} % of the last ${window} calls, ${minimumCalls} at least`;
  return `opens at ${share}; for ${formatMs(openMs)}; calls then ${whenOpen === "wait" ? "wait" : "are refused"}`;
}

function retryBudgetOf({ retryBudget }: ResolvedApi): string {
  if (retryBudget === undefined) return "off";
  return `retries for ${Math.round(retryBudget.ratio * 100)} % of successes, and ${retryBudget.minPerSecond} a second`;
}

function idempotencyOf({ idempotency, keyTtlMs }: ResolvedApi): string {
  if (idempotency === undefined) return "key-blind";
  return `${idempotency.header}${idempotency.required ? ", required" : ""}, remembered for ${formatMs(keyTtlMs)}`;
}

/** Where the secret comes from; never what it is. */
function authOf(auth: AuthOptions): string {
  const sources = secretsOf(auth).map(([name, source]) => `${name} ${sourceOf(source)}`);
  return `${kindOf(auth)}, ${sources.join(", ")}`;
}

function kindOf(auth: AuthOptions): string {
  switch (auth.type) {
    case "bearer":
    case "basic":
      return auth.type;
    case "header":
      return `header ${auth.name}`;
    case "query":
      return `parameter ${auth.name} of the query`;
    case "oauth2":
      return `OAuth 2 ${auth.grant} at ${auth.tokenUrl}`;
  }
}
