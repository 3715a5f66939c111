import type { AppParts } from "../app.ts";
import type { Route } from "../route.ts";
import { healthRoutes } from "./health.ts";

/** The table of all routes. */
export interface RouteTable {
  readonly routes: readonly Route[];
  readonly close: () => Promise<void>;
}

export function routesOf(parts: AppParts): RouteTable {
  return { routes: [...healthRoutes(parts)], close: async () => {} };
}
