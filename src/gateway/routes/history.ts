import { z } from "zod";
import type { History } from "../../client/history.ts";
import { durationMs, type Duration } from "../../core/duration.ts";
import type { LaneKey } from "../../ports/operation-store.ts";
import type { Totals } from "../../signals/history/counts.ts";
import { LONGEST_MS } from "../../signals/history/reading.ts";
import type { AppParts } from "../app.ts";
import type { LaneHolds } from "../lane-holds.ts";
import { maySee, mayUse, refuseAccount } from "../principal.ts";
import { ProblemError } from "../problem.ts";
import { json, route, type Route } from "../route.ts";

/** What is counted of calls. */
export const totals: Readonly<Record<keyof Totals, z.ZodNumber>> = {
  calls: z.number().describe("Calls and queued operations that ended"),
  succeeded: z.number(),
  failed: z.number(),
  refused: z.number(),
  replayed: z.number(),
  attempts: z.number(),
  retries: z.number(),
  deadLetters: z.number(),
};

const point = {
  at: z.number().describe("When the step began"),
  ...totals,
  verdicts: z.record(z.string(), z.number()).describe("Attempts by the kind of their verdict: `success`, `throttled`, `transient`, …"),
  p50: z.number().nullable().describe("Latency of attempts in ms, within an eighth; null where there were none"),
  p95: z.number().nullable(),
};
const stretch = {
  from: z.number(),
  to: z.number().describe("The end of the step that is under way"),
  stepMs: z.number(),
};
const standing = z
  .strictObject({
    due: z.number(),
    leased: z.number(),
    parked: z.number(),
    oldestDueAt: z.number().optional(),
    openDeadLetters: z.number(),
  })
  .nullable()
  .describe("What stood in the store at the end of the step; null before anybody looked");
const change = z.strictObject({
  at: z.number(),
  from: z.string(),
  to: z.string(),
  because: z.string(),
  retryAfterMs: z.number().describe("When a probe might go, from `at` on"),
  process: z.string().describe("Whose breaker it was"),
});
const act = z.strictObject({
  at: z.number(),
  what: z.enum(["open", "closed", "paused", "auto", "resumed"]),
  by: z.string(),
  why: z.string().optional(),
  until: z.number().optional(),
});

const window = z.string().default("1h").describe('Such as "15m", "1h", or "24h", which is the longest');

/** The history of an engine that keeps one, as the gateway's does. @throws ProblemError */
export function historyOf({ history }: AppParts["hf"]): History {
  if (history !== undefined) return history;
  throw new ProblemError("not-found", "no history is kept here: the engine was opened with history: false, or without a store");
}

/** @throws ProblemError, ConfigError */
export function windowOf(given: string): Duration {
  const ms = durationMs(given as Duration, "query.window");
  if (ms >= 1 && ms <= LONGEST_MS) return ms;
  throw new ProblemError("invalid-request", `query.window is ${given}; give more than nothing and at most 24h, for which history is kept`);
}

export function historyRoutes({ hf }: AppParts, holds: LaneHolds, laneOf: (id: string) => LaneKey): readonly Route[] {
  return [
    route({
      method: "GET",
      path: "/v1/stats/history",
      scope: "read",
      id: "getStatsHistory",
      summary: "What happened in steps of time, by API, over all processes that share the store",
      query: z.strictObject({ window, api: z.string().optional() }),
      answers: {
        200: {
          description: "At most 181 steps of each API, the last one under way.",
          schema: z.strictObject({
            ...stretch,
            items: z.array(z.strictObject({ api: z.string(), points: z.array(z.strictObject({ ...point, standing })) })),
            next: z.null(),
          }),
        },
      },
      handle: async ({ query, principal }) => {
        refuseAccount(principal, "statistics go");
        const { items, ...told } = await historyOf(hf).apis({ window: windowOf(query.window) });
        const seen = items.filter(({ api }) => mayUse(principal, api) && (query.api === undefined || query.api === api));
        return json({ ...told, items: seen, next: null });
      },
    }),
    route({
      method: "GET",
      path: "/v1/lanes/{lane}/history",
      scope: "read",
      id: "getLaneHistory",
      summary: "What happened in a lane: its breaker, what operators did, and how attempts came out",
      query: z.strictObject({ window }),
      answers: {
        200: {
          description: "Steps of time, changes and acts, oldest first.",
          schema: z.strictObject({
            id: z.string(),
            ...stretch,
            points: z.array(z.strictObject(point)),
            changes: z.array(change),
            acts: z.array(act).describe("What operators did within the window"),
          }),
        },
      },
      handle: async ({ params, query, principal }) => {
        const id = params["lane"] as string;
        const lane = laneOf(id);
        if (!maySee(principal, lane)) throw new ProblemError("not-found", `there is no lane ${JSON.stringify(id.slice(0, 200))}`);
        const [told, acts] = await Promise.all([historyOf(hf).lane(lane, { window: windowOf(query.window) }), holds.acts(lane)]);
        return json({
          id,
          ...told,
          changes: told.changes.map(({ at, from, to, because, retryAfterMs, process }) => ({
            at,
            from,
            to,
            because,
            retryAfterMs,
            process,
          })),
          acts: acts.filter(({ at }) => at >= told.from),
        });
      },
    }),
  ];
}
