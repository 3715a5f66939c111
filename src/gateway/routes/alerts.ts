import { z } from "zod";
import type { AppParts } from "../app.ts";
import { refusePart } from "../principal.ts";
import { json, route, type Route } from "../route.ts";

const alert = z.strictObject({
  rule: z.string(),
  subject: z.string().describe("What it is about, such as `crm POST /contacts`"),
  tier: z.string(),
  since: z.number(),
  value: z.number().describe("In the rule's own unit"),
  words: z.string(),
});

export function alertsRoute({ hf }: AppParts): Route {
  return route({
    method: "GET",
    path: "/v1/alerts",
    scope: "read",
    id: "listAlerts",
    summary: "What fires now, the most urgent first",
    answers: {
      200: {
        description: "Alerts; `watching` is false where the config has none.",
        schema: z.strictObject({ watching: z.boolean(), items: z.array(alert) }),
      },
    },
    handle: async ({ principal }) => {
      refusePart(principal, "alerts go");
      const firing = hf.alerts?.firing() ?? [];
      const items = firing.map(({ rule, subject, tier, since, value, words }) => ({ rule, subject, tier, since, value, words }));
      return json({ watching: hf.alerts !== undefined, items });
    },
  });
}
