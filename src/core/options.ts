import { ConfigError } from "./errors.ts";
import { shown } from "./shown.ts";

/**
 * Refuses what is not an object of options, and options that nobody knows: what is accepted and has no effect is a fault that
 * only shows on the day it was meant for.
 */
export function refuseUnknown(given: unknown, known: readonly string[], path: string): void {
  if (typeof given !== "object" || given === null || Array.isArray(given)) {
    throw new ConfigError({ path, message: `${path} is ${shown(given)}, which is not an object of options` });
  }
  const unknown = Object.keys(given).find((key) => !known.includes(key));
  if (unknown !== undefined) {
    throw new ConfigError({
      path: `${path}.${unknown}`,
      message: `${path}.${unknown} is not an option; known are ${known.join(", ")}`,
    });
  }
}
