import { refuseUnknown } from "../core/options.ts";
import { resolveCallPolicy } from "../engine/call-policy.ts";
import type { RetryConfig } from "./api-options.ts";

/** That it says how often and after what waits something is tried again. @throws ConfigError that names the option by its path */
export function checkRetry(retry: unknown, path: string): void {
  if (retry === undefined) return;
  refuseUnknown(retry, ["maxAttempts", "backoff"] satisfies (keyof RetryConfig)[], path);
  resolveCallPolicy(retry as RetryConfig, { retry: `${path}.`, timeout: `${path}.timeout.`, rest: `${path}.` });
}
