import { checkCallbacks, type CallbackOptions } from "../api/callback-options.ts";
import { ConfigError } from "../core/errors.ts";
import { shown } from "../core/shown.ts";

/** Callbacks as a config says them. */
export interface ConfiguredCallbacks extends CallbackOptions {
  /** Ranges that callbacks may reach though they are not public, such as `["10.1.0.0/16"]`. @default none */
  readonly allow?: readonly string[];
}

const BYTE = "(?:\\d|[1-9]\\d|1\\d\\d|2[0-4]\\d|25[0-5])";
const RANGE_4 = new RegExp(`^${BYTE}(?:\\.${BYTE}){3}/(?:\\d|[12]\\d|3[0-2])$`);
const RANGE_6 = /^([0-9a-f:.]*:[0-9a-f:.]*)\/(?:\d|[1-9]\d|1[01]\d|12[0-8])$/i;

/** An address, and how many bits of it count. */
function isRange(text: unknown): boolean {
  if (typeof text !== "string") return false;
  const address = RANGE_6.exec(text)?.[1];
  return address === undefined ? RANGE_4.test(text) : URL.canParse(`http://[${address}]/`);
}

/** What stands under `callbacks`. @throws ConfigError that names the place */
export function checkConfiguredCallbacks(options: unknown, path: string): asserts options is ConfiguredCallbacks {
  checkCallbacks(options, path, ["allow"] satisfies (keyof ConfiguredCallbacks)[]);
  const { allow } = options as { readonly allow?: unknown };
  if (allow === undefined || (Array.isArray(allow) && allow.every(isRange))) return;
  throw new ConfigError({
    path: `${path}.allow`,
    message: `${path}.allow is ${shown(allow)}; give ranges of addresses, such as ["10.1.0.0/16"]`,
  });
}
