import type { AttemptContext } from "../engine/call.ts";
import { Call } from "../engine/call.ts";
import { resolveCallPolicy, type AttemptOptions, type CallPolicy } from "../engine/call-policy.ts";
import { run } from "../engine/lifecycle.ts";
import type { Runtime } from "../engine/runtime.ts";
import { compileRules, type Rule } from "../policy/classify/rule.ts";
import { FunctionWork } from "../engine/function-work.ts";
import { PLAIN_CLASSIFIER, type Classifier } from "../policy/classify/classify.ts";
import { runtimeFor, type Environment } from "./environment.ts";
import { ATTEMPT_NAMES, checkEnvironment, checkFunction, checkSignal, checkTimeout } from "./options.ts";
import { OptionsMemo } from "./options-memo.ts";

export interface RetryOptions extends AttemptOptions, Environment {
  /** Whether an error that could be retried is worth it. It is asked after classification: what is permanent stays so. */
  readonly retryIf?: (error: unknown, attempt: number) => boolean;
  /** Rules that judge errors before the built-in table does. */
  readonly classify?: readonly Rule[];
  /** Ends every wait and every attempt; the call rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** What `retry()` reads of its options, but for what differs from call to call. */
interface RetryPlan {
  readonly policy: CallPolicy;
  readonly runtime: Runtime;
  readonly work: FunctionWork<unknown>;
}

const DEFAULTS: RetryOptions = Object.freeze({});

/**
 * Calls `fn` until it succeeds, a retry cannot help, or attempts, time or a budget run out; then the last error surfaces as it
 * is, and `explain(error)` tells why it ended. Times are ms or strings (`"30s"`).
 *
 * Inside another `retry()`, `hf.call()` or `task()` the retries of all layers draw on one budget, and an error that a loop
 * further down has given up on is not tried again.
 *
 * @throws whatever `fn` threw last; `TimeoutError` or `DeadlineError` when time ran out; the signal's reason when aborted;
 * `ConfigError` for options that make no sense.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { retry } from "holdfast";
 *
 * let calls = 0;
 * const value = await retry(async ({ attempt }) => {
 *   calls += 1;
 *   if (attempt < 3) throw new Error("not yet");
 *   return 42;
 * }, { maxAttempts: 4, backoff: { base: 1, cap: 5 } });
 * assert.equal(value, 42);
 * assert.equal(calls, 3);
 * ```
 */
export function retry<Value>(fn: (context: AttemptContext) => Promise<Value> | Value, options: RetryOptions = DEFAULTS): Promise<Value> {
  try {
    const { policy, runtime, work } = plans.of(options);
    const { signal, retryIf } = options;
    if (signal !== undefined) checkSignal(signal, "retry.signal");
    if (retryIf !== undefined) checkFunction(retryIf, "retry.retryIf", "a function that answers true for an error worth a retry");
    const details = signal === undefined && retryIf === undefined ? LAZY : { lazyScope: true, signal, retryIf };
    return run(new Call(runtime, policy, work as FunctionWork<Value>, fn, details));
  } catch (error) {
    return Promise.reject(error);
  }
}

/** Checks the options, where they are given long before the first call. */
export function checkRetryOptions(options: RetryOptions): void {
  plans.of(options);
}

const LAZY: { readonly lazyScope: true } = Object.freeze({ lazyScope: true });

const plans = new OptionsMemo<RetryOptions, RetryPlan>(planOf, {
  ofTheCall: ["signal", "retryIf"],
  data: ["timeout", "backoff", "classify"],
});

const OWN: readonly string[] = [...ATTEMPT_NAMES, "retryIf", "classify", "signal"] satisfies (keyof RetryOptions | string)[];

function planOf(options: RetryOptions): RetryPlan {
  checkEnvironment(options, OWN, "retry");
  checkTimeout(options.timeout, "retry.timeout");
  const classifier: Classifier =
    options.classify === undefined ? PLAIN_CLASSIFIER : { rules: compileRules(options.classify, "retry.classify"), hintHeaders: [] };
  const runtime = runtimeFor(options);
  return {
    policy: resolveCallPolicy(options, { retry: "retry.", timeout: "retry.timeout.", rest: "retry." }),
    runtime,
    work: new FunctionWork(classifier, runtime),
  };
}
