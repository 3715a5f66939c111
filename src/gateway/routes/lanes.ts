import { z } from "zod";
import { durationMs, type Duration } from "../../core/duration.ts";
import type { LaneKey } from "../../ports/operation-store.ts";
import type { AppParts } from "../app.ts";
import type { LaneHold, LaneHolds } from "../lane-holds.ts";
import { maySee, type Principal } from "../principal.ts";
import { ProblemError } from "../problem.ts";
import { json, route, type Route } from "../route.ts";
import { duration, pageOf } from "../schemas/common.ts";

const hold = z.strictObject({
  what: z.enum(["open", "closed", "paused"]),
  by: z.string(),
  why: z.string().optional(),
  since: z.number(),
  until: z.number().optional(),
});
const lane = z.strictObject({
  id: z.string().describe("Percent-encode it as one segment of a path"),
  api: z.string(),
  endpoint: z.string(),
  partition: z.string(),
  breaker: z.enum(["closed", "open", "half-open", "none", "unknown"]).describe("`unknown`: this process has not called it yet"),
  because: z.string(),
  since: z.number().optional().describe("When the breaker came to this state; left out where that is longer ago than a day, or not known"),
  probeAt: z.number().optional().describe("When an open breaker lets a probe through"),
  inFlight: z.number(),
  waiting: z.number(),
  retryBudget: z.number().optional().describe("Retries that the budget would allow now"),
  tokens: z.number().optional().describe("Calls that this process's rate limits would let go now"),
  lastChange: z
    .looseObject({ at: z.number(), to: z.string(), because: z.string() })
    .optional()
    .describe("The last change of the breaker in any process, within a day"),
  queue: z.strictObject({
    due: z.number(),
    leased: z.number(),
    parked: z.number(),
    oldestDueAt: z.number().optional(),
    nextDueAt: z.number().optional(),
    paused: z.boolean(),
  }),
  holds: z.array(hold),
});

const VERBS = {
  open: "Holds the breaker open: nothing goes",
  close: "Holds the breaker closed: everything goes",
  auto: "Gives the breaker back to its own judgement",
  pause: "Stops claims of the queue; what is under way goes on",
  resume: "Goes on with a paused lane",
} as const;

const EMPTY = { due: 0, leased: 0, parked: 0, paused: false };

/** A lane's name in a URL: `crm:POST /contacts`, and `#` with the partition where there is one. */
function idOf({ api, endpoint, partition }: LaneKey): string {
  return `${encodeURIComponent(api)}:${endpoint}${partition === "" ? "" : `#${partition}`}`;
}

