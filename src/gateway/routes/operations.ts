import { z } from "zod";
import type { EnqueueOptions } from "../../client/new-operation.ts";
import type { OperationFilter, OperationState, OperationView } from "../../ports/operation-store.ts";
import { traceOf } from "../accept-operation.ts";
import type { AppParts } from "../app.ts";
import { refusalOfApi } from "../auth.ts";
import { maySee, type Principal } from "../principal.ts";
import { ProblemError } from "../problem.ts";
import { json, route, type Route } from "../route.ts";
import { attempt, because, bytes, duration, labels, page, pageOf, storedRequest } from "../schemas/common.ts";
import { shownBytes, shownRequest } from "../shown-body.ts";

const STATES = ["ready", "leased", "parked", "succeeded", "dead", "cancelled"] as const satisfies readonly OperationState[];

const summary = {
  id: z.string(),
  api: z.string(),
  endpoint: z.string(),
  partition: z.string(),
  flow: z.string(),
  state: z.enum(STATES),
  since: z.number(),
  labels,
  key: z.string().optional(),
  priority: z.number(),
  acceptedAt: z.number(),
  dueAt: z.number(),
  expiresAt: z.number().optional(),
  parkedUntil: z.number().optional(),
  leaseUntil: z.number().optional(),
  worker: z.string().optional(),
  because: because.optional(),
  request: storedRequest,
};

const listed = z.strictObject({ ...summary, attempts: z.number(), status: z.number().optional().describe("Of its answer") });
const whole = z.strictObject({
  ...summary,
  attempts: z.array(attempt),
  answer: z
    .strictObject({ status: z.number().optional(), headers: z.array(z.tuple([z.string(), z.string()])).optional(), body: bytes })
    .optional(),
});

const enqueue = z.strictObject({
  api: z.string().min(1),
  method: z
    .string()
    .regex(/^[A-Za-z]{1,20}$/, "is no method")
    .describe("Such as `POST`"),
  path: z.string().min(1).max(8_192).describe("Below the API's base URL, such as `/contacts`"),
  headers: z.record(z.string(), z.string()).optional().describe("Only such as may be kept: no credential"),
  json: z.unknown().optional().describe("A body, sent as JSON"),
  body: z.string().optional().describe("A body of another kind; give its type in `headers`"),
  key: z.string().min(1).max(1_024).optional().describe("Idempotency key: a second operation under it is the first"),
  labels: labels.optional(),
  partition: z.string().max(256).optional().describe("The account or token that the other side counts by"),
  priority: z.number().int().min(-1_000_000).max(1_000_000).optional(),
  flow: z.string().max(256).optional(),
  delay: duration.optional(),
  expiresIn: duration.optional(),
  callback: z.string().max(2_048).optional().describe("A URL that is told how it ended; the config says `callbacks`"),
});

const filter = z.strictObject({
  ...page,
  api: z.string().optional(),
  endpoint: z.string().optional(),
  partition: z.string().optional(),
  lane: z.string().optional().describe("An endpoint within its API: the id that GET /v1/lanes shows"),
  state: z.enum(STATES).optional(),
  flow: z.string().optional(),
  key: z.string().optional(),
  label: labels.optional(),
});

