import { hash, timingSafeEqual } from "node:crypto";
import { TokenBucket } from "../policy/rate-limit/token-bucket.ts";
import type { Clock } from "../ports/clock.ts";
import { LOCAL, type Principal, type Scope, type TokenEntry } from "./principal.ts";
import type { ProblemCode } from "./problem.ts";

/** Reads one header; undefined or null where there is none. `Headers.get` and Node's own record both fit. */
export type ReadHeader = (name: string) => string | null | undefined;

/** Why a request may not go on, ready to be told. */
export interface Refusal {
  readonly code: ProblemCode;
  readonly detail: string;
  readonly retryAfterMs?: number;
  readonly headers?: Readonly<Record<string, string>>;
}

export type Authentication =
  { readonly principal: Principal; readonly refusal?: undefined } | { readonly refusal: Refusal; readonly principal?: undefined };

/** A failed try now and then is a mistake; more of them from one address are slowed down to one a second. */
const FAILURES = { limit: 1, perMs: 1_000, burst: 20, scope: "api", counts: "calls" } as const;
/** Addresses come from outside: only so many are remembered, and the oldest goes first. */
const MAX_CLIENTS = 10_000;
const CHALLENGE = { "www-authenticate": 'Bearer realm="holdfast"' };

interface Known extends TokenEntry {
  readonly digest: Buffer;
  readonly principal: Principal;
  readonly bucket: TokenBucket | undefined;
}

/**
 * Tells who makes a request, by its token. Tokens are known by their SHA-256 only, and compared in constant time.
 *
 * Without any token the gateway is open, which `serve` allows on loopback only. Once it has had one it never opens again: the
 * last token being revoked locks everybody out, and not everybody in.
 */
