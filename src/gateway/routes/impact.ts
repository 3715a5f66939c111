import { z } from "zod";
import { durationMs, type Duration } from "../../core/duration.ts";
import type { AppParts } from "../app.ts";
import { maySee } from "../principal.ts";
import { ProblemError } from "../problem.ts";
import { json, route, type Route } from "../route.ts";

const item = z.strictObject({
  value: z.string().nullable().describe("Null: operations without the label"),
  waiting: z.strictObject({
    count: z.number(),
    apis: z.array(z.strictObject({ api: z.string(), count: z.number(), since: z.number(), because: z.string() })),
  }),
  needsPerson: z.strictObject({
    count: z.number().describe("Open dead letters"),
    unknown: z.number().describe("Of these nobody knows whether it happened"),
    apis: z.array(z.strictObject({ api: z.string(), count: z.number(), unknown: z.number(), firstAt: z.number(), lastAt: z.number() })),
  }),
  text: z.string().describe("The same in a sentence"),
});

const LONGEST_MS = 90 * 86_400_000;

/** Counts what the token may see, and nothing else. */
export function impactRoute({ hf }: AppParts): Route {
  return route({
    method: "GET",
    path: "/v1/impact",
    scope: "read",
    id: "getImpact",
    summary: "Whom failures and waits concern, by a label, in numbers and in words",
    query: z.strictObject({
      label: z.string().min(1).max(128).describe("Whose values are told apart, such as `campaign`"),
      of: z.string().min(1).max(128).optional().describe("Whose values are counted, such as `lead`; left out: operations"),
      window: z.string().default("24h").describe("Dead letters of this long; what waits now counts whenever it was accepted"),
    }),
    answers: {
      200: {
        description: "At most a hundred values, those whom most hangs on first.",
        schema: z.strictObject({
          label: z.string(),
          of: z.string().nullable(),
          windowMs: z.number(),
          at: z.number(),
          atLeast: z.boolean().describe("There was more than was looked at (the newest 3,000 of each kind)"),
          items: z.array(item),
          next: z.null(),
        }),
      },
    },
    handle: async ({ query: { label, of, window }, principal }) => {
      const windowMs = durationMs(window as Duration, "query.window");
      if (windowMs < 1 || windowMs > LONGEST_MS)
        throw new ProblemError("invalid-request", `query.window is ${window}; give at most 90d, and more than nothing`);
      const where = (one: { readonly api: string; readonly partition: string }): boolean => maySee(principal, one);
      const report = await hf.impact({ label, ...(of === undefined ? {} : { of }), window: windowMs, where });
      return json({ ...report, next: null });
    },
  });
}
