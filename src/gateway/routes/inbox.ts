import { z } from "zod";
import type { AppParts } from "../app.ts";
import { ConfigError } from "../../core/errors.ts";
import { ProblemError, problemResponse } from "../problem.ts";
import { route, type Route } from "../route.ts";

const counts = z.strictObject({ taken: z.number().int(), duplicates: z.number().int(), conflicts: z.number().int() });

/**
 * Webhooks, from senders that know no token of ours: the signature over the bytes that came is the authentication, and what is wrong
 * about a delivery is told in the words of the inbox.
 */
export function inboxRoute({ inboxes, failed }: AppParts): Route {
  return route({
    method: "POST",
    path: "/in/{source}",
    scope: "public",
    id: "receiveWebhook",
    summary: "Takes a webhook of a source of the config, by its signature; answered once it is on disk, and each event is taken once",
    raw: true,
    answers: {
      200: { description: "Taken now, or before.", schema: counts },
      401: { description: "Not signed, not by the sender, or not now.", content: "application/problem+json" },
      409: { description: "An event of this id was taken before, with another body.", content: "application/problem+json" },
    },
    handle: async ({ params: { source = "" }, request }) => {
      const receive = inboxes?.get(source);
      if (receive === undefined) {
        throw new ProblemError(
          "no-route",
          `there is no inbox ${JSON.stringify(source.slice(0, 100))}; the config names them under inboxes`,
        );
      }
      try {
        return await receive(request);
      } catch (error) {
        // A secret that is not there is our fault: the sender may come again, and is not told where it should stand.
        if (!(error instanceof ConfigError)) throw error;
        failed(error, `POST /in/${source}`);
        return problemResponse("internal", "something went wrong here; the gateway's log says what");
      }
    },
  });
}
