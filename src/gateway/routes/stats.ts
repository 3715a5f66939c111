import { z } from "zod";
import { durationMs, type Duration } from "../../core/duration.ts";
import type { AppParts } from "../app.ts";
import { mayUse } from "../principal.ts";
import { ProblemError } from "../problem.ts";
import { json, route, type Route } from "../route.ts";
import { LONGEST_WINDOW_MS, none, type StatsWindow } from "../stats-window.ts";

const counts = z.strictObject({
  calls: z.number().describe("Calls and queued operations that ended"),
  succeeded: z.number(),
  failed: z.number(),
  refused: z.number(),
  replayed: z.number(),
  retries: z.number(),
  deadLetters: z.number(),
});

export function statsRoutes({ hf }: AppParts, stats: StatsWindow): readonly Route[] {
  return [
    route({
      method: "GET",
      path: "/v1/stats",
      scope: "read",
      id: "getStats",
      summary: "What this process did lately, by API, and what stands in the queue",
      query: z.strictObject({ window: z.string().default("5m").describe('Such as "1m" or "1h", which is the longest') }),
      answers: {
        200: {
          description: "Counts.",
          schema: z.strictObject({
            windowMs: z.number(),
            apis: z.record(z.string(), counts),
            total: counts,
            operations: z.record(z.string(), z.number()).optional().describe("By state; left out where the token does not see all of them"),
          }),
        },
      },
      handle: async ({ query, principal }) => {
        const windowMs = durationMs(query.window as Duration, "query.window");
        if (windowMs < 1 || windowMs > LONGEST_WINDOW_MS) {
          throw new ProblemError("invalid-request", `query.window is ${query.window}; give more than nothing and at most 1h`);
        }
        if (principal.bound)
          throw new ProblemError("forbidden", `the token ${principal.name} is bound to an account, and statistics go over all of them`);
        const seen = [...stats.over(windowMs)].filter(([api]) => mayUse(principal, api));
        const total = none();
        for (const [, one] of seen) for (const name of Object.keys(total) as (keyof typeof total)[]) total[name] += one[name];
        const operations = principal.apis === undefined ? { operations: await hf.operations.stats() } : {};
        return json({ windowMs, apis: Object.fromEntries(seen), total, ...operations });
      },
    }),
  ];
}
