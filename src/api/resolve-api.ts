import { durationMs } from "../core/duration.ts";
import { ConfigError } from "../core/errors.ts";
import { shown } from "../core/shown.ts";
import { resolveCallPolicy, type AttemptOptions, type CallPolicy } from "../engine/call-policy.ts";
import type { BackoffLike, ExponentialOptions } from "../policy/backoff/backoff.ts";
import { resolveBreakerOptions, type ResolvedBreakerOptions } from "../policy/breaker/options.ts";
import { resolveRetryBudget, type ResolvedRetryBudget } from "../policy/budget/retry-budget.ts";
import { resolveRetryQuota, RetryQuota } from "../policy/budget/retry-quota.ts";
import type { Classifier } from "../policy/classify/classify.ts";
import { compileRules } from "../policy/classify/rule.ts";
import { resolveConcurrency, type ResolvedConcurrency } from "../policy/concurrency/permits.ts";
import { checkHintHeaders } from "../policy/hints/hint-headers.ts";
import type { HintHeader } from "../policy/hints/parse-hint.ts";
import { checkCost } from "../policy/rate-limit/cost.ts";
import { resolveRateLimits, type ResolvedRateLimit } from "../policy/rate-limit/options.ts";
import type { ApiOptions, Durability, EndpointOptions, IdempotencyOptions, RetryConfig } from "./api-options.ts";
import { Credential } from "./credential.ts";
import { EndpointTable } from "./endpoint.ts";
import { headerNameAt, keptHeaders } from "./headers.ts";
import { refuseUnknownOptions } from "./known-options.ts";
import { profiles, type Profile } from "./profiles.ts";
import type { Reconcile } from "./reconcile.ts";

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
  /** Dotted paths into a JSON answer that tell the units used; empty where the cost is what it is. */
  readonly usage: readonly string[];
  readonly reconcile: Reconcile | undefined;
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
  /** The most that a call of any endpoint takes of a rate limit, unless it says so itself. */
  readonly maxCost: number;
  settings(endpoint: string): EndpointSettings;
}

const DURABILITIES: readonly Durability[] = ["none", "on-failure", "before-send"];
const DAY_MS = 86_400_000;

/** Checks a definition and completes it from its profile and the defaults. Throws a {@link ConfigError} that names the place. */
export function resolveApi(name: string, options: ApiOptions): ResolvedApi {
  const path = `apis.${name}`;
  refuseUnknownOptions(options, path);
  const profile = profileAt(options.profile, `${path}.profile`);
  const attempts: AttemptOptions = {
    ...mergedRetry(profile?.retry, options.retry),
    timeout: { ...profile?.timeout, ...options.timeout },
    ...(options.maxHint === undefined ? {} : { maxHint: options.maxHint }),
    ...(options.maxWait === undefined ? {} : { maxWait: options.maxWait }),
  };
  const rateLimit = options.rateLimit ?? profile?.rateLimit;
  const rateLimits = rateLimit === undefined ? [] : resolveRateLimits(rateLimit, `${path}.rateLimit`);
  const idempotency = options.idempotency === undefined ? undefined : resolveIdempotency(options.idempotency, `${path}.idempotency`);
  const credential = options.auth === undefined ? undefined : new Credential(options.auth, `${path}.auth`);
  const { whenOpen = "refuse", ...breaker } = options.breaker === false ? {} : (options.breaker ?? {});
  if (whenOpen !== "refuse" && whenOpen !== "wait") {
    throw new ConfigError({
      path: `${path}.breaker.whenOpen`,
      message: `${path}.breaker.whenOpen is ${shown(whenOpen)}; give "refuse" or "wait"`,
    });
  }
  const base: EndpointLayer = {
    attempts,
    classify: options.classify === undefined ? [] : [{ rules: options.classify, path: `${path}.classify` }],
    repeatable: flagAt(options.repeatable, `${path}.repeatable`) ?? profile?.repeatable ?? false,
    durability: durabilityAt(options.durability ?? "on-failure", `${path}.durability`),
    cost: 1,
    usage: [],
    reconcile: undefined,
  };
  const hintHeaders = checkHintHeaders(options.hintHeaders ?? [], `${path}.hintHeaders`);
  const common = settingsOf(base, path, path, hintHeaders);
  const own = new Map(
    Object.entries(options.endpoints ?? {}).map(([endpoint, layer]) => {
      const at = `${path}.endpoints["${endpoint}"]`;
      return [endpoint, settingsOf(overlay(base, endpoint, layer, at, rateLimits), path, at, hintHeaders)];
    }),
  );

  return Object.freeze({
    name,
    baseUrl: options.baseUrl === undefined ? undefined : baseUrlAt(options.baseUrl, `${path}.baseUrl`),
    endpoints: new EndpointTable([...own.keys()], `${path}.endpoints`),
    rateLimits,
    concurrency: options.concurrency === undefined ? undefined : resolveConcurrency(options.concurrency, `${path}.concurrency`),
    breaker: options.breaker === false ? undefined : resolveBreakerOptions(breaker, `${path}.breaker`),
    whenOpen,
    retryBudget: options.retryBudget === false ? undefined : resolveRetryBudget(options.retryBudget, `${path}.retryBudget`),
    quota: options.retryQuota === undefined ? undefined : new RetryQuota(resolveRetryQuota(options.retryQuota, `${path}.retryQuota`)),
    idempotency,
    keyTtlMs: idempotency?.ttlMs ?? DAY_MS,
    credential,
    checkJson: flagAt(options.checkJson, `${path}.checkJson`) ?? false,
    requestIdHeader: requestIdHeaderAt(options.requestIdHeader, idempotency, credential, path),
    keepHeaders: keptHeaders(
      options.keepHeaders ?? [],
      { keyHeader: idempotency?.header, credentialHeader: credential?.headerName },
      `${path}.keepHeaders`,
    ),
    maxCost: Math.max(1, ...[...own.values()].map(({ cost }) => cost)),
    settings: (endpoint: string) => own.get(endpoint) ?? common,
  });
}

