import { z } from "zod";
import type { AppParts } from "../app.ts";
import { refusePart } from "../principal.ts";
import { json, route, type Route } from "../route.ts";
import { because, page, pageOf } from "../schemas/common.ts";

const RUN_STATES = ["open", "succeeded", "failed"] as const;

const tally = z.strictObject({
  pipeline: z.string(),
  known: z.boolean().describe("Whether it is defined here, so that its dead letters can be replayed"),
  runs: z.strictObject({ open: z.number(), succeeded: z.number(), failed: z.number() }),
  more: z.boolean().describe("Whether there are older runs that were not counted"),
  steps: z.array(
    z.strictObject({
      step: z.string(),
      done: z.number(),
      failed: z.number(),
      parked: z.number().describe("Runs in which it is a dead letter"),
      ahead: z.number().describe("Runs that have not come to it, or are at it"),
      waiting: z.array(z.string()).optional().describe("Steps that wait for it; left out where the pipeline is not known here"),
    }),
  ),
});
const run = z.strictObject({
  id: z.string(),
  pipeline: z.string(),
  version: z.string(),
  subject: z.string(),
  input: z.string().describe("As JSON"),
  state: z.enum(RUN_STATES),
  openedAt: z.number(),
  endedAt: z.number().optional(),
  steps: z.array(
    z.strictObject({
      step: z.string(),
      state: z.enum(["done", "failed", "parked"]),
      result: z.string().optional().describe("As JSON"),
      because: because.optional(),
      operation: z.string().optional().describe("The dead letter or the operation that carries on with it"),
      at: z.number(),
    }),
  ),
});

/** Pipelines go over all APIs and accounts, so whoever sees a part only sees none. */
export function pipelineRoutes({ hf }: AppParts): readonly Route[] {
  return [
    route({
      method: "GET",
      path: "/v1/pipelines",
      scope: "read",
      id: "listPipelines",
      summary: "Pipelines, with their newest runs (2,000 at most) counted by step",
      answers: { 200: { description: "All of them.", schema: pageOf(tally) } },
      handle: async ({ principal }) => {
        refusePart(principal, "pipelines go");
        return json({ items: await hf.pipelines.tallies(), next: null });
      },
    }),
    route({
      method: "GET",
      path: "/v1/pipelines/{pipeline}",
      scope: "read",
      id: "getPipeline",
      summary: "One pipeline, counted likewise",
      answers: { 200: { description: "It.", schema: tally } },
      handle: async ({ params, principal }) => {
        refusePart(principal, "pipelines go");
        return json(await hf.pipelines.tally(params["pipeline"] as string));
      },
    }),
    route({
      method: "GET",
      path: "/v1/pipelines/{pipeline}/runs",
      scope: "read",
      id: "listRuns",
      summary: "Runs of a pipeline with every step, the last opened first",
      query: z.strictObject({ ...page, subject: z.string().optional(), state: z.enum(RUN_STATES).optional() }),
      answers: { 200: { description: "A page.", schema: pageOf(run) } },
      handle: async ({ params, query: { limit, after, subject, state }, principal }) => {
        refusePart(principal, "pipelines go");
        const filter = {
          pipeline: params["pipeline"] as string,
          ...(subject === undefined ? {} : { subject }),
          ...(state === undefined ? {} : { state }),
        };
        return json(await hf.pipelines.list(filter, { limit, ...(after === undefined ? {} : { after }) }));
      },
    }),
    route({
      method: "GET",
      path: "/v1/runs/{run}",
      scope: "read",
      id: "getRun",
      summary: "One run, with every step and the dead letters that it waits for",
      answers: { 200: { description: "It.", schema: run } },
      handle: async ({ params, principal }) => {
        refusePart(principal, "pipelines go");
        return json(await hf.pipelines.get(params["run"] as string));
      },
    }),
  ];
}
