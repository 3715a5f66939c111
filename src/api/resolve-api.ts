import { durationMs } from "../core/duration.ts";
import { ConfigError } from "../core/errors.ts";
import { resolveCallPolicy, type AttemptOptions, type CallPolicy } from "../engine/call-policy.ts";
import { resolveBreakerOptions, type ResolvedBreakerOptions } from "../policy/breaker/options.ts";
import { resolveRetryBudget, type ResolvedRetryBudget } from "../policy/budget/retry-budget.ts";
import { resolveRetryQuota, RetryQuota } from "../policy/budget/retry-quota.ts";
import type { Classifier } from "../policy/classify/classify.ts";
import { compileRules } from "../policy/classify/rule.ts";
import { resolveConcurrency, type ResolvedConcurrency } from "../policy/concurrency/permits.ts";
import { checkHintHeaders } from "../policy/hints/hint-headers.ts";
import { resolveRateLimits, type ResolvedRateLimit } from "../policy/rate-limit/options.ts";
import type { ApiOptions, Durability, EndpointOptions, IdempotencyOptions } from "./api-options.ts";
import { Credential } from "./auth.ts";
import { EndpointTable } from "./endpoint.ts";
import { profiles } from "./profiles.ts";

export interface ResolvedIdempotency {
  readonly header: string;
  readonly quoted: boolean;
  readonly ttlMs: number;
  readonly required: boolean;
  readonly ignore: ReadonlySet<string>;
}

/** What holds for one endpoint of an API. */
export interface EndpointSettings {
  readonly policy: CallPolicy;
  readonly classifier: Classifier;
  readonly repeatable: boolean;
  readonly durability: Durability;
  readonly cost: number;
}

/** An API, checked and completed: what the code reads. */
export interface ResolvedApi {
  readonly name: string;
  readonly baseUrl: URL | undefined;
  readonly endpoints: EndpointTable;
  readonly rateLimits: readonly ResolvedRateLimit[];
  readonly concurrency: ResolvedConcurrency | undefined;
  readonly breaker: ResolvedBreakerOptions | undefined;
  readonly whenOpen: "refuse" | "wait";
  readonly retryBudget: ResolvedRetryBudget | undefined;
  readonly quota: RetryQuota | undefined;
  /** Undefined where the API is key-blind. */
  readonly idempotency: ResolvedIdempotency | undefined;
  /** How long keys are kept on our side, whether the API knows them or not. */
  readonly keyTtlMs: number;
  readonly credential: Credential | undefined;
  readonly checkJson: boolean;
  readonly requestIdHeader: string | undefined;
  readonly keepHeaders: ReadonlySet<string>;
  settings(endpoint: string): EndpointSettings;
}

/** Every key of {@link ApiOptions}; anything else in a definition is a mistake that would otherwise be ignored. */
const KEYS: Readonly<Record<keyof ApiOptions, true>> = {
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
};
const ENDPOINT_KEYS: Readonly<Record<keyof EndpointOptions, true>> = {
  repeatable: true,
  retry: true,
  timeout: true,
  classify: true,
  durability: true,
  cost: true,
};
const DURABILITIES: readonly Durability[] = ["none", "on-failure", "before-send"];
const ENDPOINT = /^(GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS) \/\S*$/;
const DAY_MS = 86_400_000;

/** Request headers that may be kept; everything else, credentials first of all, is not. */
const KEPT_HEADERS = [
  "accept",
  "accept-language",
  "content-type",
  "content-language",
  "idempotency-key",
  "if-match",
  "if-none-match",
  "prefer",
  "stripe-version",
  "anthropic-version",
  "anthropic-beta",
  "openai-beta",
];
const NEVER_KEPT = new Set(["authorization", "proxy-authorization", "cookie", "set-cookie", "x-api-key", "api-key"]);

