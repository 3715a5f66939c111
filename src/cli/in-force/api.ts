import type { ApiOptions, EndpointOptions } from "../../api/api-options.ts";
import { secretsOf, type AuthOptions } from "../../api/auth.ts";
import { profiles, type Profile } from "../../api/profiles.ts";
import { resolveApi, type EndpointSettings, type ResolvedApi } from "../../api/resolve-api.ts";
import { sourceOf } from "../../api/secret.ts";
import { formatMs } from "../../core/duration.ts";
import type { Rule } from "../../policy/classify/rule.ts";
import { line, type InForce } from "./line.ts";

/** What is in force for an API: its own word, else its profile's, else the default. */
export function apiInForce(name: string, options: ApiOptions): readonly InForce[] {
  const api = resolveApi(name, options);
  const { policy, repeatable, durability } = api.settings("");
  const profile: Profile = options.profile === undefined ? {} : profiles[options.profile];
  const from = (own: unknown, profiled?: unknown): InForce["from"] => {
    if (own !== undefined) return "config";
    return profiled === undefined || options.profile === undefined ? "default" : `profile ${options.profile}`;
  };
  const { retry, timeout } = options;
  return [
    line("baseUrl", options.baseUrl, api.baseUrl?.href ?? "none: calls give full URLs"),
    line("profile", options.profile, options.profile),
    { option: "retry.maxAttempts", value: String(policy.maxAttempts), from: from(retry?.maxAttempts, profile.retry?.maxAttempts) },
    { option: "retry.backoff", value: backoffOf(options, profile), from: from(retry?.backoff, profile.retry?.backoff) },
    { option: "timeout.attempt", value: attemptsOf(policy), from: from(timeout?.attempt, profile.timeout?.attempt) },
    { option: "timeout.total", value: formatMs(policy.totalMs), from: from(timeout?.total, profile.timeout?.total) },
    line("maxHint", options.maxHint, formatMs(policy.maxHintMs)),
    line("maxWait", options.maxWait, formatMs(policy.maxWaitMs)),
    { option: "rateLimit", value: rateLimitsOf(api), from: from(options.rateLimit, profile.rateLimit) },
    line("concurrency", options.concurrency, concurrencyOf(api)),
    line("breaker", options.breaker, breakerOf(api)),
    line("retryBudget", options.retryBudget, retryBudgetOf(api)),
    line("retryQuota", options.retryQuota, api.quota?.name),
    line("idempotency", options.idempotency, idempotencyOf(api)),
    {
      option: "repeatable",
      value: repeatable ? "every write may be sent again" : "no",
      from: from(options.repeatable, profile.repeatable),
    },
    line("durability", options.durability, durability),
    line("checkJson", options.checkJson, api.checkJson),
    line("requestIdHeader", options.requestIdHeader, api.requestIdHeader),
    line("keepHeaders", options.keepHeaders, [...api.keepHeaders].join(", ")),
    line("auth", options.auth, options.auth === undefined ? "none" : authOf(options.auth)),
    ...rulesOf("classify", options.classify),
    ...(options.hintHeaders ?? []).map((header, index) => line(`hintHeaders[${index}]`, header, JSON.stringify(header))),
    ...Object.entries(options.endpoints ?? {}).flatMap(([endpoint, own]) =>
      endpointInForce(`endpoints["${endpoint}"]`, own, api.settings(endpoint)),
    ),
  ];
}

/** What an endpoint says of itself, as it holds. */
function endpointInForce(
  at: string,
  { retry, timeout, classify, repeatable, durability, cost, usage, reconcile }: EndpointOptions,
  settings: EndpointSettings,
): readonly InForce[] {
  const { policy } = settings;
  const lines: readonly (readonly [name: string, given: unknown, value: () => string | number | boolean])[] = [
    ["retry.maxAttempts", retry?.maxAttempts, () => policy.maxAttempts],
    ["retry.backoff", retry?.backoff, () => (typeof retry?.backoff === "function" ? "a function" : JSON.stringify(retry?.backoff))],
    ["timeout.attempt", timeout?.attempt, () => attemptsOf(policy)],
    ["timeout.total", timeout?.total, () => formatMs(policy.totalMs)],
    ["repeatable", repeatable, () => settings.repeatable],
    ["durability", durability, () => settings.durability],
    ["cost", cost, () => settings.cost],
    ["usage", usage, () => settings.usage.join(", ")],
    ["reconcile", reconcile, () => "a function"],
  ];
  return [
    line(at, at, "as its API, but for:"),
    ...lines.flatMap(([name, given, value]) => (given === undefined ? [] : [line(`${at}.${name}`, given, value())])),
    ...rulesOf(`${at}.classify`, classify),
  ];
}

