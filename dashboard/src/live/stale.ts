import type { RouteName } from "../api/client.ts";

const COUNTS: readonly RouteName[] = ["GET /v1/stats", "GET /v1/stats/history"];
const LANES: readonly RouteName[] = ["GET /v1/lanes", "GET /v1/lanes/{lane}", "GET /v1/lanes/{lane}/history"];
const LETTERS: readonly RouteName[] = ["GET /v1/dead-letters/groups", "GET /v1/dead-letters/groups/{fingerprint}", "GET /v1/dead-letters"];
const OPERATIONS: readonly RouteName[] = ["GET /v1/operations", "GET /v1/operations/{id}"];

/** What each event makes stale. */
const STALE: Readonly<Record<string, readonly RouteName[]>> = {
  "retry:scheduled": COUNTS,
  "call:settled": COUNTS,
  "breaker:changed": [...LANES, "GET /v1/alerts"],
  "limiter:paused": LANES,
  "dead-letter:added": [...LETTERS, ...COUNTS],
  "operation:settled": [...OPERATIONS, ...COUNTS, ...LANES],
  "lanes:overflow": LANES,
};

/** The routes whose answers an event makes stale; none for one that is not known here. */
export function staleAfter(event: string): readonly RouteName[] {
  return STALE[event] ?? [];
}
