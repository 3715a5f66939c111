import { ConfigError } from "../../core/errors.ts";

/** Deeper than this is refused, so that hostile input ends in an error and not in a blown stack. */
const MAX_DEPTH = 200;

/**
 * One text for one value: object keys sorted by code unit, no white space, as RFC 8785 orders them. `undefined`, functions
 * and symbols are left out of objects and `null` in arrays, as `JSON.stringify` does. `ignore` names fields, by dotted path, that do not count.
 */
export function canonicalJson(value: unknown, ignore?: ReadonlySet<string>): string {
  return write(value, "", 0, ignore) ?? "null";
}

function write(input: unknown, path: string, depth: number, ignore: ReadonlySet<string> | undefined): string | undefined {
  if (depth > MAX_DEPTH) throw new ConfigError({ path: "idempotencyKey", message: `a payload nested deeper than ${MAX_DEPTH} levels has no canonical form; flatten it or give an explicit key` });
  const value = hasToJson(input) ? input.toJSON() : input;
  if (value === null) return "null";
  switch (typeof value) {
    case "boolean":
    case "string":
    case "number":
      return JSON.stringify(value);
    case "bigint":
      return value.toString();
    case "object": {
      if (Array.isArray(value)) return `[${value.map((item) => write(item, path, depth + 1, ignore) ?? "null").join(",")}]`;
      const fields: string[] = [];
      for (const key of Object.keys(value).sort()) {
        const inner = path === "" ? key : `${path}.${key}`;
        if (ignore?.has(inner)) continue;
        const text = write((value as Record<string, unknown>)[key], inner, depth + 1, ignore);
        if (text !== undefined) fields.push(`${JSON.stringify(key)}:${text}`);
      }
      return `{${fields.join(",")}}`;
    }
    default:
      return undefined;
  }
}

function hasToJson(value: unknown): value is { toJSON(): unknown } {
  return typeof value === "object" && value !== null && typeof (value as { toJSON?: unknown }).toJSON === "function";
}
