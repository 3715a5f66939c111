import type { Fenced } from "../../../ports/idempotency-store.ts";
import { isUnknown } from "./fault.ts";

/** Requests whose answers were lost and that are remembered until somebody asks again. */
const REMEMBERED = 10_000;

/** The keys of rows. */
type Keys = readonly (readonly [key: string])[];

/** A fenced change of one kind, in batches in which no key occurs twice. */
export interface FencedChange<Request> {
  /** What the row of a request is found by. */
  readonly keyOf: (request: Request) => string;
  /** Tells a request from any other of the same key. */
  readonly nameOf: (request: Request) => string;
  /** Does it, as far as the fences hold; answers the keys of what was changed. */
  readonly apply: (requests: readonly Request[]) => Promise<Keys>;
  /** The keys of what stands exactly as asked. */
  readonly standing: (requests: readonly Request[]) => Promise<Keys>;
}

/**
 * Makes asking again harmless where a change ends what it is fenced by, so that the second time it would be stale: where an
 * answer was lost, it is asked for once more, and what is found to stand was applied.
 */
export function surviving<Request>(change: FencedChange<Request>): (requests: readonly Request[]) => Promise<readonly Fenced[]> {
  const { keyOf } = change;
  const doubtful = new Set<string>();
  const nameOf = (request: Request): string => `${keyOf(request)} ${change.nameOf(request)}`;

  const ask = async (requests: readonly Request[]): Promise<readonly Fenced[]> => {
    const applied = new Set((await change.apply(requests)).map(([key]) => key));
    const stale = requests.filter((request) => !applied.has(keyOf(request)) && doubtful.has(nameOf(request)));
    if (stale.length > 0) for (const [key] of await change.standing(stale)) applied.add(key);
    for (const request of requests) doubtful.delete(nameOf(request));
    return requests.map((request) => (applied.has(keyOf(request)) ? "applied" : "stale"));
  };

  return async (requests) => {
    for (let tries = 1; ; tries += 1) {
      try {
        return await ask(requests);
      } catch (error) {
        if (!isUnknown(error)) throw error;
        if (doubtful.size >= REMEMBERED) doubtful.clear();
        for (const request of requests) doubtful.add(nameOf(request));
        if (tries === 2) throw error;
      }
    }
  };
}
