import { z } from "zod";
import type { LimitOptions } from "../../client/limit-overrides.ts";
import type { Duration } from "../../core/duration.ts";
import type { Admin } from "../admin.ts";
import { mayUse, type Principal } from "../principal.ts";
import { ProblemError } from "../problem.ts";
import { json, route, type Route } from "../route.ts";
import { duration, pageOf } from "../schemas/common.ts";

const off = z.literal(false).describe("Takes it away");
const rateLimit = z.strictObject({
  limit: z.number().positive(),
  per: duration.optional(),
  burst: z.number().min(1).optional(),
  scope: z.enum(["api", "endpoint", "partition"]).optional(),
  counts: z.enum(["cost", "calls"]).optional(),
});
const share = z.number().positive().max(1);
const breaker = z.strictObject({
  failureRate: share.optional(),
  window: z.number().int().min(1).optional(),
  windowTime: duration.optional(),
  minimumCalls: z.number().int().min(1).optional(),
  openFor: duration.optional(),
  maxOpenFor: duration.optional(),
  halfOpenCalls: z.number().int().min(1).max(3).optional(),
  probeLease: duration.optional(),
  slowCallRate: share.optional(),
  slowCall: duration.optional(),
});
const limits = {
  rateLimit: z
    .union([rateLimit, z.array(rateLimit).min(1), off])
    .optional()
    .describe("Of the whole API only"),
  concurrency: z
    .union([z.number().int().min(1), z.strictObject({ max: z.number().int().min(1), maxQueue: z.number().int().min(0).optional() }), off])
    .optional(),
  breaker: z.union([breaker, off]).optional(),
};
const set = z.strictObject({
  api: z.string().min(1),
  endpoint: z.string().min(1).optional().describe("Such as `POST /contacts`; left out: all of the API's"),
  ...limits,
  for: duration.describe("How long it holds; a day at most"),
  reason: z.string().trim().min(1).max(1_000),
});
const hold = z.strictObject({
  api: z.string(),
  endpoint: z.string().describe("`*`: all of the API's"),
  limits: z.strictObject(limits),
  by: z.string(),
  reason: z.string(),
  since: z.number(),
  until: z.number(),
});

export function limitRoutes({ limits: holds }: Admin): readonly Route[] {
  return [
    route({
      method: "GET",
      path: "/v1/limits",
      scope: "read",
      id: "listLimits",
      summary: "Limits that operators have set over those of the config",
      answers: { 200: { description: "All of them.", schema: pageOf(hold) } },
      handle: async ({ principal }) => json({ items: holds.known.filter(({ api }) => mayUse(principal, api)), next: null }),
    }),
    route({
      method: "POST",
      path: "/v1/limits",
      scope: "operate",
      id: "setLimits",
      summary: "Sets limits over those of the config for a while, in every gateway over the store",
      body: set,
      answers: { 200: { description: "What holds now.", schema: hold } },
      handle: async ({ body: { api, endpoint = "*", ...rest }, principal }) => {
        refuseOthers(principal, api);
        const given = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined)) as unknown as LimitOptions & {
          readonly for: Duration;
          readonly reason: string;
        };
        return json(await holds.set({ ...given, api, endpoint, by: principal.name }));
      },
    }),
    route({
      method: "DELETE",
      path: "/v1/limits/{api}",
      scope: "operate",
      id: "endLimits",
      summary: "Ends limits before their time: the config holds again",
      query: z.strictObject({ endpoint: z.string().min(1).optional().describe("Left out: what was set for all of the API's") }),
      answers: {
        200: {
          description: "They are gone.",
          schema: z.strictObject({ ended: z.strictObject({ api: z.string(), endpoint: z.string() }) }),
        },
      },
      handle: async ({ params, query: { endpoint = "*" }, principal }) => {
        const api = params["api"] as string;
        refuseOthers(principal, api);
        await holds.end(api, endpoint);
        return json({ ended: { api, endpoint } });
      },
    }),
  ];
}

/** Limits are those of all accounts of an API. */
function refuseOthers(principal: Principal, api: string): void {
  if (!mayUse(principal, api)) throw new ProblemError("forbidden", `the token ${principal.name} is limited to other APIs`);
  if (principal.bound)
    throw new ProblemError("forbidden", `the token ${principal.name} is bound to an account, and limits hold for all of them`);
}
