import { z } from "zod";
import type { EventMap, EventName, LaneRef } from "../../ports/events.ts";
import type { AppParts } from "../app.ts";
import { EventStream } from "../event-stream.ts";
import { maySee, mayUse, type Principal } from "../principal.ts";
import { ProblemError } from "../problem.ts";
import { route, type Route } from "../route.ts";

/**
 * What is told to those who watch. Withheld: events of every attempt, which are too many for people, and those that hold errors
 * and keys, which may be anything.
 */
const TOLD = [
  "retry:scheduled",
  "call:settled",
  "breaker:changed",
  "limiter:paused",
  "dead-letter:added",
  "operation:settled",
  "lanes:overflow",
] as const satisfies readonly EventName[];

/** Streams at a time; each holds a connection and a queue. */
const MOST_STREAMS = 100;

interface Watcher {
  readonly stream: EventStream;
  readonly principal: Principal;
  readonly names: ReadonlySet<string>;
}

export function eventRoutes({ hf, clock }: AppParts): { readonly routes: readonly Route[]; readonly close: () => void } {
  const watchers = new Set<Watcher>();
  let leave: readonly (() => void)[] = [];
  let count = 0;

  const tell = <Name extends (typeof TOLD)[number]>(name: Name, event: EventMap[Name]): void => {
    count += 1;
    const id = String(count);
    for (const { stream, principal, names } of watchers) {
      if (names.has(name) && concerns(principal, event)) stream.send(name, { at: clock.now(), ...event }, id);
    }
  };
  /** Nobody is listened for where nobody watches: an event that is wanted costs its maker something. */
  const listen = (): void => {
    if (watchers.size > 0 && leave.length === 0) leave = TOLD.map((name) => hf.on(name, (event) => tell(name, event)));
    if (watchers.size > 0) return;
    for (const stop of leave) stop();
    leave = [];
  };

  const routes = [
    route({
      method: "GET",
      path: "/v1/events",
      scope: "read",
      id: "streamEvents",
      summary: "What happens, as server-sent events, with a heartbeat every 15 s; `dropped` tells a slow reader what it missed",
      query: z.strictObject({
        types: z
          .string()
          .max(1_000)
          .optional()
          .describe(`Some of ${TOLD.join(", ")}, with commas between`),
      }),
      answers: { 200: { description: "The stream.", content: "text/event-stream" } },
      handle: async ({ query, principal, signal }) => {
        const names = query.types?.split(",") ?? TOLD;
        const stranger = names.find((name) => !(TOLD as readonly string[]).includes(name));
        if (stranger !== undefined)
          throw new ProblemError(
            "invalid-request",
            `query.types: there is no event ${JSON.stringify(stranger.slice(0, 100))}; known are ${TOLD.join(", ")}`,
          );
        if (watchers.size >= MOST_STREAMS)
          throw new ProblemError("too-many-requests", `${MOST_STREAMS} streams of events are open, and no more are let in`);
        const stream = new EventStream(clock, () => {
          watchers.delete(watcher);
          listen();
        });
        const watcher: Watcher = { stream, principal, names: new Set(names) };
        watchers.add(watcher);
        listen();
        signal.addEventListener("abort", () => stream.close(), { once: true });
        return new Response(stream.body, { headers: { "content-type": "text/event-stream", "x-accel-buffering": "no" } });
      },
    }),
  ];
  return {
    routes,
    close() {
      for (const { stream } of watchers) stream.close();
    },
  };
}

function concerns(principal: Principal, event: object): boolean {
  const { lane, api } = event as { readonly lane?: LaneRef; readonly api?: string };
  if (lane !== undefined) return maySee(principal, lane);
  return !principal.bound && (api === undefined ? principal.apis === undefined : mayUse(principal, api));
}