/** @throws ProblemError */
export function laneOf(id: string): LaneKey {
  const [, api, endpoint, partition = ""] = /^([^:]+):([^#]+)(?:#(.*))?$/s.exec(id) ?? [];
  if (api === undefined || endpoint === undefined)
    throw new ProblemError("not-found", `${JSON.stringify(id.slice(0, 200))} names no lane; GET /v1/lanes lists them`);
  return { api: decodeURIComponent(api), endpoint, partition };
}

export function laneRoutes({ hf }: AppParts, holds: LaneHolds): readonly Route[] {
  const all = async (principal: Principal): Promise<readonly (LaneKey & { readonly id: string })[]> => {
    const lanes = new Map<string, LaneKey>();
    const live = new Map(hf.lanes().map((one) => [idOf(one), one]));
    const queued = new Map((await hf.operations.backlog()).map((one) => [idOf(one), one]));
    const past = new Map((await hf.history?.lanes())?.map((one) => [idOf(one), one]));
    for (const one of [...past.values(), ...live.values(), ...queued.values(), ...holds.known]) lanes.set(idOf(one), one);
    return [...lanes]
      .filter(([, one]) => maySee(principal, one))
      .map(([id, { api, endpoint, partition }]) => {
        const { breaker = "unknown", because = "not called by this process yet", inFlight = 0, waiting = 0, ...more } = live.get(id) ?? {};
        const lastChange = past.get(id)?.lastChange;
        const { due, leased, parked, oldestDueAt, nextDueAt, paused } = {
          oldestDueAt: undefined,
          nextDueAt: undefined,
          ...(queued.get(id) ?? EMPTY),
        };
        return {
          ...{ id, api, endpoint, partition, breaker, because, inFlight, waiting },
          ...("probeAt" in more ? { probeAt: more.probeAt } : {}),
          ...("retryBudget" in more ? { retryBudget: more.retryBudget } : {}),
          ...("tokens" in more ? { tokens: more.tokens } : {}),
          ...(lastChange?.to === breaker ? { since: lastChange.at } : {}),
          ...(lastChange === undefined ? {} : { lastChange: { at: lastChange.at, to: lastChange.to, because: lastChange.because } }),
          queue: {
            due,
            leased,
            parked,
            ...(oldestDueAt === undefined ? {} : { oldestDueAt }),
            ...(nextDueAt === undefined ? {} : { nextDueAt }),
            paused,
          },
          holds: holds.known.filter((held) => idOf(held) === id).map(shownHold),
        };
      });
  };
  const one = async (id: string, principal: Principal): Promise<LaneKey> => {
    const found = (await all(principal)).find((lane) => lane.id === id);
    if (found === undefined)
      throw new ProblemError("not-found", `there is no lane ${JSON.stringify(id.slice(0, 200))}; GET /v1/lanes lists them`);
    return found;
  };
  const act = async (
    verb: keyof typeof VERBS,
    at: LaneKey,
    more: { by: string; why: string | undefined; forMs: number | undefined },
  ): Promise<void> => {
    switch (verb) {
      case "open":
        return await holds.hold(at, "open", more);
      case "close":
        return await holds.hold(at, "closed", more);
      case "pause":
        return await holds.hold(at, "paused", more);
      case "auto":
        return await holds.release(at, "breaker", more);
      case "resume":
        return await holds.release(at, "pause", more);
    }
  };

  return [
    route({
      method: "GET",
      path: "/v1/lanes",
      scope: "read",
      id: "listLanes",
      summary: "Lanes with their breaker, their queue and what operators hold",
      query: z.strictObject({ api: z.string().optional() }),
      answers: { 200: { description: "All of them.", schema: pageOf(lane) } },
      handle: async ({ query: { api }, principal }) => {
        const items = (await all(principal)).filter((one) => api === undefined || one.api === api);
        return json({ items, next: null });
      },
    }),
    route({
      method: "GET",
      path: "/v1/lanes/{lane}",
      scope: "read",
      id: "getLane",
      summary: "One lane",
      answers: { 200: { description: "It.", schema: lane } },
      handle: async ({ params, principal }) => json(await one(params["lane"] as string, principal)),
    }),
    ...(Object.keys(VERBS) as (keyof typeof VERBS)[]).map((verb) => {
      const lasting = verb === "open" || verb === "close" || verb === "pause";
      const reason = { reason: z.string().max(1_000).optional().describe("Why, for the audit log") };
      return route({
        method: "POST",
        path: `/v1/lanes/{lane}/${verb}`,
        scope: "operate",
        id: `${verb}Lane`,
        summary: VERBS[verb],
        body: lasting
          ? z.strictObject({ ...reason, for: duration.optional().describe("For so long; left out: until it is ended") })
          : z.strictObject(reason),
        bodyOptional: true,
        answers: { 200: { description: "The lane as it is now.", schema: lane } },
        handle: async ({ params, body, principal }) => {
          const id = params["lane"] as string;
          const at = laneOf(id);
          if (!maySee(principal, at)) throw new ProblemError("not-found", `there is no lane ${JSON.stringify(id.slice(0, 200))}`);
          const { reason: why, for: span } = body as { readonly reason?: string; readonly for?: Duration };
          const forMs = span === undefined ? undefined : durationMs(span, "body.for");
          // Only what is there, so that a misspelt name holds nothing that nobody calls.
          await one(id, principal);
          await act(verb, at, { by: principal.name, why, forMs });
          return json(
            await one(id, principal).catch(() => ({
              id,
              ...at,
              breaker: "unknown",
              because: "no work is left in it",
              inFlight: 0,
              waiting: 0,
              queue: EMPTY,
              holds: [],
            })),
          );
        },
      });
    }),
  ];
}

function shownHold({ what, by, why, since, until }: LaneHold): object {
  return { what, by, since, ...(why === undefined ? {} : { why }), ...(until === undefined ? {} : { until }) };
}
