import { ConfigError } from "../core/errors.ts";
import { refuseUnknown } from "../core/options.ts";
import { shown } from "../core/shown.ts";
import { resolveWorkerOptions, type WorkerOptions } from "../engine/worker-options.ts";
import { API_NAME } from "../api/api-name.ts";
import type { ApiOptions } from "../api/api-options.ts";
import { resolveGatewayOptions, type GatewayOptions } from "../api/gateway-options.ts";
import { checkDeadLetterOptions, type DeadLetterOptions } from "../api/letter-webhook-options.ts";
import { resolveApi, type ResolvedApi } from "../api/resolve-api.ts";
import type { SecretReference } from "../api/secret.ts";
import { checkStore, type StoreUrl } from "../api/store-url.ts";
import { checkTokens, type TokenOptions } from "../api/token-options.ts";
import { resolveAlertOptions, type AlertOptions } from "./alert-options.ts";
import { checkConfiguredCallbacks, type ConfiguredCallbacks } from "./configured-callbacks.ts";
import { checkInboxes, type ConfiguredInbox } from "./configured-inboxes.ts";

/** What `holdfast.config.ts` or `holdfast.config.json` holds. */
export interface HoldfastConfig {
  /** Where what must outlive a call is kept, or where a secret stands that says so. @default "sqlite:holdfast.db" */
  readonly store?: StoreUrl | SecretReference;
  /** The APIs, by the name that calls use; in the gateway, the name in `/to/{name}/…`. */
  readonly apis: Readonly<Record<string, ApiOptions>>;
  /** Who may use the gateway. Without any it listens on this machine only, and anybody there may. */
  readonly tokens?: readonly TokenOptions[];
  /** Pipelines, made with `definePipeline()`: their dead letters can be replayed, and their runs go on; for configs in TypeScript. */
  readonly pipelines?: readonly NamedPipeline[];
  /** How the queue's worker works. */
  readonly worker?: WorkerOptions;
  /** What `holdfast serve` asks of those who come to it. */
  readonly gateway?: GatewayOptions;
  /** What is done about dead letters as they come. */
  readonly deadLetters?: DeadLetterOptions;
  /** Webhooks that `holdfast serve` takes, by their source: the name in `/in/{source}`. */
  readonly inboxes?: Readonly<Record<string, ConfiguredInbox>>;
  /** What `holdfast serve` watches, and who is told. */
  readonly alerts?: AlertOptions;
  /** How `holdfast serve` tells the ends of operations to the URLs that they name; they reach public addresses only. */
  readonly callbacks?: ConfiguredCallbacks;
}

/** What a config can see of a pipeline; the engine checks the rest. */
export interface NamedPipeline {
  readonly name: string;
  readonly version: string;
}

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
 *   tokens: [{ name: "ops", token: env("OPS_TOKEN"), scopes: ["call", "read", "operate"] }],
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
  refuseUnknown(value, [...KEYS, "$schema"], "config");
  const { store, apis, tokens, pipelines, worker, gateway, deadLetters, inboxes, alerts, callbacks, $schema } = value as Readonly<
    Record<string, unknown>
  >;
  if ($schema !== undefined && typeof $schema !== "string") {
    throw new ConfigError({
      path: "$schema",
      message: `$schema is ${shown($schema)}; give the schema's address, for editors, or leave it out`,
    });
  }
  refuseNull(value, "");
  if (store !== undefined) checkStore(store, "store");
  if (typeof apis !== "object" || apis === null || Array.isArray(apis)) {
    throw new ConfigError({ path: "apis", message: `apis is ${shown(apis)}; give the APIs by name: { crm: { baseUrl: … } }` });
  }
  const resolved = new Map<string, ResolvedApi>();
  for (const [name, definition] of Object.entries(apis)) {
    checkApiName(name);
    resolved.set(name, resolveApi(name, definition as ApiOptions));
  }
  if (tokens !== undefined) checkTokens(tokens, Object.keys(apis), "tokens");
  if (pipelines !== undefined && !Array.isArray(pipelines)) {
    throw new ConfigError({ path: "pipelines", message: `pipelines is ${shown(pipelines)}; give a list of what definePipeline() made` });
  }
  if (worker !== undefined) resolveWorkerOptions(worker as WorkerOptions, "worker");
  if (gateway !== undefined) resolveGatewayOptions(gateway as GatewayOptions, "gateway");
  if (deadLetters !== undefined) checkDeadLetterOptions(deadLetters, "deadLetters");
  if (inboxes !== undefined) checkInboxes(inboxes, resolved, "inboxes");
  if (alerts !== undefined) resolveAlertOptions(alerts as AlertOptions, "alerts");
  if (callbacks !== undefined) checkConfiguredCallbacks(callbacks, "callbacks");
}

/** `null` would pass for a choice and mean the default. Only a rule may ask for it: that a field of a body `is` null. */
function refuseNull(value: unknown, path: string): void {
  if (value === null) throw new ConfigError({ path, message: `${path} is null; leave it out for its default` });
  // What is no plain object was made by code, which has its own checks.
  if (Array.isArray(value)) for (const [index, part] of value.entries()) refuseNull(part, `${path}[${index}]`);
  else if (typeof value === "object" && Object.getPrototypeOf(value) === Object.prototype) {
    for (const [name, part] of Object.entries(value)) {
      if (name === "is" && path.endsWith(".body")) continue;
      refuseNull(part, path === "" ? name : path.endsWith(".endpoints") ? `${path}["${name}"]` : `${path}.${name}`);
    }
  }
}

const KEYS = [
  "store",
  "apis",
  "tokens",
  "pipelines",
  "worker",
  "gateway",
  "deadLetters",
  "inboxes",
  "alerts",
  "callbacks",
] as const satisfies readonly (keyof HoldfastConfig)[];

function checkApiName(name: string): void {
  if (API_NAME.test(name)) return;
  throw new ConfigError({
    path: `apis.${name}`,
    message: `apis has an API named ${shown(name)}; give up to 64 letters and digits, with ".", "_" or "-" between them: the name stands in the gateway's paths`,
  });
}
