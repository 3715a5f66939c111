import { checkCallbacks, type CallbackOptions } from "../api/callback-options.ts";
import { ConfigError } from "../core/errors.ts";
import { shown } from "../core/shown.ts";

/** Callbacks as a config says them. */
export interface ConfiguredCallbacks extends CallbackOptions {
  /** Ranges that callbacks may reach though they are not public, such as `["10.1.0.0/16"]`. @default none */
  readonly allow?: readonly string[];
}

/** An address and how much of it counts; the transport looks closer. */
const RANGE = /^(?:\d{1,3}(?:\.\d{1,3}){3}\/(?:\d|[12]\d|3[0-2])|(?=[0-9a-f]*:)[0-9a-f:.]+\/\d{1,3})$/i;

/** What stands under `callbacks`. @throws ConfigError that names the place */
export function checkConfiguredCallbacks(options: unknown, path: string): asserts options is ConfiguredCallbacks {
  checkCallbacks(options, path, ["allow"] satisfies (keyof ConfiguredCallbacks)[]);
  const { allow } = options as { readonly allow?: unknown };
  if (allow === undefined || (Array.isArray(allow) && allow.every((range) => typeof range === "string" && RANGE.test(range)))) return;
  throw new ConfigError({
    path: `${path}.allow`,
    message: `${path}.allow is ${shown(allow)}; give ranges of addresses, such as ["10.1.0.0/16"]`,
  });
}
