import { z } from "zod";
import type { AuditLog } from "../audit.ts";
import { ProblemError } from "../problem.ts";
import { json, route, type Route } from "../route.ts";
import { page, pageOf } from "../schemas/common.ts";

const entry = z.strictObject({
  id: z.string(),
  at: z.number(),
  who: z.string(),
  client: z.string(),
  action: z.string(),
  target: z.string(),
  why: z.string().optional(),
  details: z.unknown().optional(),
  outcome: z.string().describe("`begun` where the process ended in the middle of it, `done`, or `failed: …`"),
});

export function auditRoutes(audit: AuditLog): readonly Route[] {
  return [
    route({
      method: "GET",
      path: "/v1/audit",
      scope: "operate",
      id: "listAudit",
      summary: "What operators did: who, what, when, why; oldest first",
      query: z.strictObject(page),
      answers: { 200: { description: "A page.", schema: pageOf(entry) } },
      handle: async ({ query: { limit, after }, principal }) => {
        if (principal.apis !== undefined || principal.bound) {
          throw new ProblemError(
            "forbidden",
            `the token ${principal.name} does not reach everything, and the audit log tells of everything`,
          );
        }
        return json(await audit.list({ limit, ...(after === undefined ? {} : { after }) }));
      },
    }),
  ];
}