/** Checks a definition and completes it from its profile and the defaults. Throws a {@link ConfigError} that names the place. */
export function resolveApi(name: string, options: ApiOptions): ResolvedApi {
  const path = `apis.${name}`;
  refuseUnknown(options, KEYS, path);
  const profile = options.profile === undefined ? undefined : profiles[options.profile];
  if (options.profile !== undefined && profile === undefined) {
    throw new ConfigError({
      path: `${path}.profile`,
      message: `${path}.profile is ${JSON.stringify(options.profile)}; give one of ${Object.keys(profiles).join(", ")}`,
    });
  }
  const attempts: AttemptOptions = {
    ...profile?.retry,
    ...options.retry,
    timeout: { ...profile?.timeout, ...options.timeout },
    ...(options.maxHint === undefined ? {} : { maxHint: options.maxHint }),
    ...(options.maxWait === undefined ? {} : { maxWait: options.maxWait }),
  };
  const rateLimit = options.rateLimit ?? profile?.rateLimit;
  const idempotency = options.idempotency === undefined ? undefined : resolveIdempotency(options.idempotency, `${path}.idempotency`);
  const breaker = options.breaker === false ? undefined : resolveBreakerOptions(options.breaker, `${path}.breaker`);
  const whenOpen = (options.breaker === false ? undefined : options.breaker?.whenOpen) ?? "refuse";
  if (whenOpen !== "refuse" && whenOpen !== "wait") {
    throw new ConfigError({
      path: `${path}.breaker.whenOpen`,
      message: `${path}.breaker.whenOpen is ${JSON.stringify(whenOpen)}; give "refuse" or "wait"`,
    });
  }
  const base: EndpointLayer = {
    attempts,
    classify: options.classify === undefined ? [] : [{ rules: options.classify, path: `${path}.classify` }],
    repeatable: options.repeatable ?? profile?.repeatable ?? false,
    durability: durabilityAt(options.durability ?? "on-failure", `${path}.durability`),
    cost: 1,
  };
  const hintHeaders = checkHintHeaders(options.hintHeaders ?? [], `${path}.hintHeaders`);
  const common = settingsOf(base, path, path, hintHeaders);
  const own = new Map(
    Object.entries(options.endpoints ?? {}).map(([endpoint, layer]) => [
      endpoint,
      settingsOf(overlay(base, endpoint, layer, path), path, `${path}.endpoints["${endpoint}"]`, hintHeaders),
    ]),
  );

  return Object.freeze({
    name,
    baseUrl: options.baseUrl === undefined ? undefined : baseUrlAt(options.baseUrl, `${path}.baseUrl`),
    endpoints: new EndpointTable([...own.keys()]),
    rateLimits: rateLimit === undefined ? [] : resolveRateLimits(rateLimit, `${path}.rateLimit`),
    concurrency: options.concurrency === undefined ? undefined : resolveConcurrency(options.concurrency, `${path}.concurrency`),
    breaker,
    whenOpen,
    retryBudget: options.retryBudget === false ? undefined : resolveRetryBudget(options.retryBudget, `${path}.retryBudget`),
    quota: options.retryQuota === undefined ? undefined : new RetryQuota(resolveRetryQuota(options.retryQuota, `${path}.retryQuota`)),
    idempotency,
    keyTtlMs: idempotency?.ttlMs ?? DAY_MS,
    credential: options.auth === undefined ? undefined : new Credential(options.auth, `${path}.auth`),
    checkJson: options.checkJson ?? false,
    requestIdHeader: options.requestIdHeader === false ? undefined : (options.requestIdHeader ?? "X-Request-Id"),
    keepHeaders: keepHeadersAt(options.keepHeaders ?? [], idempotency?.header, `${path}.keepHeaders`),
    settings: (endpoint: string) => own.get(endpoint) ?? common,
  });
}

interface EndpointLayer {
  readonly attempts: AttemptOptions;
  readonly classify: readonly { readonly rules: NonNullable<ApiOptions["classify"]>; readonly path: string }[];
  readonly repeatable: boolean;
  readonly durability: Durability;
  readonly cost: number;
}

