import { z } from "zod";
import { ConfigError } from "../../core/errors.ts";
import type { CursorValue } from "../../policy/watermark/cursor.ts";
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
const reset = z.strictObject({
  to: z.union([z.number(), z.string()]).optional().describe("The new watermark, a time as ISO 8601; left out: everything is read again"),
  reason: z.string().trim().min(1).max(1_000),
  by: z.string().trim().min(1).max(200).optional().describe("Who asked for it, where the token does it for somebody else"),
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
      summary: "One sync: its watermark, since when it is held, the records that hold it, and its resets",
      answers: { 200: { description: "It.", schema: sync } },
      handle: async ({ params, principal }) => {
        refusePart(principal, "syncs go");
        return json(await hf.syncs.get(params["sync"] as string));
      },
    }),
    route({
      method: "POST",
      path: "/v1/syncs/{sync}/reset",
      scope: "operate",
      id: "resetSync",
      summary: "Sets the watermark of a sync that does not run",
      body: reset,
      answers: { 200: { description: "The sync as it is now.", schema: sync } },
      handle: async ({ params, principal, body: { to, reason, by = principal.name } }) => {
        refusePart(principal, "syncs go");
        const name = params["sync"] as string;
        const { kind } = await hf.syncs.get(name);
        const cursor = to === undefined ? undefined : cursorFrom(to, kind);
        return json(await hf.syncs.reset(name, { by, reason, ...(cursor === undefined ? {} : { to: cursor }) }));
      },
    }),
  ];
}

/** What was sent as the kind of cursor that the sync has. @throws ConfigError */
function cursorFrom(given: number | string, kind: "number" | "time" | "text" | null): CursorValue {
  if (kind === null) return given;
  if (kind === "text") return String(given);
  const value = kind === "time" ? new Date(given) : Number(given);
  if (String(given).trim() !== "" && Number.isFinite(Number(value))) return value;
  throw new ConfigError({
    path: "to",
    message: `to is ${given}, which is no ${kind}; the sync's cursor is one${kind === "time" ? ", such as 2026-01-01T00:00:00Z" : ""}`,
  });
}
