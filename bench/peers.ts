/** What Holdfast is measured against, each set up as its documentation does it. */
import * as cockatiel from "cockatiel";
import { Effect } from "effect";
import CircuitBreaker from "opossum";
import pRetry from "p-retry";

/** The work that a call does. */
export type Work = () => Promise<number>;

/** A way of calling, and of letting go of what it keeps. */
export interface Caller {
  call(work: Work): Promise<number>;
  close?(): void;
}

/** The loop that everybody writes first: four tries, a wait that doubles. */
export async function handWritten(work: Work, firstWaitMs = 200): Promise<number> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work();
    } catch (error) {
      if (attempt === 4) throw error;
      await new Promise((resolve) => setTimeout(resolve, firstWaitMs * 2 ** (attempt - 1)));
    }
  }
}

type Waits = "exponential" | "none";

export function cockatielRetry(waits: Waits = "exponential"): Caller {
  const policy = retryPolicy(waits);
  return { call: (work) => policy.execute(work) };
}

/** Retry, circuit breaker, timeout and bulkhead. There is no rate limit and no retry budget in it: cockatiel has none. */
export function cockatielWrap(waits: Waits = "exponential"): Caller {
  const policy = cockatiel.wrap(
    retryPolicy(waits),
    cockatiel.circuitBreaker(cockatiel.handleAll, { halfOpenAfter: 30_000, breaker: new cockatiel.ConsecutiveBreaker(5) }),
    cockatiel.timeout(30_000, cockatiel.TimeoutStrategy.Aggressive),
    cockatiel.bulkhead(200_000, 0),
  );
  return { call: (work) => policy.execute(work) };
}

function retryPolicy(waits: Waits): cockatiel.RetryPolicy {
  const backoff = waits === "none" ? new cockatiel.ConstantBackoff(0) : new cockatiel.ExponentialBackoff();
  return cockatiel.retry(cockatiel.handleAll, { maxAttempts: 3, backoff });
}

export function pRetryOf(waits: Waits = "exponential"): Caller {
  const options = waits === "none" ? { retries: 3, minTimeout: 0 } : { retries: 3 };
  return { call: (work) => pRetry(work, options) };
}

/** A circuit breaker with a timeout and a bound on calls in flight; opossum does not retry. */
export function opossum(): Caller {
  const breaker = new CircuitBreaker((work: Work) => work(), { timeout: 30_000, resetTimeout: 30_000, capacity: 200_000 });
  return { call: (work) => breaker.fire(work), close: () => breaker.shutdown() };
}

/** Retry over timeout; effect has no breaker of this kind, so it does less. */
export function effect(): Caller {
  return {
    call: (work) => Effect.runPromise(Effect.tryPromise(work).pipe(Effect.timeout("30 seconds"), Effect.retry({ times: 3 }))),
  };
}
