import type { StepSpec } from "../durable/pipeline/definition.ts";
import { resolveCallPolicy, type AttemptOptions, type CallPolicy } from "../engine/call-policy.ts";

/** Options of a step that has no API: it is tried once, and nothing is waited for. */
const LOCAL_DEFAULTS: AttemptOptions = { maxAttempts: 1 };

/** Checks a step's own policy, and lays it over that of its API. */
export function stepPolicy(
  { retry, timeout }: Pick<StepSpec["options"], "retry" | "timeout">,
  base: CallPolicy | undefined,
  path: string,
): CallPolicy {
  const own = resolveCallPolicy(
    { ...(base === undefined ? LOCAL_DEFAULTS : {}), ...retry, ...(timeout === undefined ? {} : { timeout }) },
    { retry: `${path}retry.`, timeout: `${path}timeout.`, rest: path },
  );
  const { maxAttempts, backoff, attemptTimeoutsMs } = base ?? own;
  return Object.freeze({
    maxHintMs: own.maxHintMs,
    ...base,
    maxAttempts: retry?.maxAttempts === undefined ? maxAttempts : own.maxAttempts,
    backoff: retry?.backoff === undefined ? backoff : own.backoff,
    attemptTimeoutsMs: timeout?.attempt === undefined ? attemptTimeoutsMs : own.attemptTimeoutsMs,
    totalMs: Number.POSITIVE_INFINITY,
    cutAtTotal: false,
    maxWaitMs: Number.POSITIVE_INFINITY,
  });
}
