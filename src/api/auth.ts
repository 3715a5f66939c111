import { ConfigError } from "../core/errors.ts";
import { refuseUnknown } from "../core/options.ts";
import { shown } from "../core/shown.ts";
import { headerNameAt } from "./headers.ts";

/** Where a secret comes from: named, not written down, so that configs, dead letters and logs hold none. */
export type SecretSource = string | { readonly env: string } | (() => string | Promise<string>);

/** How calls to an API are authorised. */
export type AuthOptions =
  | { readonly type: "bearer"; readonly token: SecretSource }
  | { readonly type: "basic"; readonly username: SecretSource; readonly password: SecretSource }
  | { readonly type: "header"; readonly name: string; readonly value: SecretSource };

/**
 * A secret from the environment, read when it is sent; so a rotated one is found without a restart.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { bearer, env } from "holdfast";
 *
 * assert.deepEqual(bearer(env("CRM_TOKEN")), { type: "bearer", token: { env: "CRM_TOKEN" } });
 * ```
 */
export function env(name: string): { readonly env: string } {
  return { env: name };
}

/** `Authorization: Bearer …`. A function is asked once, and again after a 401: that is how a token is refreshed. */
export function bearer(token: SecretSource): AuthOptions {
  return { type: "bearer", token };
}

/**
 * The credential of one API. What a function gave is kept until the other side refuses it; the refresh that follows is one
 * for all calls that were refused together. No error text holds a secret.
 */
export class Credential {
  readonly #options: AuthOptions;
  readonly #path: string;
  /** What a function made, on its way or there. */
  #kept: Promise<readonly [string, string]> | undefined = undefined;
  /** The value in use, once it is there. */
  #current: string | undefined = undefined;
  #refreshing: Promise<void> | undefined = undefined;

  constructor(options: AuthOptions, path: string) {
    checkAuth(options, path);
    this.#options = options;
    this.#path = path;
  }

  /** Name of the header that it goes into, in lower case. */
  get headerName(): string {
    return this.#options.type === "header" ? this.#options.name.toLowerCase() : "authorization";
  }

  /** Whether a refused credential can be replaced by asking its source again. */
  get refreshable(): boolean {
    return secretsOf(this.#options).some(([, source]) => typeof source === "function");
  }

  /** The header to send. */
  header(): Promise<readonly [string, string]> {
    // Environment variables and literals are read each time; only what a function made is worth keeping.
    if (!this.refreshable) return this.#make();
    this.#kept ??= this.#keep();
    return this.#kept;
  }

  /**
   * Forgets what was refused and asks the source again; those who come while it is asked share the answer. `refused` is the
   * header's value that the other side did not take: a call that comes late, refused with what has been replaced since, asks nobody.
   */
  refresh(refused?: string): Promise<void> {
    if (this.#refreshing !== undefined) return this.#refreshing;
    if (refused !== undefined && this.#current !== undefined && this.#current !== refused) return Promise.resolve();
    this.#kept = undefined;
    this.#refreshing = this.header()
      .then(() => undefined)
      .finally(() => {
        this.#refreshing = undefined;
      });
    return this.#refreshing;
  }

  #keep(): Promise<readonly [string, string]> {
    this.#current = undefined;
    const made = this.#make();
    void this.#watch(made);
    return made;
  }

  /** Remembers what came of it, unless a refresh has overtaken it. */
  async #watch(made: Promise<readonly [string, string]>): Promise<void> {
    try {
      const [, value] = await made;
      if (this.#kept === made) this.#current = value;
    } catch {
      // The caller has the error; whoever comes next asks again.
      if (this.#kept === made) this.#kept = undefined;
    }
  }

  async #make(): Promise<readonly [string, string]> {
    const options = this.#options;
    const path = this.#path;
    switch (options.type) {
      case "bearer":
        return ["authorization", `Bearer ${sendable(await read(options.token, `${path}.token`), `${path}.token`)}`];
      case "basic": {
        const pair = `${await read(options.username, `${path}.username`)}:${await read(options.password, `${path}.password`)}`;
        return ["authorization", `Basic ${btoa(String.fromCharCode(...new TextEncoder().encode(pair)))}`];
      }
      case "header":
        return [options.name, sendable(await read(options.value, `${path}.value`), `${path}.value`)];
    }
  }
}

const SECRETS: Readonly<Record<AuthOptions["type"], readonly string[]>> = {
  bearer: ["token"],
  basic: ["username", "password"],
  header: ["value"],
};

function secretsOf(options: AuthOptions): readonly (readonly [name: string, source: unknown])[] {
  return SECRETS[options.type].map((name) => [name, (options as unknown as Record<string, unknown>)[name]]);
}

function checkAuth(options: AuthOptions, path: string): void {
  const type: unknown = (options as { type?: unknown } | null)?.type;
  if (typeof type !== "string" || !Object.hasOwn(SECRETS, type)) {
    throw new ConfigError({ path: `${path}.type`, message: `${path}.type is ${shown(type)}; give "bearer", "basic" or "header"` });
  }
  refuseUnknown(options, ["type", ...SECRETS[options.type], ...(options.type === "header" ? ["name"] : [])], path);
  if (options.type === "header") headerNameAt(options.name, `${path}.name`);
  for (const [name, source] of secretsOf(options)) checkSecret(source, `${path}.${name}`);
}

/** That there is a source; what it gives is looked at when it is sent. A secret is never shown, not even a wrong one. */
function checkSecret(source: unknown, path: string): void {
  if (typeof source === "function" || (typeof source === "string" && source !== "")) return;
  if (typeof source === "object" && source !== null) {
    refuseUnknown(source, ["env"], path);
    const { env: name } = source as { env?: unknown };
    if (typeof name === "string" && name !== "") return;
    throw new ConfigError({ path: `${path}.env`, message: `${path}.env is ${shown(name)}; give the name of an environment variable` });
  }
  const what = source === "" ? "empty" : source === undefined ? "missing" : `a ${typeof source}`;
  throw new ConfigError({
    path,
    message: `${path} is ${what}; name an environment variable, { env: "NAME" }, or give a function that gets the secret`,
  });
}

async function read(source: SecretSource, path: string): Promise<string> {
  if (typeof source === "object") return fromEnvironment(source.env, path);
  const value: unknown = typeof source === "function" ? await source() : source;
  if (typeof value === "string" && value !== "") return withoutLineEnd(value);
  throw new ConfigError({
    path,
    message: `${path} is a function that gave ${value === "" ? "an empty text" : typeof value}; it must give the secret as a text`,
  });
}

function fromEnvironment(name: string, path: string): string {
  const host = (globalThis as { process?: { env?: Record<string, string | undefined> } }).process;
  const value = host?.env?.[name];
  if (value === undefined || value === "") {
    throw new ConfigError({
      path,
      message: `${path} refers to the environment variable ${name}, which is not set; set it before the process starts`,
    });
  }
  return withoutLineEnd(value);
}

/** Secrets come out of files, and files end with a line end. */
function withoutLineEnd(value: string): string {
  return value.replace(/[\r\n]+$/, "");
}

/** What a header can carry. The runtime's own error for anything else would show the value. */
function sendable(value: string, path: string): string {
  if (/^[\t -~\u0080-\u00ff]+$/.test(value)) return value;
  throw new ConfigError({ path, message: `${path} holds a line break or another character that no header can carry` });
}
