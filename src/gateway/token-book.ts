import { durationMs, type Duration } from "../core/duration.ts";
import { ConfigError, NotFoundError } from "../core/errors.ts";
import { shown } from "../core/shown.ts";
import { resolveRateLimits, type RateLimitOptions } from "../policy/rate-limit/options.ts";
import type { Clock } from "../ports/clock.ts";
import type { DocumentStore } from "../ports/document-store.ts";
import { tokenHash, tokenOf } from "./auth.ts";
import { allOf } from "./documents.ts";
import { SCOPES, type Scope, type TokenEntry } from "./principal.ts";

/** A token in the store, as it is shown: nothing of it can be used to get in. */
export interface TokenView extends Omit<TokenEntry, "sha256"> {
  readonly createdAt: number;
}

type Kept = TokenEntry & { readonly createdAt: number };

const KIND = "gateway-token";

/** Tokens that were made while the gateway ran, kept in the store by their hash. */
export class TokenBook {
  readonly #documents: DocumentStore;
  readonly #clock: Clock;
  readonly #randomBytes: (count: number) => Uint8Array;

  constructor(documents: DocumentStore, clock: Clock, randomBytes: (count: number) => Uint8Array) {
    this.#documents = documents;
    this.#clock = clock;
    this.#randomBytes = randomBytes;
  }

  /** Makes a token, which is told this once and never again. @throws ConfigError where the name is taken */
  async create(given: Omit<TokenEntry, "sha256">): Promise<TokenView & { readonly token: string }> {
    if (!/^[\w.-]{1,64}$/.test(given.name)) {
      throw new ConfigError({ path: "name", message: `name is ${shown(given.name)}; give letters, digits, ".", "_" and "-", at most 64` });
    }
    const now = this.#clock.now();
    const token = tokenOf(this.#randomBytes(32));
    const kept: Kept = { ...given, sha256: tokenHash(token), createdAt: now };
    const [result] = await this.#documents.write([{ kind: KIND, id: given.name, revision: 0, body: JSON.stringify(kept), now }]);
    if (result !== "applied")
      throw new ConfigError({ path: "name", message: `there is a token named ${given.name} already; revoke it first` });
    return { ...viewOf(kept), token };
  }

  /** In the order in which they were made. */
  async list(): Promise<readonly TokenView[]> {
    return (await this.entries()).map(viewOf);
  }

  /** @throws NotFoundError */
  async revoke(name: string): Promise<void> {
    const ref = { kind: KIND, id: name };
    const [found] = await this.#documents.read([ref]);
    const missing = (): NotFoundError => new NotFoundError(`the store has no token named ${name}; those of the config are taken out there`);
    if (found === undefined) throw missing();
    const [result] = await this.#documents.write([{ ...ref, revision: found.revision, body: null, now: this.#clock.now() }]);
    if (result !== "applied") throw missing();
  }

  async entries(): Promise<readonly Kept[]> {
    return (await allOf(this.#documents, KIND)).map(({ parsed }) => parsed as Kept);
  }
}

/** What is said of a new token. */
export interface NewToken {
  readonly name: string;
  readonly scopes: readonly Scope[];
  readonly apis?: readonly string[] | undefined;
  readonly account?: string | undefined;
  readonly rateLimit?: RateLimitOptions | undefined;
  readonly expiresIn?: Duration | undefined;
}

/** A new token as it is kept. @throws ConfigError */
export function entryOf({ name, scopes, apis, account, rateLimit, expiresIn }: NewToken, now: number): Omit<TokenEntry, "sha256"> {
  const [limit] = rateLimit === undefined ? [] : resolveRateLimits(rateLimit, "rateLimit");
  return {
    name,
    scopes: SCOPES.filter((scope) => scopes.includes(scope)),
    ...(apis === undefined ? {} : { apis }),
    ...(account === undefined ? {} : { account }),
    ...(limit === undefined ? {} : { rateLimit: { limit: limit.limit, perMs: limit.perMs, burst: limit.burst } }),
    ...(expiresIn === undefined ? {} : { expiresAt: now + durationMs(expiresIn, "expiresIn") }),
  };
}

function viewOf({ sha256: _sha256, ...view }: Kept): TokenView {
  return view;
}
