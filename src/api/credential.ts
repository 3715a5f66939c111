import { ConfigError } from "../core/errors.ts";
import { checkAuth, secretsOf, type AuthOptions } from "./auth.ts";
import { base64, formEncoded } from "./encodings.ts";
import type { CredentialWorld } from "./credential-world.ts";
import { TokenEndpoint } from "./oauth2.ts";
import { readSecret } from "./secret.ts";

/** A credential as it goes over the wire. */
export interface SentCredential {
  readonly in: "header" | "query";
  /** Name of the header, or of the parameter. */
  readonly name: string;
  readonly value: string;
  /** The texts that an answer which repeats them would give away. */
  readonly secrets: readonly string[];
}

/** A credential, and the monotonic instants from which on a new one is worth getting, and this one is none any more. */
interface Made {
  readonly sent: SentCredential;
  readonly staleAt: number;
  readonly expiresAt: number;
}

/** A renewal that failed while the old credential still holds is tried again after this long. */
const RENEW_AGAIN_MS = 10_000;

/**
 * The credential of one API. Secrets by reference are read each time. What a function or a token endpoint gave is
 *
 * - **kept** until it expires or the other side refuses it;
 * - **stale** for a last part of its life: the first call that finds it so gets a new one on the side, and nobody waits;
 * - **replaced** once it has expired or was refused; who comes meanwhile shares the one new one.
 *
 * No error text holds a secret.
 */
export class Credential {
  readonly #options: AuthOptions;
  readonly #path: string;
  readonly #endpoint: TokenEndpoint | undefined;
  /** Whether what was made is kept: somebody was asked for it. */
  readonly #asked: boolean;
  /** What was made, on its way or there. */
  #kept: Promise<SentCredential> | undefined = undefined;
  /** The one in use, once it is there. */
  #current: Made | undefined = undefined;
  #refreshing: Promise<void> | undefined = undefined;
  #renewing = false;
  #renewAt = Number.NEGATIVE_INFINITY;

  constructor(options: AuthOptions, path: string) {
    checkAuth(options, path);
    this.#options = options;
    this.#path = path;
    this.#endpoint = options.type === "oauth2" ? new TokenEndpoint(options, path) : undefined;
    this.#asked = this.#endpoint !== undefined || secretsOf(options).some(([, source]) => typeof source === "function");
  }

