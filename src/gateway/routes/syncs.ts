import { z } from "zod";
import type { AppParts } from "../app.ts";
import { refusePart } from "../principal.ts";
import { json, route, type Route } from "../route.ts";
import { page, pageOf } from "../schemas/common.ts";

const cursor = z.union([z.number(), z.string()]);
const unfinished = z.looseObject({
  id: z.string(),
  cursor,
  state: z.enum(["failed", "parked"]),
  attempts: z.number(),
  rule: z.string(),
  because: z.string(),
  deadLetter: z.string().optional(),
});
const lastRun = z.looseObject({
  outcome: z.enum(["complete", "partial", "failed", "reset"]),
  run: z.string().optional(),
  startedAt: z.number().optional(),
  endedAt: z.number(),
  read: z.number().optional(),
  done: z.number().optional(),
  known: z.number().optional(),
  failed: z.number().optional(),
  parked: z.number().optional(),
  watermark: z.looseObject({ advanced: z.boolean(), blockedBy: z.array(z.string()) }).optional(),
  records: z.array(unfinished).optional().describe("Those that are not done"),
  error: z.looseObject({ code: z.string(), message: z.string() }).optional(),
  by: z.string().optional(),
  reason: z.string().optional(),
});
const sync = z.looseObject({
  sync: z.string(),
  watermark: cursor.nullable(),
  kind: z.enum(["number", "time", "text"]).nullable(),
  advancedAt: z.number().nullable(),
  heldSince: z.number().nullable().describe("Since when the watermark has not moved although there was something to do"),
  remembered: z.number(),
  running: z.looseObject({ run: z.string(), since: z.number(), leaseUntil: z.number() }).nullable(),
  lastRun: lastRun.nullable(),
  resets: z.array(z.looseObject({ at: z.number(), by: z.string(), reason: z.string(), from: cursor.nullable(), to: cursor.nullable() })),
});

export function syncRoutes({ hf }: AppParts): readonly Route[] {
  return [
    route({
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
    }),
    route({
      method: "GET",
      path: "/v1/syncs/{sync}",
      scope: "read",
      id: "getSync",
      summary: "One sync: its watermark, since when it is held, and the records that hold it",
      answers: { 200: { description: "It.", schema: sync } },
      handle: async ({ params, principal }) => {
        refusePart(principal, "syncs go");
        return json(await hf.syncs.get(params["sync"] as string));
      },
    }),
  ];
}
