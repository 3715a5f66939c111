import { z } from "zod";
import { PROBLEMS } from "./problem.ts";
import type { Route } from "./route.ts";

/** The API as an OpenAPI 3.1 document, made of the same table that requests are answered by. */
export function openApiOf(routes: readonly Route[], version: string): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const route of routes) (paths[route.path] ??= {})[route.method.toLowerCase()] = operationOf(route);
  return {
    openapi: "3.1.0",
    info: {
      title: "Holdfast gateway",
      version,
      description: "Instants are wall-clock milliseconds. Errors are application/problem+json (RFC 9457) with a stable `code`.",
    },
    paths,
    components: {
      schemas: { Problem: schemaOf(problem, "output") },
      securitySchemes: {
        bearer: { type: "http", scheme: "bearer" },
        header: { type: "apiKey", in: "header", name: "Holdfast-Token" },
      },
    },
  };
}

const problem = z
  .looseObject({
    type: z.string(),
    title: z.string(),
    status: z.number().int(),
    detail: z.string(),
    code: z.enum(Object.keys(PROBLEMS) as [string, ...string[]]),
    operation: z.string().optional(),
    attempts: z.number().optional(),
    because: z.looseObject({ code: z.string(), text: z.string() }).optional(),
    errors: z.array(z.strictObject({ path: z.string(), message: z.string() })).optional(),
  })
  .describe("An error of the gateway's own");

function operationOf(route: Route): object {
  const parameters = [...pathParameters(route), ...queryParameters(route)];
  const open = route.scope === "public";
  return {
    operationId: route.id,
    summary: route.summary,
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(route.raw === true ? { requestBody: { required: true, content: { "*/*": { schema: {} } } } } : {}),
    ...(route.body === undefined
      ? {}
      : {
          requestBody: {
            required: route.bodyOptional !== true,
            content: { "application/json": { schema: schemaOf(route.body, "input") } },
          },
        }),
    responses: {
      ...Object.fromEntries(Object.entries(route.answers).map(([status, answer]) => [status, answerOf(answer)])),
      default: {
        description: "An error of the gateway's own.",
        content: { "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } } },
      },
    },
    security: open ? [] : [{ bearer: [] }, { header: [] }],
    "x-holdfast-scope": route.scope,
  };
}

function answerOf({ description, schema, content = "application/json" }: Route["answers"][number]): object {
  return { description, content: { [content]: { schema: schema === undefined ? { type: "string" } : schemaOf(schema, "output") } } };
}

function pathParameters({ path }: Route): readonly object[] {
  return [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({ name, in: "path", required: true, schema: { type: "string" } }));
}

function queryParameters({ query }: Route): readonly object[] {
  if (query === undefined) return [];
  const { properties = {}, required = [] } = schemaOf(query, "input") as {
    readonly properties?: Readonly<Record<string, { readonly description?: string }>>;
    readonly required?: readonly string[];
  };
  return Object.entries(properties).map(([name, schema]) =>
    name === "label" && !(query.shape["label"] instanceof z.ZodString)
      ? LABELS
      : { name, in: "query", required: required.includes(name), ...described(schema) },
  );
}

function described({ description, ...schema }: { readonly description?: string }): object {
  return { ...(description === undefined ? {} : { description }), schema };
}

/** `label.NAME=VALUE`, any number of them: an object whose members are parameters of their own. */
const LABELS = {
  name: "labels",
  in: "query",
  required: false,
  description: "All of these labels, by equality: `label.lead=42&label.campaign=q4`",
  style: "form",
  explode: true,
  schema: { type: "object", patternProperties: { "^label\\..+$": { type: "string" } }, additionalProperties: false },
};

function schemaOf(schema: z.ZodType, io: "input" | "output"): object {
  const { $schema: _dialect, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: "any" });
  return rest;
}
