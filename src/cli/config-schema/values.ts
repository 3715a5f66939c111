import { API_NAME } from "../../api/api-name.ts";
import type { SecretReference } from "../../api/secret.ts";
import { shape, use, type Schema, type Shape } from "./shape.ts";

const SPAN = "(?:ms|s|m|h|d)$";
const EXAMPLES = ["250ms", "1.5s", "30s", "10m", "24h", "7d"];

/** A span of time; `least` is what the number alone must have. What a text comes to is looked at by the check. */
export function duration({ least }: { readonly least?: number } = {}): Schema {
  return {
    anyOf: [
      { type: "number", minimum: least ?? 0 },
      { type: "string", pattern: `^\\d+(?:\\.\\d+)?${SPAN}`, examples: EXAMPLES },
    ],
  };
}

/** A span that is not 0. */
export const someTime: Schema = {
  anyOf: [
    { type: "number", exclusiveMinimum: 0 },
    { type: "string", pattern: `^(?=.*[1-9])\\d+(?:\\.\\d+)?${SPAN}`, examples: EXAMPLES },
  ],
};

export function whole(minimum: number, maximum?: number): Schema {
  return { type: "integer", minimum, ...(maximum === undefined ? {} : { maximum }) };
}

export const aboveZero: Schema = { type: "number", exclusiveMinimum: 0 };
export const flag: Schema = { type: "boolean" };
export const text: Schema = { type: "string", minLength: 1 };
export const off: Schema = { const: false };

export function oneOf(...values: readonly string[]): Schema {
  return { enum: values };
}

export function listOf(items: Schema, { least = 0, unique = false }: { readonly least?: number; readonly unique?: boolean } = {}): Schema {
  return { type: "array", items, ...(least === 0 ? {} : { minItems: least }), ...(unique ? { uniqueItems: true } : {}) };
}

export function either(...schemas: readonly Schema[]): Schema {
  return { anyOf: schemas };
}

/** Whether it is one that can be called is looked at by the check. */
export const httpUrl: Schema = {
  type: "string",
  pattern: "^\\s*[Hh][Tt][Tt][Pp][Ss]?:",
  examples: ["https://api.example.com/v1", "http://127.0.0.1:3000"],
};

export const headerName: Schema = {
  type: "string",
  pattern: "^[A-Za-z0-9!#$%&'*+.^_`|~-]+$",
  examples: ["X-Example", "X-Other-Example"],
};

/** Names that stand in the gateway's paths. */
export function named(values: Schema): Schema {
  return {
    type: "object",
    propertyNames: { pattern: API_NAME.source, examples: ["crm", "erp", "a.b-c_d"] },
    additionalProperties: values,
  };
}

const absolutePath: Schema = {
  type: "string",
  pattern: "^(?:/|[A-Za-z]:[\\\\/]|\\\\\\\\).",
  examples: ["/run/secrets/token", "/run/secrets/other"],
};

export const keepIn: Schema = absolutePath;

type Both<Union> = { [Key in Union extends unknown ? keyof Union : never]?: unknown };

export const reference: Shape = shape<Both<SecretReference>>({
  name: "SecretReference",
  about: "Where a secret stands, so that the config holds none. One of the two.",
  options: {
    env: { about: "An environment variable, by its name.", schema: text },
    file: { about: "A file that holds nothing else, by its absolute path, as orchestrators mount it.", schema: absolutePath },
  },
  more: { minProperties: 1, maxProperties: 1 },
});

/** A secret: where it stands, or itself. */
export const secret: Schema = { anyOf: [use(reference), { type: "string", minLength: 1, examples: ["written down"] }] };

/** Several while one is being replaced. */
export function secrets(one: Schema): Schema {
  return either(one, listOf(one, { least: 1 }));
}
