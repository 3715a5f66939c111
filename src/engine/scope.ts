/**
 * What a nested call inherits: a deadline, and retries that it shares with everything around it. A call in flight is a scope
 * for what its function calls; `task()` opens one of its own.
 */
export interface Scope {
  /** When everything inside must have ended, where somebody asked for that; else Infinity. Monotonic ms of the runtime's clock. */
  readonly cutAt: number;
  /** Retries that may still be made inside. */
  retriesLeft: number;
  readonly parent: Scope | undefined;
}

/** Retries that every scope around (and this one) still allows. */
export function retriesAllowed(scope: Scope | undefined): number {
  let least = Number.POSITIVE_INFINITY;
  for (let current = scope; current !== undefined; current = current.parent) least = Math.min(least, current.retriesLeft);
  return least;
}

/** Takes one retry from this scope and all around it. */
export function spendRetry(scope: Scope | undefined): void {
  for (let current = scope; current !== undefined; current = current.parent) current.retriesLeft -= 1;
}
