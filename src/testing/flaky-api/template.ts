import { asName, compileExpression } from "./expression.ts";
import type { Readable, Scope } from "./expression.ts";
import { refuse } from "../reading.ts";

/** Writes a text for one request. */
export type Template = (scope: Scope) => string;

type Part = string | Template;

const HOLE = /\{\{([^{}]*)\}\}/g;

/**
 * Compiles a JSON value into a writer of its text. A text that is one hole, `"{{body.items}}"`, becomes the value itself
 * (`null` where there is none); a hole within a text becomes part of the text.
 *
 * It writes text and builds no objects: what is fixed is written once, at the start, and no field name of a request can
 * do any harm.
 */
export function compileJson(value: unknown, path: string, readable: Readable): Template {
  const parts: Part[] = [];
  writeJson(value, path, readable, parts);
  return joinParts(parts);
}

/** Compiles a text with holes. */
export function compileText(text: string, path: string, readable: Readable): Template {
  return joinParts(textParts(text, path, readable));
}

function writeJson(value: unknown, path: string, readable: Readable, parts: Part[]): void {
  if (typeof value === "string") {
    parts.push(...jsonText(value, path, readable));
  } else if (Array.isArray(value)) {
    parts.push("[");
    for (const [index, item] of value.entries()) {
      if (index > 0) parts.push(",");
      writeJson(item, `${path}[${index}]`, readable, parts);
    }
    parts.push("]");
  } else if (typeof value === "object" && value !== null) {
    parts.push("{");
    for (const [index, [name, item]] of Object.entries(value).entries()) {
      parts.push(`${index > 0 ? "," : ""}${JSON.stringify(name)}:`);
      writeJson(item, `${path}.${name}`, readable, parts);
    }
    parts.push("}");
  } else {
    parts.push(JSON.stringify(value) ?? refuse(path, value, "it must be a JSON value"));
  }
}

function jsonText(text: string, path: string, readable: Readable): Part[] {
  const whole = /^\{\{([^{}]*)\}\}$/.exec(text);
  if (whole) {
    const read = compileExpression(whole[1] ?? "", path, readable);
    return [(scope) => JSON.stringify(read(scope) ?? null)];
  }
  const parts = textParts(text, path, readable);
  if (parts.every((part) => typeof part === "string")) return [JSON.stringify(text)];
  const write = joinParts(parts);
  return [(scope) => JSON.stringify(write(scope))];
}

function textParts(text: string, path: string, readable: Readable): Part[] {
  const parts: Part[] = [];
  let from = 0;
  for (const hole of text.matchAll(HOLE)) {
    parts.push(text.slice(from, hole.index));
    const read = compileExpression(hole[1] ?? "", path, readable);
    parts.push((scope) => asName(read(scope)) ?? "");
    from = hole.index + hole[0].length;
  }
  parts.push(text.slice(from));
  if (parts.some((part) => typeof part === "string" && part.includes("{{"))) refuse(path, text, "a {{ is never closed");
  return parts;
}

function joinParts(parts: readonly Part[]): Template {
  const joined: Part[] = [];
  for (const part of parts) {
    const last = joined.at(-1);
    if (typeof part === "string" && typeof last === "string") joined[joined.length - 1] = last + part;
    else joined.push(part);
  }
  const [only] = joined;
  if (joined.length === 1 && typeof only === "string") return () => only;
  return (scope) => {
    let text = "";
    for (const part of joined) text += typeof part === "string" ? part : part(scope);
    return text;
  };
}
