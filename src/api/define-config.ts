import { ConfigError } from "../core/errors.ts";
import { refuseUnknown } from "../core/options.ts";
import { shown } from "../core/shown.ts";
import type { ApiOptions } from "./api-options.ts";
import { resolveApi } from "./resolve-api.ts";

/** What `holdfast.config.ts` or `holdfast.config.json` holds. */
export interface HoldfastConfig {
  /**
   * `sqlite:` and a path, relative to the config file; or `memory:`, which forgets. @default "sqlite:holdfast.db"
   */
  readonly store?: StoreUrl;
  /** The APIs, by the name that calls use. */
  readonly apis: Readonly<Record<string, ApiOptions>>;
}

export type StoreUrl = `sqlite:${string}` | "memory:";

/**
 * Says what a config file holds, and that it is right: a mistake is told by its path.
 *
 * @throws ConfigError that names the option by its path.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { defineConfig, env, bearer } from "holdfast";
 *
 * const config = defineConfig({
 *   store: "sqlite:holdfast.db",
 *   apis: { crm: { baseUrl: "https://api.example.com", profile: "crm", auth: bearer(env("CRM_TOKEN")) } },
 * });
 * assert.equal(config.apis.crm.profile, "crm");
 * ```
 */
export function defineConfig<const Config extends HoldfastConfig>(config: Config): Config {
  checkConfig(config);
  return config;
}

/** Whether something that was read is a config; throws what {@link defineConfig} throws. */
export function checkConfig(value: unknown): asserts value is HoldfastConfig {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new ConfigError({ path: "config", message: `the config is ${shown(value)}; give an object: { store, apis }` });
  }
  refuseUnknown(value, KEYS, "config");
  const { store, apis } = value as { readonly store?: unknown; readonly apis?: unknown };
  if (store !== undefined && !(typeof store === "string" && /^(?:sqlite:.+|memory:)$/.test(store))) {
    throw new ConfigError({
      path: "store",
      message: `store is ${shown(store)}; give "sqlite:" and a path, such as "sqlite:holdfast.db", or "memory:"`,
    });
  }
  if (typeof apis !== "object" || apis === null || Array.isArray(apis)) {
    throw new ConfigError({ path: "apis", message: `apis is ${shown(apis)}; give the APIs by name: { crm: { baseUrl: … } }` });
  }
  for (const [name, definition] of Object.entries(apis)) resolveApi(name, definition as ApiOptions);
}

const KEYS = ["store", "apis"] as const satisfies readonly (keyof HoldfastConfig)[];
