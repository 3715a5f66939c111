import type { ResolvedApi } from "../api/resolve-api.ts";
import { formatMs } from "../core/duration.ts";
import type { DeadLetter } from "../ports/dead-letter-store.ts";
import { isIdempotent } from "./http-request.ts";

/** What has to be known about a letter before it is sent again. */
export interface LetterDoubt {
  /** Why sending it again may do twice what it does. */
  readonly because: string;
  /** The other side can be asked (`reconcile`). */
  readonly canAsk: boolean;
}

/**
 * Whether a letter may have happened, in a way that neither its method, nor its endpoint, nor its key makes harmless to repeat.
 * Undefined: it may be sent again without a thought. A key protects only as long as the other side remembers it.
 */
export function doubtOf(letter: DeadLetter, api: ResolvedApi, now: number): LetterDoubt | undefined {
  const { request, reason, attempts, idempotencyKey, firstAttemptAt, endpoint, state } = letter;
  const settings = api.settings(endpoint);
  if (request === undefined || settings.repeatable || isIdempotent(request.method)) return undefined;
  const mayHaveHappened =
    reason === "outcome-unknown" ||
    reason === "poison" ||
    // A replay has it, or had it when its process ended.
    state === "replaying" ||
    attempts.some(({ verdict }) => verdict.effect === "unknown");
  if (!mayHaveHappened) return undefined;
  const canAsk = settings.reconcile !== undefined;
  if (api.idempotency === undefined || idempotencyKey === undefined) {
    return { canAsk, because: `it may have happened, and ${api.name} does not dedupe by key` };
  }
  const age = now - firstAttemptAt;
  if (age <= api.idempotency.ttlMs) return undefined;
  return {
    canAsk,
    because: `it may have happened ${formatMs(age)} ago, and ${api.name} forgets keys after ${formatMs(api.idempotency.ttlMs)} (apis.${api.name}.idempotency.ttl)`,
  };
}
