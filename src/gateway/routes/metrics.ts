import type { AppParts } from "../app.ts";
import { refusePart } from "../principal.ts";
import { route, type Route } from "../route.ts";

const CONTENT = "text/plain; version=0.0.4; charset=utf-8";

/** For a scraper, which shows a token with the scope `read` where there are tokens: names of APIs and how they fare are not for anybody. */
export function metricsRoute({ hf }: AppParts): Route {
  return route({
    method: "GET",
    path: "/metrics",
    scope: "read",
    id: "getMetrics",
    summary: "Everything that is counted, in the text format of Prometheus",
    answers: { 200: { description: "Metrics.", content: "text/plain" } },
    handle: async ({ principal }) => {
      refusePart(principal, "metrics go");
      return new Response(await hf.metrics(), { headers: { "content-type": CONTENT } });
    },
  });
}
