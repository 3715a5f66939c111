/**
 * Makes `dashboard/src/api/contract.ts`, the types of the gateway's HTTP API, out of the route table that requests are answered by: the
 * dashboard cannot ask for what is not there, or misread what it gets.
 *
 *     node scripts/bootstrap.mjs scripts/api-contract.ts
 */
import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { format } from "prettier";
import { systemClock } from "../src/adapters/clock/system.ts";
import { memory } from "../src/adapters/store/memory/index.ts";
import { createHoldfast } from "../src/client/holdfast.ts";
import { createApp } from "../src/gateway/app.ts";
import { Authenticator } from "../src/gateway/auth.ts";
import { openApiOf } from "../src/gateway/openapi.ts";
import type { Route } from "../src/gateway/route.ts";
import { StrangerGuard } from "../src/gateway/stranger.ts";
import { repositoryRoot } from "./tools.ts";

const file = join(repositoryRoot, "dashboard", "src", "api", "contract.ts");

const HEAD = `/**
 * Made by scripts/api-contract.ts out of the gateway's route table; a test holds the two to each other. Edit the routes, not this file.
 */

/** Every route that answers JSON, by its method and path. Instants are wall-clock milliseconds. */
`;

/** The parts of JSON Schema that zod writes for our schemas. */
interface Schema {
  readonly type?: string | readonly string[];
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly allOf?: readonly Schema[];
  readonly items?: Schema;
  readonly prefixItems?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | Schema;
  readonly patternProperties?: Readonly<Record<string, Schema>>;
  readonly description?: string;
}

interface Content {
  readonly content: Readonly<Record<string, { readonly schema: Schema }>>;
}

interface Operation {
  readonly summary: string;
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly required: boolean; readonly schema: Schema }[];
  readonly requestBody?: Content & { readonly required: boolean };
  readonly responses: Readonly<Record<string, Content>>;
}

/** The file as it should be. */
export async function apiContract(): Promise<string> {
  const { paths } = openApiOf(await routes(), "0.0.0") as { paths: Record<string, Record<string, Operation>> };
  const members = Object.entries(paths)
    .flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => [`${method.toUpperCase()} ${path}`, operation] as const),
    )
    .flatMap(([name, operation]) => {
      const answer = Object.entries(operation.responses).find(([status]) => status.startsWith("2"))?.[1].content["application/json"];
      return answer === undefined || name.includes(" /in/") ? [] : [memberOf(name, operation, answer.schema)];
    });
  return await format(`${HEAD}export interface Contract {\n${members.join("\n")}\n}\n`, { parser: "typescript", printWidth: 140 });
}

function memberOf(name: string, { summary, parameters = [], requestBody }: Operation, answer: Schema): string {
  const of = (place: string): readonly string[] =>
    parameters
      .filter((parameter) => parameter.in === place)
      .map(({ name: key, required, schema }) =>
        // `label.NAME=VALUE` is an object whose members are parameters of their own.
        key === "labels"
          ? "readonly [label: `label.${string}`]: string;"
          : `readonly ${keyOf(key)}${required ? "" : "?"}: ${typeOf(schema)};`,
      );
  const body = requestBody?.content["application/json"]?.schema;
  return [
    `/** ${summary}. */`,
    `readonly ${JSON.stringify(name)}: {`,
    `readonly params: ${objectOf(of("path"))};`,
    `readonly query: ${objectOf(of("query"))};`,
    `readonly body: ${body === undefined ? "undefined" : `${typeOf(body)}${requestBody?.required === true ? "" : " | undefined"}`};`,
    `readonly answer: ${typeOf(answer)};`,
    "};",
  ].join("\n");
}

function objectOf(members: readonly string[]): string {
  const labels = members.some((member) => member.startsWith("readonly [label"));
  if (members.length === 0) return "object";
  return labels
    ? `{ ${members.filter((member) => !member.startsWith("readonly [label")).join(" ")} } & { ${members.filter((member) => member.startsWith("readonly [label")).join(" ")} }`
    : `{ ${members.join(" ")} }`;
}

function typeOf(schema: Schema): string {
  if ("const" in schema) return JSON.stringify(schema.const);
  if (schema.enum !== undefined) return schema.enum.map((one) => JSON.stringify(one)).join(" | ");
  const either = schema.anyOf ?? schema.oneOf;
  if (either !== undefined) return either.map((one) => `(${typeOf(one)})`).join(" | ");
  if (schema.allOf !== undefined) return schema.allOf.map((one) => `(${typeOf(one)})`).join(" & ");
  if (Array.isArray(schema.type)) return schema.type.map((type: string) => typeOf({ ...schema, type })).join(" | ");
  switch (schema.type) {
    case "string":
    case "boolean":
    case "null":
      return schema.type;
    case "number":
    case "integer":
      return "number";
    case "array":
      if (schema.prefixItems !== undefined) return `readonly [${schema.prefixItems.map(typeOf).join(", ")}]`;
      return `readonly (${schema.items === undefined ? "unknown" : typeOf(schema.items)})[]`;
    case "object":
      return shapeOf(schema);
    case undefined:
    default:
      return "unknown";
  }
}

function shapeOf({ properties = {}, required = [], additionalProperties }: Schema): string {
  const members = Object.entries(properties).map(([key, schema]) => {
    const said = schema.description === undefined ? "" : `/** ${schema.description.replaceAll("*/", "* /")} */\n`;
    return `${said}readonly ${keyOf(key)}${required.includes(key) ? "" : "?"}: ${typeOf(schema)};`;
  });
  if (members.length > 0) return `{ ${members.join("\n")} }`;
  return typeof additionalProperties === "object"
    ? `Readonly<Record<string, ${typeOf(additionalProperties)}>>`
    : "Readonly<Record<string, unknown>>";
}

function keyOf(name: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(name) ? name : JSON.stringify(name);
}

/** The table of a gateway over nothing. */
async function routes(): Promise<readonly Route[]> {
  const store = await memory()();
  const hf = await createHoldfast({ apis: {}, store: async () => store });
  const app = createApp({
    hf,
    store,
    clock: systemClock,
    randomBytes,
    authenticator: new Authenticator(systemClock),
    strangers: new StrangerGuard(),
    version: "0.0.0",
    draining: () => false,
    failed: () => undefined,
  });
  await app.close();
  await hf.close();
  return app.routes;
}

if (import.meta.main) writeFileSync(file, await apiContract());
