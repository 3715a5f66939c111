import { z } from "zod";
import type { Admin } from "../admin.ts";
import { AlertBook } from "../../signals/alerts/book.ts";
import { RULE_NAMES, type AlertRuleName } from "../../signals/alerts/rules.ts";
import type { Duration } from "../../core/duration.ts";
import type { AppParts } from "../app.ts";
import { documentsOf } from "../documents.ts";
import { refusePart } from "../principal.ts";
import { ProblemError } from "../problem.ts";
import { json, route, type Route } from "../route.ts";
import { duration, pageOf } from "../schemas/common.ts";

const alert = z.strictObject({
  rule: z.string(),
  subject: z.string().describe("What it is about, such as `crm POST /contacts`"),
  tier: z.string(),
  since: z.number(),
  value: z.number().describe("In the rule's own unit"),
  words: z.string(),
});
const silence = z.strictObject({
  id: z.string(),
  rule: z.string().optional().describe("Left out: every rule"),
  subject: z.string().optional().describe("Whole, or up to a `*` at its end; left out: everything"),
  until: z.number(),
  because: z.string(),
  by: z.string(),
});
const silencing = z.strictObject({
  rule: z
    .enum(RULE_NAMES as [AlertRuleName, ...AlertRuleName[]])
    .optional()
    .describe("Left out: every rule"),
  subject: z.string().min(1).max(500).optional().describe("`crm POST /contacts`, or up to a `*` at its end: `crm *`; left out: everything"),
  for: duration.describe("How long; a silence always ends"),
  reason: z.string().trim().min(1).max(1_000).describe("Why; stands with the silence and in the audit log"),
});

export function alertRoutes({ hf, store, clock }: AppParts, { random }: Pick<Admin, "random">): readonly Route[] {
  // Made when it is asked for: a store that keeps no documents has the other routes all the same.
  const book = (): AlertBook => new AlertBook({ documents: documentsOf(store), clock, random });
  return [
    route({
      method: "GET",
      path: "/v1/alerts",
      scope: "read",
      id: "listAlerts",
      summary: "What fires now, the most urgent first",
      answers: {
        200: {
          description: "Alerts; `watching` is false where this process has none in its config, and what others saw is told.",
          schema: z.strictObject({ watching: z.boolean(), items: z.array(alert) }),
        },
      },
      handle: async ({ principal }) => {
        refusePart(principal, "alerts go");
        const firing = hf.alerts?.firing() ?? (store.documents === undefined ? [] : await book().firing());
        const items = firing.map(({ rule, subject, tier, since, value, words }) => ({ rule, subject, tier, since, value, words }));
        return json({ watching: hf.alerts !== undefined, items });
      },
    }),
    route({
      method: "GET",
      path: "/v1/alerts/silences",
      scope: "read",
      id: "listSilences",
      summary: "Silences that have not ended, in the order in which they were made",
      answers: { 200: { description: "All of them.", schema: pageOf(silence) } },
      handle: async ({ principal }) => {
        refusePart(principal, "silences go");
        return json({ items: await book().silences(), next: null });
      },
    }),
    route({
      method: "POST",
      path: "/v1/alerts/silences",
      scope: "operate",
      id: "createSilence",
      summary: "Tells nobody of what it covers, for a while; what fires is seen all the same",
      body: silencing,
      answers: { 201: { description: "The silence.", schema: silence } },
      handle: async ({ body, principal }) => {
        refusePart(principal, "silences go");
        const { rule, subject, for: span, reason: because } = body;
        const made = await book().silence({
          ...(rule === undefined ? {} : { rule }),
          ...(subject === undefined ? {} : { subject }),
          ...{ for: span as Duration, because, by: principal.name },
        });
        return json(made, 201);
      },
    }),
    route({
      method: "DELETE",
      path: "/v1/alerts/silences/{id}",
      scope: "operate",
      id: "endSilence",
      summary: "Ends a silence before its time",
      answers: { 200: { description: "It is gone.", schema: z.strictObject({ ended: z.string() }) } },
      handle: async ({ params, principal }) => {
        refusePart(principal, "silences go");
        const id = params["id"] as string;
        await book().endSilence(id);
        return json({ ended: id });
      },
    }),
    route({
      method: "POST",
      path: "/v1/alerts/test",
      scope: "operate",
      id: "testAlerts",
      summary: "Sends a test to every sink of the config; each delivery is an operation of the queue",
      answers: {
        202: {
          description: "They are on disk.",
          schema: z.strictObject({ items: z.array(z.strictObject({ sink: z.string(), operation: z.string() })) }),
        },
      },
      handle: async ({ principal }) => {
        refusePart(principal, "alerts go");
        if (hf.alerts === undefined)
          throw new ProblemError("conflict", "the config of this process has no `alerts`, so there is nobody to tell");
        const tested = await hf.alerts.test();
        return json({ items: tested.map(({ sink, operation }) => ({ sink, operation: operation.id })) }, 202);
      },
    }),
  ];
}