function profileAt(name: unknown, path: string): Profile | undefined {
  if (name === undefined) return undefined;
  if (typeof name === "string" && Object.hasOwn(profiles, name)) return profiles[name as keyof typeof profiles];
  throw new ConfigError({ path, message: `${path} is ${shown(name)}; give one of ${Object.keys(profiles).join(", ")}` });
}

/** What is said closer to the endpoint, over what is said further away; the parts of a backoff one by one, where both say some. */
function mergedRetry(base: RetryConfig | undefined, own: RetryConfig | undefined): RetryConfig {
  const parts = isParts(base?.backoff) && isParts(own?.backoff) ? { backoff: { ...base.backoff, ...own.backoff } } : {};
  return { ...base, ...own, ...parts };
}

function isParts(backoff: BackoffLike | undefined): backoff is ExponentialOptions {
  return typeof backoff === "object" && !Array.isArray(backoff);
}

interface EndpointLayer {
  readonly attempts: AttemptOptions;
  readonly classify: readonly { readonly rules: NonNullable<ApiOptions["classify"]>; readonly path: string }[];
  readonly repeatable: boolean;
  readonly durability: Durability;
  readonly cost: number;
  readonly usage: readonly string[];
  readonly reconcile: Reconcile | undefined;
}

/** What an endpoint says, laid over what its API says. Its rules are tried first. */
function overlay(
  base: EndpointLayer,
  endpoint: string,
  layer: EndpointOptions,
  path: string,
  rateLimits: readonly ResolvedRateLimit[],
): EndpointLayer {
  const repeatable = flagAt(layer.repeatable, `${path}.repeatable`) ?? base.repeatable;
  return {
    attempts: { ...base.attempts, ...mergedRetry(base.attempts, layer.retry), timeout: { ...base.attempts.timeout, ...layer.timeout } },
    classify: layer.classify === undefined ? base.classify : [{ rules: layer.classify, path: `${path}.classify` }, ...base.classify],
    repeatable,
    durability: layer.durability === undefined ? base.durability : durabilityAt(layer.durability, `${path}.durability`),
    cost: layer.cost === undefined ? base.cost : costAt(layer.cost, rateLimits, `${path}.cost`),
    usage: layer.usage === undefined ? base.usage : usageAt(layer.usage, rateLimits, `${path}.usage`),
    reconcile: layer.reconcile === undefined ? undefined : reconcileAt(layer.reconcile, endpoint, repeatable, `${path}.reconcile`),
  };
}

/** Methods that may be repeated by their own meaning (RFC 9110 §9.2.2): no doubt about them needs to be cleared. */
const REPEATABLE_METHOD = /^(?:GET|HEAD|OPTIONS|PUT|DELETE) /;

function reconcileAt(reconcile: Reconcile, endpoint: string, repeatable: boolean, path: string): Reconcile {
  const refuse = (problem: string): never => {
    throw new ConfigError({ path, message: `${path} ${problem}` });
  };
  if (typeof reconcile !== "function") refuse(`is ${shown(reconcile)}; give a function that looks the write up at the other side`);
  if (repeatable || REPEATABLE_METHOD.test(endpoint)) {
    refuse("has no effect: the endpoint is repeatable, so what is in doubt is sent again without asking");
  }
  return reconcile;
}

function costAt(cost: number, rateLimits: readonly ResolvedRateLimit[], path: string): number {
  const refuse = (problem: string): never => {
    throw new ConfigError({ path, message: `${path} ${problem}` });
  };
  checkCost(cost, [], path);
  if (rateLimits.length === 0) refuse("has no effect: the API has no rateLimit that it would be taken from");
  if (rateLimits.every(({ counts }) => counts !== "cost")) {
    refuse("has no effect: every rateLimit of the API counts calls (rateLimit.counts)");
  }
  checkCost(cost, rateLimits, path);
  return cost;
}