export function operationRoutes(
  { hf }: AppParts,
  laneOf: (id: string) => { api: string; endpoint: string; partition: string },
): readonly Route[] {
  const seen = async (id: string, principal: Principal): Promise<OperationView> => {
    const view = await hf.operations.get(id);
    if (!maySee(principal, view.operation))
      throw new ProblemError("not-found", `there is no operation ${id}; ended ones are kept only for a while`);
    return view;
  };
  return [
    route({
      method: "POST",
      path: "/v1/operations",
      scope: "call",
      id: "enqueueOperation",
      summary: "Puts work into the durable queue; answered once it is on disk",
      body: enqueue,
      answers: {
        200: {
          description: "A call under the same key has been answered already, so nothing was put into the queue.",
          schema: z.strictObject({ known: z.literal(true), answered: z.literal(true) }),
        },
        202: {
          description: "It is on disk, or was before under the same key (`known`).",
          schema: z.strictObject({ id: z.string(), known: z.boolean() }),
        },
      },
      handle: async ({ body, headers, principal }) => {
        const { api, method, path, ...options } = body;
        const refusal = refusalOfApi(principal, api);
        if (refusal !== undefined) throw new ProblemError(refusal.code, refusal.detail);
        const partition = partitionOf(principal, options.partition);
        const given = { ...options, ...(partition === undefined ? {} : { partition }), ...traceOf(headers) } as EnqueueOptions;
        const { id, known, answered } = await hf.enqueue(api, `${method.toUpperCase()} ${path}`, given);
        if (answered) return json({ known: true, answered: true }, 200, { "idempotency-replayed": "true" });
        return json({ id, known }, 202, { "holdfast-operation": id, location: `/v1/operations/${id}` });
      },
    }),
    route({
      method: "GET",
      path: "/v1/operations",
      scope: "read",
      id: "listOperations",
      summary: "Operations, newest first",
      query: filter,
      answers: { 200: { description: "A page.", schema: pageOf(listed) } },
      handle: async ({ query, principal }) => {
        const { limit, after, label, key, lane, ...rest } = query;
        const { apis, account, bound } = principal;
        const found: OperationFilter = {
          ...(apis?.length === 1 ? { api: apis[0] as string } : {}),
          ...definedOf(rest),
          ...(lane === undefined ? {} : laneOf(lane)),
          ...(label === undefined ? {} : { labels: label }),
          ...(key === undefined ? {} : { idempotencyKey: key }),
          ...(bound && account !== undefined ? { partition: account } : {}),
        };
        const { items, next } = await hf.operations.list(found, { limit, ...(after === undefined ? {} : { after }) });
        return json({ items: items.filter(({ operation }) => maySee(principal, operation)).map(shortOf), next });
      },
    }),
    route({
      method: "GET",
      path: "/v1/operations/{id}",
      scope: "read",
      id: "getOperation",
      summary: "One operation, with every attempt and its reason",
      answers: { 200: { description: "It.", schema: whole } },
      handle: async ({ params, principal }) => json(wholeOf(await seen(params["id"] as string, principal))),
    }),
    route({
      method: "POST",
      path: "/v1/operations/{id}/cancel",
      scope: "operate",
      id: "cancelOperation",
      summary: "Ends an operation that has not started; one that is under way is not sent again",
      body: z.strictObject({ reason: z.string().min(1).max(1_000).optional() }),
      bodyOptional: true,
      answers: {
        200: {
          description: "`requested`: an attempt is under way, and may still succeed.",
          schema: z.strictObject({ id: z.string(), result: z.enum(["cancelled", "requested"]) }),
        },
      },
      handle: async ({ params, body, principal }) => {
        const id = params["id"] as string;
        await seen(id, principal);
        const [result] = await hf.operations.cancel([id], body.reason ?? `cancelled by ${principal.name}`);
        if (result === "missing") throw new ProblemError("not-found", `there is no operation ${id}`);
        if (result === "ended") throw new ProblemError("conflict", `the operation ${id} has ended already`, { operation: id });
        return json({ id, result });
      },
    }),
  ];
}

/** The account of the caller, unless it says of itself which part is meant; one that is bound may say no other. */
function partitionOf({ account, bound }: Principal, given: string | undefined): string | undefined {
  if (bound && given !== undefined && given !== account) {
    throw new ProblemError("forbidden", "the token acts for another account than the one in body.partition");
  }
  return given ?? account;
}

function definedOf<Given extends object>(given: Given): { [Name in keyof Given]: Exclude<Given[Name], undefined> } {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as never;
}

function headOf({ operation, state, since, parkedUntil, leaseUntil, worker, because }: OperationView): object {
  const { id, api, endpoint, partition, flow, labels, idempotencyKey, priority, acceptedAt, dueAt, expiresAt } = operation;
  return definedOf({
    ...{ id, api, endpoint, partition, flow, state, since, labels, key: idempotencyKey, priority, acceptedAt, dueAt, expiresAt },
    ...{ parkedUntil, leaseUntil, worker, because },
  });
}

function shortOf(view: OperationView): object {
  const { method, url } = view.operation.request;
  const status = view.answer?.status;
  return { ...headOf(view), request: { method, url }, attempts: view.attempts.length, ...(status === undefined ? {} : { status }) };
}

function wholeOf(view: OperationView): object {
  const { answer, attempts, operation } = view;
  return {
    ...headOf(view),
    request: shownRequest(operation.request),
    attempts,
    ...(answer === undefined
      ? {}
      : { answer: definedOf({ status: answer.status, headers: answer.headers, body: shownBytes(answer.body) }) }),
  };
}
