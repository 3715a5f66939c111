import { z } from "zod";
import { ProblemError } from "../problem.ts";
import type { ReplayRuns, ReplayRunView } from "../replay-runs.ts";
import { json, route, type Route } from "../route.ts";
import { pageOf } from "../schemas/common.ts";

const entry = z.strictObject({ id: z.string(), result: z.enum(["resolved", "failed-again", "skipped"]), because: z.string() });

export const replayView: z.ZodType = z.strictObject({
  id: z.string(),
  state: z.enum(["running", "stopping", "finished", "failed"]),
  by: z.string(),
  startedAt: z.number(),
  endedAt: z.number().optional(),
  resolved: z.number(),
  failedAgain: z.number(),
  skipped: z.number(),
  stopped: z.string().optional().describe("Why it ended before its last letter"),
  error: z.string().optional(),
  entries: z.array(entry).describe("The last thousand"),
});

function found(id: string, run: ReplayRunView | undefined): Response {
  if (run !== undefined) return json(run);
  throw new ProblemError("not-found", `there is no replay run ${id}; a run ends with its process, and its letters keep what it did`);
}

export function replayRoutes(runs: ReplayRuns): readonly Route[] {
  return [
    route({
      method: "GET",
      path: "/v1/replays",
      scope: "read",
      id: "listReplays",
      summary: "Replay runs of this process, newest first",
      answers: { 200: { description: "All of them.", schema: pageOf(replayView) } },
      handle: async ({ principal }) => json({ items: runs.list(principal), next: null }),
    }),
    route({
      method: "GET",
      path: "/v1/replays/{id}",
      scope: "read",
      id: "getReplay",
      summary: "A replay run as it stands",
      answers: { 200: { description: "It.", schema: replayView } },
      handle: async ({ params, principal }) => found(params["id"] as string, runs.get(params["id"] as string, principal)),
    }),
    route({
      method: "POST",
      path: "/v1/replays/{id}/stop",
      scope: "operate",
      id: "stopReplay",
      summary: "Ends a run after the letters under way",
      answers: { 200: { description: "The run.", schema: replayView } },
      handle: async ({ params, principal }) => found(params["id"] as string, runs.stop(params["id"] as string, principal)),
    }),
  ];
}
