import { durationMs, type Duration } from "../core/duration.ts";
import { ConfigError } from "../core/errors.ts";
import { refuseUnknown } from "../core/options.ts";
import { shown } from "../core/shown.ts";
import { scopes, type Runtime } from "../engine/runtime.ts";
import type { Scope } from "../engine/scope.ts";

export interface TaskOptions {
  /** Retries that all calls inside share, nested ones too. */
  readonly retries: number;
  /** When all of it must be done, from now. @default none */
  readonly deadline?: Duration;
}

const OPTIONS = ["retries", "deadline"] satisfies (keyof TaskOptions)[];

/** Runs `fn` so that every call inside draws on one retry budget and ends by one deadline. */
export async function runTask<Value>(runtime: Runtime, options: TaskOptions, fn: () => Promise<Value>): Promise<Value> {
  refuseUnknown(options, OPTIONS, "task");
  if (!Number.isInteger(options.retries) || options.retries < 0) {
    throw new ConfigError({
      path: "task.retries",
      message: `task.retries is ${shown(options.retries)}; give how many retries all calls inside share, a whole number`,
    });
  }
  const parent = scopes.getStore();
  const own =
    options.deadline === undefined ? Number.POSITIVE_INFINITY : runtime.clock.monotonic() + durationMs(options.deadline, "task.deadline");
  const scope: Scope = { cutAt: Math.min(own, parent?.cutAt ?? Number.POSITIVE_INFINITY), retriesLeft: options.retries, parent };
  return await scopes.run(scope, fn);
}
