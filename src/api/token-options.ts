import { ConfigError } from "../core/errors.ts";
import { durationMs, type Duration } from "../core/duration.ts";
import { refuseUnknown } from "../core/options.ts";
import { shown } from "../core/shown.ts";
import { checkReference, readReference, type SecretReference } from "./secret.ts";

/** What a token may do: `call` upstreams and enqueue, `read` what was kept, `operate` on it. None includes another. */
export type TokenScope = "call" | "read" | "operate";

/** One token of the gateway's. */
export interface TokenOptions {
  /** Names it in the audit log. */
  readonly name: string;
  /** Where the token stands, or its SHA-256 in hex: a config holds no token. */
  readonly token: SecretReference | { readonly sha256: string };
  readonly scopes: readonly TokenScope[];
  /** Only these APIs. @default all */
  readonly apis?: readonly string[];
  /** Requests that may be made with it. @default no limit of its own */
  readonly rateLimit?: TokenRateLimit;
  /** The account that it acts for: the partition of all its calls, and all that it sees. @default any, by the header `Holdfast-Account` */
  readonly account?: string;
  /** From when on it is worth nothing: a date, or an instant, of RFC 3339. @default never */
  readonly expires?: string;
}

export interface TokenRateLimit {
  readonly limit: number;
  /** @default "1s" */
  readonly per?: Duration;
  /** How many may go at once. @default limit */
  readonly burst?: number;
}

/** A token, checked and completed: by its hash, so that nothing that holds it can give it away. */
export interface ResolvedToken {
  readonly name: string;
  /** SHA-256 of the token, in lower-case hex. */
  readonly sha256: string;
  readonly scopes: readonly TokenScope[];
  readonly apis?: readonly string[];
  readonly rateLimit?: { readonly limit: number; readonly perMs: number; readonly burst: number };
  readonly account?: string;
  /** Wall-clock milliseconds. */
  readonly expiresAt?: number;
}

export const TOKEN_SCOPES: readonly TokenScope[] = ["call", "read", "operate"];
const OPTIONS = ["name", "token", "scopes", "apis", "rateLimit", "account", "expires"] as const satisfies (keyof TokenOptions)[];
const RATE_LIMIT = ["limit", "per", "burst"] as const satisfies (keyof TokenRateLimit)[];

/** Refuses tokens that make no sense; `apis` are those that there are. Throws a {@link ConfigError} that names the place. */
export function checkTokens(tokens: unknown, apis: readonly string[], path: string): asserts tokens is readonly TokenOptions[] {
  if (!Array.isArray(tokens)) throw new ConfigError({ path, message: `${path} is ${shown(tokens)}; give a list of tokens` });
  const names = new Set<string>();
  for (const [index, token] of (tokens as readonly TokenOptions[]).entries()) {
    const at = `${path}[${index}]`;
    checkToken(token, apis, at);
    if (names.has(token.name)) {
      throw new ConfigError({
        path: `${at}.name`,
        message: `${at}.name is ${shown(token.name)}, as another's; the audit log could not tell them apart`,
      });
    }
    names.add(token.name);
  }
}

/**
 * The tokens by their hashes; `hash` gives SHA-256 in lower-case hex. Reads their secrets: an absent one is an error, since a gateway
 * with fewer tokens than meant may be open.
 */
export function resolveTokens(tokens: readonly TokenOptions[], hash: (token: string) => string, path = "tokens"): readonly ResolvedToken[] {
  return tokens.map(({ name, token, scopes, apis, rateLimit, account, expires }, index) => ({
    name,
    sha256: "sha256" in token ? token.sha256.toLowerCase() : hash(readReference(token, `${path}[${index}].token`)),
    scopes,
    ...(apis === undefined ? {} : { apis }),
    ...(rateLimit === undefined ? {} : { rateLimit: limitOf(rateLimit, `${path}[${index}].rateLimit`) }),
    ...(account === undefined ? {} : { account }),
    ...(expires === undefined ? {} : { expiresAt: Date.parse(expires) }),
  }));
}

function checkToken(token: TokenOptions, apis: readonly string[], path: string): void {
  const refuse = (name: string, problem: string): never => {
    throw new ConfigError({ path: `${path}.${name}`, message: `${path}.${name} ${problem}` });
  };
  refuseUnknown(token, OPTIONS, path);
  const { name, scopes, apis: own, account, expires, rateLimit } = token;
  if (typeof name !== "string" || name === "") refuse("name", `is ${shown(name)}; give a name for the audit log`);
  checkTokenSource(token.token, `${path}.token`, refuse);
  if (!Array.isArray(scopes) || scopes.length === 0 || scopes.some((scope) => !TOKEN_SCOPES.includes(scope as TokenScope))) {
    refuse("scopes", `is ${shown(scopes)}; give some of ${TOKEN_SCOPES.join(", ")}`);
  }
  if (own !== undefined) {
    if (!Array.isArray(own) || own.length === 0) refuse("apis", `is ${shown(own)}; give names of APIs, or leave it out for all`);
    const stranger = (own as readonly unknown[]).find((api) => !(apis as readonly unknown[]).includes(api));
    if (stranger !== undefined)
      refuse("apis", `names ${shown(stranger)}, which is no API of this config; there are ${apis.join(", ") || "none"}`);
  }
  if (account !== undefined && (typeof account !== "string" || account === ""))
    refuse("account", `is ${shown(account)}; give a name, or leave it out`);
  if (expires !== undefined && !(typeof expires === "string" && INSTANT.test(expires) && Number.isFinite(Date.parse(expires)))) {
    refuse("expires", `is ${shown(expires)}; give a date or an instant, such as "2027-01-31" or "2027-01-31T12:00:00Z"`);
  }
  if (rateLimit !== undefined) limitOf(rateLimit, `${path}.rateLimit`);
}

const INSTANT = /^\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:\d{2}))?$/;

function checkTokenSource(source: unknown, path: string, refuse: (name: string, problem: string) => never): void {
  if (typeof source !== "object" || source === null || Array.isArray(source)) {
    const what = source === undefined ? "missing" : `a ${Array.isArray(source) ? "list" : typeof source}`;
    return refuse(
      "token",
      `is ${what}; name where it stands, { "env": "NAME" } or { "file": "/path" }, or give { "sha256": "…" }: a config holds no token`,
    );
  }
  if (!("sha256" in source)) return checkReference(source, path);
  refuseUnknown(source, ["sha256"], path);
  // Not shown: it may be the token itself.
  if (typeof source.sha256 !== "string" || !/^[0-9a-f]{64}$/i.test(source.sha256))
    refuse("token.sha256", "is no SHA-256 in hex, which has 64 digits");
}

function limitOf(options: TokenRateLimit, path: string): { readonly limit: number; readonly perMs: number; readonly burst: number } {
  const refuse = (name: string, problem: string): never => {
    throw new ConfigError({ path: `${path}.${name}`, message: `${path}.${name} ${problem}` });
  };
  refuseUnknown(options, RATE_LIMIT, path);
  const { limit, per = "1s", burst = Math.max(1, limit) } = options;
  if (typeof limit !== "number" || !(limit > 0) || !Number.isFinite(limit)) refuse("limit", `is ${shown(limit)}; give a number above 0`);
  const perMs = durationMs(per, `${path}.per`);
  if (perMs === 0) refuse("per", "is 0; give the time that limit is counted in");
  if (typeof burst !== "number" || !(burst >= 1) || !Number.isFinite(burst))
    refuse("burst", `is ${shown(burst)}; give a number of at least 1`);
  return { limit, perMs, burst };
}
