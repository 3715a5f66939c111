import { ConfigError } from "../core/errors.ts";

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
 * for all calls that were refused together.
 */
export class Credential {
  readonly #options: AuthOptions;
  readonly #path: string;
  #header: Promise<readonly [string, string]> | undefined = undefined;
  #refreshing: Promise<void> | undefined = undefined;

  constructor(options: AuthOptions, path: string) {
    if (options.type !== "bearer" && options.type !== "basic" && options.type !== "header") {
      throw new ConfigError({
        path: `${path}.type`,
        message: `${path}.type is ${JSON.stringify((options as { type?: unknown }).type)}; give "bearer", "basic" or "header"`,
      });
    }
    this.#options = options;
    this.#path = path;
  }

  /** Name of the header that it goes into, in lower case. */
  get headerName(): string {
    return this.#options.type === "header" ? this.#options.name.toLowerCase() : "authorization";
  }

  /** Whether a refused credential can be replaced by asking its source again. */
  get refreshable(): boolean {
    return secretsOf(this.#options).some((source) => typeof source === "function");
  }

  /** The header to send. */
  header(): Promise<readonly [string, string]> {
    // Environment variables and literals are read each time; only what a function made is worth keeping.
    if (!this.refreshable) return this.#make();
    this.#header ??= this.#make().catch((error: unknown) => {
      this.#header = undefined;
      throw error;
    });
    return this.#header;
  }

  /** Forgets what was refused and asks the source again; those who come while it is asked share the answer. */
  refresh(): Promise<void> {
    this.#refreshing ??= (async () => {
      this.#header = undefined;
      await this.header();
    })().finally(() => {
      this.#refreshing = undefined;
    });
    return this.#refreshing;
  }

  async #make(): Promise<readonly [string, string]> {
    const options = this.#options;
    switch (options.type) {
      case "bearer":
        return ["authorization", `Bearer ${await read(options.token, `${this.#path}.token`)}`];
      case "basic": {
        const pair = `${await read(options.username, `${this.#path}.username`)}:${await read(options.password, `${this.#path}.password`)}`;
        return ["authorization", `Basic ${btoa(String.fromCharCode(...new TextEncoder().encode(pair)))}`];
      }
      case "header":
        return [options.name, await read(options.value, `${this.#path}.value`)];
    }
  }
}

function secretsOf(options: AuthOptions): readonly SecretSource[] {
  switch (options.type) {
    case "bearer":
      return [options.token];
    case "basic":
      return [options.username, options.password];
    case "header":
      return [options.value];
  }
}

async function read(source: SecretSource, path: string): Promise<string> {
  if (typeof source === "string") return source;
  if (typeof source === "function") return await source();
  const host = (globalThis as { process?: { env?: Record<string, string | undefined> } }).process;
  const value = host?.env?.[source.env];
  if (value === undefined || value === "") {
    throw new ConfigError({
      path,
      message: `${path} refers to the environment variable ${source.env}, which is not set; set it before the process starts`,
    });
  }
  return value;
}
