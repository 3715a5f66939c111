import { z } from "zod";
import { addTotals, noTotals } from "../../signals/history/counts.ts";
import { durationMs } from "../../core/duration.ts";
import type { AppParts } from "../app.ts";
import { mayUse, refuseAccount } from "../principal.ts";
import { json, route, type Route } from "../route.ts";
import { historyOf, totals, windowOf } from "./history.ts";

const counts = z.strictObject(totals);

export function statsRoute({ hf }: AppParts): Route {
  return route({
    method: "GET",
    path: "/v1/stats",
    scope: "read",
    id: "getStats",
    summary: "What happened lately, by API, over all processes that share the store, and what stands in the queue",
    query: z.strictObject({ window: z.string().default("5m").describe('Such as "1m" or "24h", which is the longest') }),
    answers: {
      200: {
        description: "Counts, to within a step of ten seconds, or beyond an hour of five minutes.",
        schema: z.strictObject({
          windowMs: z.number(),
          apis: z.record(z.string(), counts),
          total: counts,
          operations: z.record(z.string(), z.number()).optional().describe("By state; left out where the token does not see all of them"),
        }),
      },
    },
    handle: async ({ query, principal }) => {
      refuseAccount(principal, "statistics go");
      const window = windowOf(query.window);
      const seen = [...(await historyOf(hf).totals({ window }))].filter(([api]) => mayUse(principal, api));
      const total = noTotals();
      for (const [, one] of seen) addTotals(total, one);
      const operations = principal.apis === undefined ? { operations: await hf.operations.stats() } : {};
      return json({ windowMs: durationMs(window, "query.window"), apis: Object.fromEntries(seen), total, ...operations });
    },
  });
}
