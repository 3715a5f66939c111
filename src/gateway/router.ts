import { ProblemError } from "./problem.ts";
import type { Route } from "./route.ts";

export type Match =
  | { readonly route: Route; readonly params: Readonly<Record<string, string>> }
  /** The path is there, the method is not. */
  | { readonly allow: readonly string[] };

interface Compiled {
  readonly route: Route;
  readonly segments: readonly string[];
}

/** Finds routes by method and path. A segment that is spelled out goes before one that is a parameter. */
export class Router {
  readonly #routes: readonly Compiled[];

  constructor(routes: readonly Route[]) {
    const compiled = routes.map((route) => ({ route, segments: route.path.split("/") }));
    this.#routes = compiled.sort((a, b) => wildness(a) - wildness(b));
    const seen = new Set<string>();
    for (const { method, path } of routes) {
      const name = `${method} ${path}`;
      if (seen.has(name)) throw new Error(`the route ${name} stands twice in the table`);
      seen.add(name);
    }
  }

  /** `pathname` as the URL has it, still percent-encoded, so that an encoded slash stays in its segment. */
  match(method: string, pathname: string): Match | undefined {
    const given = pathname.split("/");
    const there = this.#routes.filter(({ segments }) => fits(segments, given));
    const found = there.find(({ route }) => route.method === (method === "HEAD" ? "GET" : method));
    if (found !== undefined) return { route: found.route, params: paramsOf(found.segments, given) };
    if (there.length === 0) return undefined;
    const methods = new Set(there.flatMap(({ route }) => (route.method === "GET" ? ["GET", "HEAD"] : [route.method])));
    return { allow: [...methods] };
  }
}

function wildness({ segments }: Compiled): number {
  return segments.filter(isParameter).length;
}

function isParameter(segment: string): boolean {
  return segment.startsWith("{");
}

function fits(segments: readonly string[], given: readonly string[]): boolean {
  return (
    segments.length === given.length &&
    segments.every((segment, index) => (isParameter(segment) ? given[index] !== "" : segment === given[index]))
  );
}

function paramsOf(segments: readonly string[], given: readonly string[]): Readonly<Record<string, string>> {
  const params: Record<string, string> = {};
  for (const [index, segment] of segments.entries()) {
    if (isParameter(segment)) params[segment.slice(1, -1)] = decoded(given[index] ?? "");
  }
  return params;
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    throw new ProblemError(
      "invalid-request",
      `${JSON.stringify(segment.slice(0, 100))} in the path is not percent-encoded as it should be`,
    );
  }
}
