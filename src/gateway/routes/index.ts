import type { Admin } from "../admin.ts";
import type { AppParts } from "../app.ts";
import { ReplayRuns } from "../replay-runs.ts";
import type { Route } from "../route.ts";
import { adviceRoute } from "./advice.ts";
import { alertRoutes } from "./alerts.ts";
import { auditRoutes } from "./audit.ts";
import { deadLetterRoutes } from "./dead-letters.ts";
import { eventRoutes } from "./events.ts";
import { healthRoutes } from "./health.ts";
import { historyRoutes } from "./history.ts";
import { impactRoute } from "./impact.ts";
import { inboxRoute } from "./inbox.ts";
import { laneOf, laneRoutes } from "./lanes.ts";
import { limitRoutes } from "./limits.ts";
import { metricsRoute } from "./metrics.ts";
import { openApiRoute } from "./openapi.ts";
import { operationRoutes } from "./operations.ts";
import { pipelineRoutes } from "./pipelines.ts";
import { replayRoutes } from "./replays.ts";
import { sessionRoutes } from "./session.ts";
import { statsRoute } from "./stats.ts";
import { syncRoutes } from "./syncs.ts";
import { tokenRoutes } from "./tokens.ts";

/** The table of all routes. */
export interface RouteTable {
  readonly routes: readonly Route[];
  readonly close: () => Promise<void>;
}

export function routesOf(parts: AppParts, admin: Admin): RouteTable {
  const runs = new ReplayRuns(parts.hf, parts.clock, admin.random);
  const events = eventRoutes(parts);
  const routes = [
    ...operationRoutes(parts, laneOf),
    ...deadLetterRoutes(parts, runs),
    ...replayRoutes(runs),
    ...laneRoutes(parts, admin.holds),
    ...historyRoutes(parts, admin.holds, laneOf),
    ...limitRoutes(admin),
    statsRoute(parts),
    ...events.routes,
    ...auditRoutes(admin.audit),
    ...tokenRoutes(parts, admin),
    ...sessionRoutes(parts, admin.sessions),
    ...alertRoutes(parts, admin),
    adviceRoute(parts),
    impactRoute(parts),
    ...syncRoutes(parts),
    ...pipelineRoutes(parts),
    metricsRoute(parts),
    inboxRoute(parts),
    ...healthRoutes(parts),
  ];
  return {
    routes: [...routes, openApiRoute(routes, parts.version)],
    close: async () => {
      events.close();
      await runs.close();
    },
  };
}