export class Authenticator {
  readonly #clock: Clock;
  /** By where they came from, so that the config and the store can be read anew one without the other. */
  readonly #sources = new Map<string, readonly TokenEntry[]>();
  #known: ReadonlyMap<string, readonly Known[]> = new Map();
  #locked = false;
  readonly #failures = new Map<string, TokenBucket>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Replaces the tokens that came from one place. A token that stays keeps what is left of its rate limit. */
  replace(source: string, tokens: readonly TokenEntry[]): void {
    this.#sources.set(source, tokens);
    if (tokens.length > 0) this.#locked = true;
    const before = new Map([...this.#known.values()].flat().map((known) => [known.sha256, known]));
    const known = new Map<string, Known[]>();
    for (const entry of [...this.#sources.values()].flat()) {
      const one = toKnown(entry, before.get(entry.sha256));
      const key = keyOf(one.digest);
      known.set(key, [...(known.get(key) ?? []), one]);
    }
    this.#known = known;
  }

  /** Whether anybody may come in without a token. */
  get open(): boolean {
    return !this.#locked;
  }

  /**
   * Who makes the request. `authorization` says whether the header `Authorization` is for us: it is, unless the request goes on to
   * an upstream whose credential the caller brings along. `client` is the address that failures are counted by.
   */
  authenticate(read: ReadHeader, client: string, authorization = true): Authentication {
    if (this.open) return accountOf(LOCAL, read);
    const token = tokenIn(read, authorization);
    const now = this.#clock.monotonic();
    if (token === undefined) {
      const where = authorization ? "Authorization: Bearer" : "Holdfast-Token";
      return refuse("unauthorized", `no token was sent; send one as ${where} …`, { headers: CHALLENGE });
    }
    const known = this.#find(token);
    if (known === undefined) return this.#failed(client, now);
    const waitMs = known.bucket?.waitMs(1, now) ?? 0;
    if (waitMs > 0) {
      return refuse("too-many-requests", `the token ${known.name} has used up its rate limit`, { retryAfterMs: waitMs });
    }
    known.bucket?.take(1, now);
    return accountOf(known.principal, read);
  }

  /** What is known of a token, as a session that stands for it needs to say; undefined for one that lets nobody in. */
  entryOf(token: string): TokenEntry | undefined {
    return this.#find(token);
  }

  #find(token: string): Known | undefined {
    return this.#live(hash("sha256", token, "buffer"));
  }

  #live(digest: Buffer): Known | undefined {
    const found = this.#known.get(keyOf(digest))?.find((known) => timingSafeEqual(known.digest, digest));
    if (found?.expiresAt !== undefined && found.expiresAt <= this.#clock.now()) return undefined;
    const orphan = found?.parent !== undefined && this.#live(Buffer.from(found.parent, "hex")) === undefined;
    return orphan ? undefined : found;
  }

  /** Somebody tries tokens. A right one is never held up by it: whoever shares an address with a guesser must not be locked out. */
  #failed(client: string, now: number): Authentication {
    let bucket = this.#failures.get(client);
    if (bucket === undefined) {
      if (this.#failures.size >= MAX_CLIENTS) this.#failures.delete(this.#failures.keys().next().value as string);
      bucket = new TokenBucket(FAILURES);
      this.#failures.set(client, bucket);
    }
    const retryAfterMs = bucket.waitMs(1, now);
    if (retryAfterMs > 0) return refuse("too-many-requests", "too many wrong tokens came from this address", { retryAfterMs });
    bucket.take(1, now);
    return refuse("unauthorized", "the token is not known, or has expired or been revoked", { headers: CHALLENGE });
  }
}

/** Why a principal may not do what needs a scope, where that is so. */
export function refusalOfScope(principal: Principal, scope: Scope | "public"): Refusal | undefined {
  if (scope === "public" || principal.scopes.includes(scope)) return undefined;
  const has = principal.scopes.join(", ") || "none";
  return { code: "forbidden", detail: `the token ${principal.name} has the scopes ${has}, and this needs ${scope}` };
}

/** Why a principal may not have to do with an API, where that is so. Whether the API exists is not told. */
export function refusalOfApi(principal: Principal, api: string): Refusal | undefined {
  if (principal.apis === undefined || principal.apis.includes(api)) return undefined;
  return { code: "forbidden", detail: `the token ${principal.name} is limited to other APIs: ${principal.apis.join(", ")}` };
}

/** SHA-256 of a token in hex: the form in which it is kept. */
export function tokenHash(token: string): string {
  return hash("sha256", token);
}

/** A token: `hf_` and 256 random bits, from bytes that come from a source fit for secrets. */
export function tokenOf(random: Uint8Array): string {
  if (random.length < 32) throw new RangeError(`a token has at least 32 random bytes, not ${random.length}`);
  return `hf_${Buffer.from(random).toString("base64url")}`;
}

/**
 * The token of a request: `Holdfast-Token`, else `Proxy-Authorization`, else `Authorization` where that is for us. As Bearer, or
 * as the password of Basic, which is what many clients can be told.
 */
function tokenIn(read: ReadHeader, authorization: boolean): string | undefined {
  const own = read("holdfast-token");
  if (own != null && own !== "") return own;
  return credentialIn(read("proxy-authorization")) ?? (authorization ? credentialIn(read("authorization")) : undefined);
}

function credentialIn(header: string | null | undefined): string | undefined {
  const [, scheme, value] = /^(bearer|basic) +(\S+) *$/i.exec(header ?? "") ?? [];
  if (scheme === undefined || value === undefined) return undefined;
  if (scheme.toLowerCase() === "bearer") return value;
  const pair = Buffer.from(value, "base64").toString();
  const password = pair.slice(pair.indexOf(":") + 1);
  return password === "" ? undefined : password;
}

/** The account is the token's own, or the one that the caller names where the token is bound to none. */
function accountOf(principal: Principal, read: ReadHeader): Authentication {
  const named = read("holdfast-account");
  if (named == null || named === "") return { principal };
  if (!principal.bound) return { principal: { ...principal, account: named } };
  if (named === principal.account) return { principal };
  return refuse("forbidden", `the token ${principal.name} acts for another account than the one in Holdfast-Account`);
}

function toKnown(entry: TokenEntry, before: Known | undefined): Known {
  const { name, scopes, apis, account, rateLimit } = entry;
  return {
    ...entry,
    digest: Buffer.from(entry.sha256, "hex"),
    principal: Object.freeze({ name, scopes, apis, account, bound: account !== undefined }),
    bucket: sameLimit(before?.rateLimit, rateLimit)
      ? before?.bucket
      : rateLimit &&
        new TokenBucket({ limit: rateLimit.limit, perMs: rateLimit.perMs, burst: rateLimit.burst, scope: "api", counts: "calls" }),
  };
}

function sameLimit(one: TokenEntry["rateLimit"], other: TokenEntry["rateLimit"]): boolean {
  return one !== undefined && one.limit === other?.limit && one.perMs === other.perMs && one.burst === other.burst;
}

/** Where a digest is looked up: by a part of it that tells nothing of the token, the rest being compared in constant time. */
function keyOf(digest: Buffer): string {
  return digest.toString("hex", 0, 8);
}

function refuse(
  code: ProblemCode,
  detail: string,
  more: { readonly retryAfterMs?: number; readonly headers?: Readonly<Record<string, string>> } = {},
): Authentication {
  return { refusal: { code, detail, ...more } };
}