function rulesOf(at: string, rules: readonly Rule[] = []): readonly InForce[] {
  return rules.map(({ id, when, then, quota, effect, because }, index) => {
    const more = Object.entries({ quota, effect, id }).flatMap(([name, value]) => (value === undefined ? [] : [`${name} ${value}`]));
    return line(`${at}[${index}]`, when, `${JSON.stringify(when)}: ${[then, ...more].join(", ")}, because ${because}`);
  });
}

function attemptsOf({ attemptTimeoutsMs }: EndpointSettings["policy"]): string {
  return attemptTimeoutsMs.map(formatMs).join(", ");
}

function concurrencyOf({ concurrency }: ResolvedApi): string {
  return concurrency === undefined ? "no bound" : `${concurrency.max} in flight, ${concurrency.maxQueue} may wait`;
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
  return rateLimits
    .map(
      ({ limit, perMs, burst, scope, counts }) =>
        `${limit} ${counts === "cost" ? "" : "calls "}per ${formatMs(perMs)}, ${burst} at once, by ${scope}`,
    )
    .join("; ");
}

function breakerOf({ breaker, whenOpen }: ResolvedApi): string {
  if (breaker === undefined) return "off";
  const { failureRate, window, windowMs, minimumCalls, openMs, maxOpenMs, halfOpenCalls, probeLeaseMs, slowCallRate, slowCallMs } = breaker;
  const slow = slowCallRate === undefined ? "" : `, or ${percent(slowCallRate)} slower than ${formatMs(slowCallMs)}`;
  return [
    `opens at ${percent(failureRate)} of the last ${window} calls of ${formatMs(windowMs)}, ${minimumCalls} at least${slow}`,
    `for ${formatMs(openMs)}, up to ${formatMs(maxOpenMs)}`,
    `${halfOpenCalls} at a time probe it, each for ${formatMs(probeLeaseMs)}`,
    `calls then ${whenOpen === "wait" ? "wait" : "are refused"}`,
  ].join("; ");
}

function percent(share: number): string {
  return `${Number((share * 100).toPrecision(6))} %`;
}

function retryBudgetOf({ retryBudget }: ResolvedApi): string {
  if (retryBudget === undefined) return "off";
  const { ratio, minPerSecond, ttlMs } = retryBudget;
  return `retries for ${percent(ratio)} of the successes of ${formatMs(ttlMs)}, and ${minPerSecond} a second`;
}

function idempotencyOf({ idempotency, keyTtlMs }: ResolvedApi): string {
  if (idempotency === undefined) return "key-blind";
  const { header, quoted, required, ignore } = idempotency;
  return [
    `${header}${quoted ? ", quoted" : ""}${required ? ", required" : ""}, remembered for ${formatMs(keyTtlMs)}`,
    ...(ignore.size === 0 ? [] : [`${[...ignore].join(", ")} may differ`]),
  ].join(", ");
}

/** Where the secret comes from; never what it is. */
function authOf(auth: AuthOptions): string {
  const sources = secretsOf(auth).map(([name, source]) => `${name} ${sourceOf(source)}`);
  return [kindOf(auth), ...sources, ...(auth.type === "oauth2" ? oauth2Of(auth) : [])].join(", ");
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

function oauth2Of({ scope, parameters, clientAuth, ...rest }: Extract<AuthOptions, { readonly type: "oauth2" }>): readonly string[] {
  const keepIn = "keepIn" in rest ? rest.keepIn : undefined;
  const said = {
    scope,
    parameters: parameters === undefined ? undefined : JSON.stringify(parameters),
    "client by": clientAuth,
    "kept in": keepIn,
  };
  return Object.entries(said).flatMap(([name, value]) => (value === undefined ? [] : [`${name} ${value}`]));
}
