import { z } from "zod";
import type { AppParts } from "../app.ts";
import { ProblemError } from "../problem.ts";
import { json, route, type Route } from "../route.ts";

/** A look at the store costs a query; probes of several watchers share one. */
const CHECKED_FOR_MS = 1_000;

const status = (word: string): z.ZodType => z.strictObject({ status: z.literal(word) });

/** For whoever starts, stops and balances the process. Told to anybody, so they say no more than that. */
export function healthRoutes({ store, clock, draining }: AppParts): readonly Route[] {
  let checkedAt = Number.NEGATIVE_INFINITY;
  let check: Promise<boolean> = Promise.resolve(false);
  const storeIsWell = (): Promise<boolean> => {
    const now = clock.monotonic();
    if (now - checkedAt >= CHECKED_FOR_MS) {
      checkedAt = now;
      check = store.check().then(
        ({ ok }) => ok,
        () => false,
      );
    }
    return check;
  };

  return [
    route({
      method: "GET",
      path: "/healthz",
      scope: "public",
      id: "health",
      summary: "The process answers",
      answers: { 200: { description: "It does.", schema: status("ok") } },
      handle: async () => json({ status: "ok" }),
    }),
    route({
      method: "GET",
      path: "/readyz",
      scope: "public",
      id: "ready",
      summary: "New work is taken",
      answers: { 200: { description: "It is.", schema: status("ready") } },
      handle: async () => {
        if (draining()) throw new ProblemError("not-ready", "the gateway is shutting down and takes no new work");
        if (!(await storeIsWell())) throw new ProblemError("not-ready", "the store does not work; `holdfast store check` says why");
        return json({ status: "ready" });
      },
    }),
  ];
}