function usageAt(usage: unknown, rateLimits: readonly ResolvedRateLimit[], path: string): readonly string[] {
  const refuse = (problem: string): never => {
    throw new ConfigError({ path, message: `${path} ${problem}` });
  };
  const paths: readonly unknown[] = Array.isArray(usage) ? usage : [usage];
  if (paths.length === 0 || paths.some((one) => typeof one !== "string" || one.split(".").includes(""))) {
    refuse(`is ${shown(usage)}; give dotted paths into the answer, such as "usage.total_tokens"`);
  }
  if (!rateLimits.some(({ counts }) => counts === "cost")) refuse("has no effect: the API has no rateLimit that counts the cost of calls");
  return Object.freeze([...(paths as readonly string[])]);
}

function settingsOf(layer: EndpointLayer, apiPath: string, path: string, hintHeaders: readonly HintHeader[]): EndpointSettings {
  return Object.freeze({
    policy: resolveCallPolicy(layer.attempts, { retry: `${path}.retry.`, timeout: `${path}.timeout.`, rest: `${apiPath}.` }),
    classifier: { rules: layer.classify.flatMap(({ rules, path: at }) => compileRules(rules, at)), hintHeaders },
    repeatable: layer.repeatable,
    durability: layer.durability,
    cost: layer.cost,
    usage: layer.usage,
    reconcile: layer.reconcile,
  });
}

function resolveIdempotency(options: IdempotencyOptions, path: string): ResolvedIdempotency {
  const header = headerNameAt(options.header ?? "Idempotency-Key", `${path}.header`);
  const ttlMs = durationMs(options.ttl ?? DAY_MS, `${path}.ttl`);
  if (ttlMs === 0)
    throw new ConfigError({ path: `${path}.ttl`, message: `${path}.ttl is 0: a key that is forgotten at once dedupes nothing` });
  const ignore: unknown = options.ignore ?? [];
  if (!Array.isArray(ignore) || ignore.some((field) => typeof field !== "string" || field === "")) {
    throw new ConfigError({
      path: `${path}.ignore`,
      message: `${path}.ignore is ${shown(ignore)}; give a list of dotted paths, such as "meta.sentAt"`,
    });
  }
  return Object.freeze({
    header,
    quoted: flagAt(options.quoted, `${path}.quoted`) ?? false,
    ttlMs,
    required: flagAt(options.required, `${path}.required`) ?? false,
    ignore: new Set(ignore as readonly string[]),
  });
}

/** Where the operation's id goes: never over a credential, nor over the key. */
function requestIdHeaderAt(
  given: string | false | undefined,
  idempotency: ResolvedIdempotency | undefined,
  credential: Credential | undefined,
  apiPath: string,
): string | undefined {
  const keyHeader = idempotency?.header.toLowerCase();
  if (keyHeader !== undefined && keyHeader === credential?.headerName)
    throw overwrites(keyHeader, `${apiPath}.idempotency.header`, "the credential");
  // Some APIs take the key in the header that ids usually go into; then the key it is.
  if (given === false || (given === undefined && keyHeader === "x-request-id")) return undefined;
  const path = `${apiPath}.requestIdHeader`;
  const name = headerNameAt(given ?? "X-Request-Id", path);
  if (name.toLowerCase() === credential?.headerName) throw overwrites(name, path, "the credential");
  if (name.toLowerCase() === keyHeader) throw overwrites(name, path, "the idempotency key");
  return name;
}

function overwrites(name: string, path: string, what: string): ConfigError {
  return new ConfigError({ path, message: `${path} is ${name}, which already carries ${what}; one would overwrite the other` });
}

function baseUrlAt(text: string, path: string): URL {
  const url = typeof text === "string" && URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || (url.protocol !== "http:" && url.protocol !== "https:")) {
    const safe = shown(typeof text === "string" ? text.replace(/\/\/[^/]*@/, "//…@") : text);
    throw new ConfigError({ path, message: `${path} is ${safe}; give a full http or https URL, such as "https://api.example.com/v1"` });
  }
  if (url.username !== "" || url.password !== "")
    throw new ConfigError({ path, message: `${path} holds a credential; put it under auth, where it is not logged or kept` });
  if (url.search !== "" || url.hash !== "")
    throw new ConfigError({ path, message: `${path} has a query or a fragment, which no call would send; remove it` });
  return url;
}

function durabilityAt(value: Durability, path: string): Durability {
  if (!DURABILITIES.includes(value))
    throw new ConfigError({ path, message: `${path} is ${shown(value)}; give one of ${DURABILITIES.join(", ")}` });
  return value;
}

function flagAt(value: unknown, path: string): boolean | undefined {
  if (value === undefined || typeof value === "boolean") return value;
  throw new ConfigError({ path, message: `${path} is ${shown(value)}; give true or false` });
}
