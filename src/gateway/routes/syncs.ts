import { z } from "zod";
import type { AppParts } from "../app.ts";
import { refusePart } from "../principal.ts";
import { json, route, type Route } from "../route.ts";
import { page, pageOf } from "../schemas/common.ts";

const sync = z.looseObject({
  sync: z.string(),
  watermark: z.union([z.number(), z.string()]).nullable(),
  advancedAt: z.number().nullable(),
  heldSince: z.number().nullable().describe("Since when the watermark has not moved although there was something to do"),
});

export function syncsRoute({ hf }: AppParts): Route {
  return route({
    method: "GET",
    path: "/v1/syncs",
    scope: "read",
    id: "listSyncs",
    summary: "Every sync of this store that has run, with its watermark",
    query: z.strictObject(page),
    answers: { 200: { description: "A page of them, in the order in which they were first run.", schema: pageOf(sync) } },
    handle: async ({ query: { limit, after }, principal }) => {
      refusePart(principal, "syncs go");
      return json(await hf.syncs.list({ limit, ...(after === undefined ? {} : { after }) }));
    },
  });
}