/** What an endpoint says, laid over what its API says. Its rules are tried first. */
function overlay(base: EndpointLayer, endpoint: string, layer: EndpointOptions, apiPath: string): EndpointLayer {
  const path = `${apiPath}.endpoints["${endpoint}"]`;
  if (!ENDPOINT.test(endpoint))
    throw new ConfigError({ path, message: `${path} is not an endpoint; write method and path template, such as "POST /contacts/{id}"` });
  refuseUnknown(layer, ENDPOINT_KEYS, path);
  const cost = layer.cost ?? base.cost;
  if (!(cost > 0) || !Number.isFinite(cost))
    throw new ConfigError({ path: `${path}.cost`, message: `${path}.cost is ${cost}; give a number above 0` });
  return {
    attempts: { ...base.attempts, ...layer.retry, timeout: { ...base.attempts.timeout, ...layer.timeout } },
    classify: layer.classify === undefined ? base.classify : [{ rules: layer.classify, path: `${path}.classify` }, ...base.classify],
    repeatable: layer.repeatable ?? base.repeatable,
    durability: layer.durability === undefined ? base.durability : durabilityAt(layer.durability, `${path}.durability`),
    cost,
  };
}

function settingsOf(
  layer: EndpointLayer,
  apiPath: string,
  path: string,
  hintHeaders: NonNullable<ApiOptions["hintHeaders"]>,
): EndpointSettings {
  return Object.freeze({
    policy: resolveCallPolicy(layer.attempts, { retry: `${path}.retry.`, timeout: `${path}.timeout.`, rest: `${apiPath}.` }),
    classifier: { rules: layer.classify.flatMap(({ rules, path: at }) => compileRules(rules, at)), hintHeaders },
    repeatable: layer.repeatable,
    durability: layer.durability,
    cost: layer.cost,
  });
}

function resolveIdempotency(options: IdempotencyOptions, path: string): ResolvedIdempotency {
  refuseUnknown(
    options,
    { header: true, quoted: true, ttl: true, required: true, ignore: true } satisfies Record<keyof IdempotencyOptions, true>,
    path,
  );
  const header = options.header ?? "Idempotency-Key";
  if (!/^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/.test(header))
    throw new ConfigError({ path: `${path}.header`, message: `${path}.header is ${JSON.stringify(header)}, which is not a header name` });
  return Object.freeze({
    header,
    quoted: options.quoted ?? false,
    ttlMs: durationMs(options.ttl ?? DAY_MS, `${path}.ttl`),
    required: options.required ?? false,
    ignore: new Set(options.ignore ?? []),
  });
}

function refuseUnknown(given: object, known: Readonly<Record<string, true>>, path: string): void {
  if (typeof given !== "object" || given === null || Array.isArray(given))
    throw new ConfigError({ path, message: `${path} is not an object of options` });
  for (const key of Object.keys(given)) {
    if (!Object.hasOwn(known, key)) {
      throw new ConfigError({
        path: `${path}.${key}`,
        message: `${path}.${key} is not an option; known are ${Object.keys(known).join(", ")}`,
      });
    }
  }
}

function baseUrlAt(text: string, path: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || (url.protocol !== "http:" && url.protocol !== "https:")) {
    throw new ConfigError({
      path,
      message: `${path} is ${JSON.stringify(text)}; give a full http or https URL, such as "https://api.example.com/v1"`,
    });
  }
  if (url.username !== "" || url.password !== "")
    throw new ConfigError({ path, message: `${path} holds a credential; put it under auth, where it is not logged or kept` });
  if (url.search !== "" || url.hash !== "")
    throw new ConfigError({ path, message: `${path} has a query or a fragment, which no call would send; remove it` });
  return url;
}

function durabilityAt(value: Durability, path: string): Durability {
  if (!DURABILITIES.includes(value))
    throw new ConfigError({ path, message: `${path} is ${JSON.stringify(value)}; give one of ${DURABILITIES.join(", ")}` });
  return value;
}

function keepHeadersAt(extra: readonly string[], keyHeader: string | undefined, path: string): ReadonlySet<string> {
  const names = new Set(KEPT_HEADERS);
  if (keyHeader !== undefined) names.add(keyHeader.toLowerCase());
  for (const name of extra) {
    if (NEVER_KEPT.has(name.toLowerCase()))
      throw new ConfigError({
        path,
        message: `${path} names ${name}, which carries a credential; give the API its auth instead, so that a replay can send a fresh one`,
      });
    names.add(name.toLowerCase());
  }
  return names;
}
