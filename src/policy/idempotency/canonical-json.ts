import { ConfigError } from "../../core/errors.ts";

/** Deeper than this is refused, so that hostile input ends in an error and not in a blown stack. */
const MAX_DEPTH = 200;

/**
 * One text for one value: object keys sorted by code unit, no white space, as RFC 8785 orders them. `undefined`, functions
 * and symbols are left out of objects and `null` in arrays, as `JSON.stringify` does. `ignore` names fields, by dotted path, that do not
 * count; the path goes through arrays (`items.updatedAt`).
 *
 * What hides its content is refused: a Map, a Set, a FormData would all be `{}`, and different payloads would count as the same.
 */
export function canonicalJson(value: unknown, ignore?: ReadonlySet<string>): string {
  if (ignore === undefined && isCanonical(value)) return JSON.stringify(value);
  return write(value, "", 0, ignore) ?? "null";
}

/**
 * Whether `JSON.stringify` gives the canonical text by itself: plain data whose keys stand in their order at every depth. That
 * is so for much of what is given, and costs a fraction of putting the text together here.
 */
export function isCanonical(value: unknown, depth: number = 0): boolean {
  if (value === null) return true;
  if (typeof value !== "object") return typeof value === "string" || typeof value === "number" || typeof value === "boolean";
  if (depth > MAX_DEPTH || hasToJson(value)) return false;
  if (Array.isArray(value)) return value.every((item) => isCanonical(item, depth + 1));
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return false;
  let last: string | undefined;
  for (const key of Object.keys(value)) {
    if (last !== undefined && key < last) return false;
    if (!isCanonical((value as Record<string, unknown>)[key], depth + 1)) return false;
    last = key;
  }
  return true;
}

function write(input: unknown, path: string, depth: number, ignore: ReadonlySet<string> | undefined): string | undefined {
  if (depth > MAX_DEPTH)
    throw new ConfigError({
      path: "idempotencyKey",
      message: `a payload nested deeper than ${MAX_DEPTH} levels has no canonical form; flatten it or give an explicit key`,
    });
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
      const keys = Object.keys(value).sort();
      if (keys.length === 0) refuseHidden(value, path);
      const fields: string[] = [];
      for (const key of keys) {
        const inner = path === "" ? key : `${path}.${key}`;
        if (ignore?.has(inner)) continue;
        const text = write((value as Record<string, unknown>)[key], inner, depth + 1, ignore);
        if (text !== undefined) fields.push(`${JSON.stringify(key)}:${text}`);
      }
      return `{${fields.join(",")}}`;
    }
    case "undefined":
    case "function":
    case "symbol":
    default:
      return undefined;
  }
}

function refuseHidden(value: object, path: string): void {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === null || prototype === Object.prototype || ArrayBuffer.isView(value)) return;
  const kind = Object.prototype.toString.call(value).slice(8, -1);
  throw new ConfigError({
    path: "idempotencyKey",
    message: `${path === "" ? "the payload" : path} is ${kind === "Object" ? "an object" : `a ${kind}`} without fields of its own, so that it looks the same whatever it holds; give plain data instead`,
  });
}

function hasToJson(value: unknown): value is { toJSON(): unknown } {
  return typeof value === "object" && value !== null && typeof (value as { toJSON?: unknown }).toJSON === "function";
}
