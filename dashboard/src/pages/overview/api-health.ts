import type { Answer, Item } from "../../api/client.ts";
import type { Health } from "../../ui/states.ts";

type Counts = Answer<"GET /v1/stats">["total"];

/** How one API does. */
export interface ApiHealth {
  readonly api: string;
  readonly health: Health;
  readonly calls: number;
  readonly errorRate: number;
  readonly retryRate: number;
  readonly deadLetters: number;
  readonly lanes: number;
  readonly openBreakers: number;
  readonly waiting: number;
}

const DOWN = 0.1;
const DEGRADED = 0.02;
const MANY_RETRIES = 0.05;

/** Every API that has lanes or was called, by name. The bounds are those of the default alerts. */
export function healthOf(apis: Readonly<Record<string, Counts>>, lanes: readonly Item<"GET /v1/lanes">[]): readonly ApiHealth[] {
  const names = new Set([...Object.keys(apis), ...lanes.map(({ api }) => api)].filter((name) => name !== ""));
  return [...names].sort().map((api) => {
    const own = lanes.filter((lane) => lane.api === api);
    const { calls = 0, failed = 0, retries = 0, deadLetters = 0 } = apis[api] ?? {};
    const openBreakers = own.filter(({ breaker }) => breaker === "open" || breaker === "half-open").length;
    const errorRate = calls === 0 ? 0 : failed / calls;
    const retryRate = calls === 0 ? 0 : Math.min(1, retries / calls);
    const waiting = own.reduce((sum, { queue, waiting: inline }) => sum + queue.due + queue.parked + inline, 0);
    const health =
      openBreakers > 0 || errorRate > DOWN
        ? "failing"
        : errorRate > DEGRADED || retryRate > MANY_RETRIES
          ? "degraded"
          : calls === 0
            ? "quiet"
            : "healthy";
    return { api, health, calls, errorRate, retryRate, deadLetters, lanes: own.length, openBreakers, waiting };
  });
}
