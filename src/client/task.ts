import { durationMs, type Duration } from "../core/duration.ts";
import { ConfigError } from "../core/errors.ts";
import { scopes, type Runtime } from "../engine/runtime.ts";
import type { Scope } from "../engine/scope.ts";

export interface TaskOptions {
  /** Retries that all calls inside share, nested ones too. */
  readonly retries: number;
  /** When all of it must be done, from now. @default none */
  readonly deadline?: Duration;
}

/** Runs `fn` so that every call inside draws on one retry budget and ends by one deadline. */
export function runTask<Value>(runtime: Runtime, options: TaskOptions, fn: () => Promise<Value>): Promise<Value> {
  if (!Number.isInteger(options.retries) || options.retries < 0) {
    throw new ConfigError({ path: "retries", message: `retries is ${options.retries}; give a whole number of at least 0` });
  }
  const parent = scopes.getStore();
  const own =
    options.deadline === undefined ? Number.POSITIVE_INFINITY : runtime.clock.monotonic() + durationMs(options.deadline, "deadline");
  const scope: Scope = { cutAt: Math.min(own, parent?.cutAt ?? Number.POSITIVE_INFINITY), retriesLeft: options.retries, parent };
  return scopes.run(scope, fn);
}
