import type { Received } from "./received.ts";
import { refuse } from "../reading.ts";

/** What an expression may read. */
export interface Scope {
  readonly request: Received;
  readonly params: Readonly<Record<string, string>>;
  /** The idempotency key that the request carries. */
  readonly key?: string | undefined;
  readonly subject?: string | undefined;
  /** What the ledger gave to this request's effect. */
  readonly ledger?: { readonly id: string } | undefined;
  /** What a lookup found. */
  readonly lookup?: { readonly items: readonly unknown[]; readonly first: unknown; readonly count: number } | undefined;
}

/** Reads one value out of a request, such as `body.contact.email`; `undefined` where there is none. */
export type Expression = (scope: Scope) => unknown;

/** Which roots an expression may start with, and which path parameters there are, where it stands. */
export interface Readable {
  readonly roots: readonly string[];
  readonly params: readonly string[];
}

/** What can be read before anything is decided. */
export const REQUEST_ROOTS: readonly string[] = ["body", "path", "query", "header"];

/**
 * Compiles `root.segment.segment`. Segments of `body` are own fields or indexes, so that no text can reach a prototype.
 * Whatever can be told to be wrong beforehand is: an unknown root, a path parameter that the endpoint does not have.
 */
export function compileExpression(text: string, path: string, readable: Readable): Expression {
  const [root = "", ...segments] = text.trim().split(".");
  if (!readable.roots.includes(root) || segments.includes("")) {
    return refuse(path, text, `it must start with one of ${readable.roots.join(", ")}, such as "${readable.roots[0]}.email"`);
  }
  const name = segments.join(".");
  switch (root) {
    case "body":
      return ({ request }) => dig(request.body, segments);
    case "lookup":
      return ({ lookup }) => dig(lookup, segments);
    case "ledger":
      if (name !== "id") refuse(path, text, "the ledger gives ledger.id");
      return ({ ledger }) => ledger?.id;
    case "path":
      if (!readable.params.includes(name)) {
        refuse(
          path,
          text,
          `the path has ${readable.params.length === 0 ? "no parameters" : `the parameters ${readable.params.join(", ")}`}`,
        );
      }
      return ({ params }) => params[name];
    case "query":
      if (name === "") refuse(path, text, "say which one: query.<name>");
      return ({ request }) => request.query.get(name) ?? undefined;
    case "header": {
      if (name === "") refuse(path, text, "say which one: header.<name>");
      const header = name.toLowerCase();
      return ({ request }) => request.header(header);
    }
    default:
      if (segments.length > 0) refuse(path, text, `${root} has no fields`);
      return root === "key" ? ({ key }) => key : ({ subject }) => subject;
  }
}

/** Follows own fields, and indexes of lists. */
export function dig(value: unknown, segments: readonly string[]): unknown {
  let current = value;
  for (const segment of segments) {
    if (typeof current !== "object" || current === null || !Object.hasOwn(current, segment)) return undefined;
    current = (current as Record<string, unknown>)[segment];
  }
  return current;
}

/** A value as the ledger counts by it; `undefined` where there is nothing to count by. */
export function asName(value: unknown): string | undefined {
  if (value === undefined || value === null || value === "") return undefined;
  return typeof value === "string" ? value : JSON.stringify(value);
}
