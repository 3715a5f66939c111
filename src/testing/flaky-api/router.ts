import { anyEndpoint, unknownEndpoint } from "./endpoint.ts";
import type { Endpoint } from "./endpoint.ts";
import { matchPattern, splitPath } from "./endpoint-pattern.ts";

/** The endpoint of a request, with the path's parameters. */
export interface Route {
  readonly endpoint: Endpoint;
  readonly params: Readonly<Record<string, string>>;
}

export type Router = (method: string, path: string) => Route;

/** Paths outside the script get an endpoint of their own name, so that a mistyped one shows; up to this many. */
const UNKNOWN_LABELS = 200;

/**
 * Finds endpoints: those with a fixed path first, then the others in the order of the script. What the script does not
 * have answers 404, or 200 where the script has no endpoints at all.
 */
export function router(endpoints: readonly Endpoint[], open: boolean): Router {
  const fixed = new Map<string, Route>();
  const patterned: Endpoint[] = [];
  for (const endpoint of endpoints) {
    const { text, method, params, open: more } = endpoint.pattern;
    if (method !== "*" && params.length === 0 && !more) fixed.set(text, { endpoint, params: {} });
    else patterned.push(endpoint);
  }
  const strangers = new Map<string, Route>();
  const make = open ? anyEndpoint : unknownEndpoint;

  return (method, path) => {
    const label = `${method} ${path}`;
    const known = fixed.get(label);
    if (known !== undefined) return known;
    const pieces = splitPath(path);
    for (const endpoint of patterned) {
      const params = matchPattern(endpoint.pattern, method, pieces);
      if (params !== undefined) return { endpoint, params };
    }
    const name = strangers.size < UNKNOWN_LABELS || strangers.has(label) ? label : `${method} (other paths)`;
    let route = strangers.get(name);
    if (route === undefined) strangers.set(name, (route = { endpoint: make(method, name), params: {} }));
    return route;
  };
}
