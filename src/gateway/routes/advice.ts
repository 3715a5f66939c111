import { z } from "zod";
import type { AppParts } from "../app.ts";
import { mayUse } from "../principal.ts";
import { ProblemError } from "../problem.ts";
import { json, route, type Route } from "../route.ts";

const advice = z.strictObject({
  id: z.string().describe("The same for the same advice, whatever its numbers"),
  kind: z.enum([
    "permanent-error",
    "rate-limit",
    "breaker",
    "retry-span",
    "attempts",
    "timeout",
    "idempotency",
    "nested-retries",
    "dead-letters",
  ]),
  api: z.string(),
  endpoint: z.string().optional(),
  confidence: z.enum(["high", "medium", "low"]),
  title: z.string(),
  evidence: z.array(z.string()).describe("Sentences with numbers"),
  numbers: z.record(z.string(), z.number()),
  config: z.strictObject({ under: z.string(), line: z.string() }).optional().describe("A line to paste, and where"),
  command: z.string().optional(),
  caution: z.string().optional(),
});

export function adviceRoute({ hf }: AppParts): Route {
  return route({
    method: "GET",
    path: "/v1/advice",
    scope: "read",
    id: "listAdvice",
    summary: "What the history of attempts speaks for: rules, limits and times to set",
    query: z.strictObject({ api: z.string().optional() }),
    answers: {
      200: {
        description: "Advice, the surest first.",
        schema: z.strictObject({
          items: z.array(advice),
          basis: z
            .strictObject({ attempts: z.number(), endpoints: z.number(), since: z.number().nullable(), until: z.number().nullable() })
            .describe("What it was drawn from"),
        }),
      },
    },
    handle: async ({ query: { api }, principal }) => {
      if (principal.bound)
        throw new ProblemError("forbidden", `the token ${principal.name} is bound to an account, and advice goes over all of them`);
      const { items, basis } = await hf.advice();
      const seen = items.filter((one) => (api === undefined || one.api === api) && mayUse(principal, one.api));
      return json({ items: seen, basis });
    },
  });
}