  /** Name of the header that it goes into, in lower case; undefined for one that goes into the query. */
  get headerName(): string | undefined {
    if (this.#options.type === "query") return undefined;
    return this.#options.type === "header" ? this.#options.name.toLowerCase() : "authorization";
  }

  /** Name of the parameter that it goes into. */
  get parameterName(): string | undefined {
    return this.#options.type === "query" ? this.#options.name : undefined;
  }

  /**
   * Whether there is another one to be had than `refused`: its source can be asked again, or holds another by now, as after a
   * rotation.
   */
  canReplace(refused: string | undefined): boolean {
    if (this.#asked) return true;
    if (refused === undefined) return false;
    try {
      const now = this.#read();
      return !(now instanceof Promise) && now.value !== refused;
    } catch {
      // It is not there at all; the next attempt would say so, and the refusal says more.
      return false;
    }
  }

  /** The credential to send now. @throws ConfigError where a secret is missing, CredentialError where it cannot be got */
  get(world: CredentialWorld): SentCredential | Promise<SentCredential> {
    if (!this.#asked) return this.#read();
    const current = this.#current;
    if (current !== undefined && this.#kept !== undefined) {
      const now = world.clock.monotonic();
      if (now >= current.expiresAt) this.#kept = undefined;
      else if (now >= current.staleAt) void this.#renew(world, now);
    }
    this.#kept ??= this.#keep(world);
    return this.#kept;
  }

  /**
   * Gets another one in place of what was refused; those who come while it is got share it. `refused` is the value that the other
   * side did not take: a call that comes late, refused with what has been replaced since, asks nobody.
   */
  refresh(world: CredentialWorld, refused?: string): Promise<void> {
    // What is read each time needs no asking.
    if (!this.#asked) return Promise.resolve();
    if (this.#refreshing !== undefined) return this.#refreshing;
    if (refused !== undefined && this.#current !== undefined && this.#current.sent.value !== refused) return Promise.resolve();
    this.#kept = this.#keep(world);
    this.#refreshing = this.#kept
      .then(() => undefined)
      .finally(() => {
        this.#refreshing = undefined;
      });
    return this.#refreshing;
  }

  #keep(world: CredentialWorld): Promise<SentCredential> {
    this.#current = undefined;
    const making = this.#make(world);
    const made = making.then(({ sent }) => sent);
    void this.#watch(making, made);
    return made;
  }

  /** Remembers what came of it, unless a refresh has overtaken it. */
  async #watch(making: Promise<Made>, made: Promise<SentCredential>): Promise<void> {
    try {
      const current = await making;
      if (this.#kept === made) this.#current = current;
    } catch {
      // The caller has the error; whoever comes next asks again.
      if (this.#kept === made) this.#kept = undefined;
    }
  }

  /** Gets the next one while this one still holds. */
  async #renew(world: CredentialWorld, now: number): Promise<void> {
    if (this.#renewing || now < this.#renewAt) return;
    this.#renewing = true;
    const before = this.#kept;
    try {
      const current = await this.#make(world);
      // A refresh may have overtaken it.
      if (this.#kept !== before) return;
      this.#current = current;
      this.#kept = Promise.resolve(current.sent);
    } catch {
      // It is in nobody's way: this one holds on. Once it has expired, the error is a call's.
      this.#renewAt = world.clock.monotonic() + RENEW_AGAIN_MS;
    } finally {
      this.#renewing = false;
    }
  }

  async #make(world: CredentialWorld): Promise<Made> {
    if (this.#endpoint === undefined) {
      return { sent: await this.#read(), staleAt: Number.POSITIVE_INFINITY, expiresAt: Number.POSITIVE_INFINITY };
    }
    const { token, staleAt, expiresAt } = await this.#endpoint.token(world);
    return { sent: bearing(token, this.#path), staleAt, expiresAt };
  }

  /** Put together of the secrets as they stand now. */
  #read(): SentCredential | Promise<SentCredential> {
    const options = this.#options;
    const path = this.#path;
    switch (options.type) {
      case "bearer":
        return after(readSecret(options.token, `${path}.token`), (token) => bearing(token, `${path}.token`));
      case "basic":
        return after(readSecret(options.username, `${path}.username`), (username) =>
          after(readSecret(options.password, `${path}.password`), (password) => {
            const pair = base64(`${username}:${password}`);
            return { in: "header", name: "authorization", value: `Basic ${pair}`, secrets: [pair, password] };
          }),
        );
      case "header":
        return after(readSecret(options.value, `${path}.value`), (value) => ({
          in: "header",
          name: options.name,
          value: sendable(value, `${path}.value`),
          secrets: [value],
        }));
      case "query":
        return after(readSecret(options.value, `${path}.value`), (value) => ({
          in: "query",
          name: options.name,
          value,
          secrets: [value, encodeURIComponent(value), formEncoded(value)],
        }));
      case "oauth2":
        throw new TypeError("a token endpoint is asked, not read");
    }
  }
}

/** The URL as it goes over the wire: with the credential, where that stands in the query. */
export function urlWith(url: string, { in: place, name, value }: SentCredential): string {
  if (place === "header") return url;
  const full = new URL(url);
  full.searchParams.set(name, value);
  return full.href;
}

function bearing(token: string, path: string): SentCredential {
  return { in: "header", name: "authorization", value: `Bearer ${sendable(token, path)}`, secrets: [token] };
}

/** At once where the value is there: a hot path should not wait for what nobody has to get. */
function after<In, Out>(value: In | Promise<In>, then: (value: In) => Out | Promise<Out>): Out | Promise<Out> {
  return value instanceof Promise ? value.then(then) : then(value);
}

/** What a header can carry. The runtime's own error for anything else would show the value. */
function sendable(value: string, path: string): string {
  if (/^[\t -~\u0080-\u00ff]+$/.test(value)) return value;
  throw new ConfigError({ path, message: `${path} holds a line break or another character that no header can carry` });
}
