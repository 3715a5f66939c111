import { z } from "zod";
import type { AppParts } from "../app.ts";
import { refusalOfScope } from "../auth.ts";
import type { Principal } from "../principal.ts";
import { ProblemError } from "../problem.ts";
import { json, route, type Route } from "../route.ts";
import { NO_SESSION_COOKIE, sessionCookie, withSession } from "../session-cookie.ts";
import type { Sessions } from "../sessions.ts";

const who = {
  name: z.string(),
  scopes: z.array(z.enum(["call", "read", "operate"])),
  apis: z.array(z.string()).optional().describe("Only these APIs"),
  account: z.string().optional(),
};
const view = z.strictObject(who);
const begun = z.strictObject({
  ...who,
  expiresAt: z.number().optional().describe("When to sign in again; left out where nobody needs to"),
  session: z.string().optional().describe("Send it as Holdfast-Token. Left out where it came as a cookie"),
});

/**
 * How a person comes in. Over https the session is a cookie that no script can read. Over plain http, which is loopback's affair, a cookie
 * would be sent to every port of the machine; there the page keeps the session itself, for as long as its tab is open.
 */
export function sessionRoutes({ authenticator }: AppParts, sessions: Sessions): readonly Route[] {
  return [
    route({
      method: "POST",
      path: "/v1/session",
      scope: "public",
      id: "signIn",
      summary: "Trades a token for a session of the dashboard, which ends with the token and after twelve hours",
      body: z.strictObject({ token: z.string().min(1).max(1_000) }),
      answers: { 201: { description: "Who it is. Over https the session is a cookie.", schema: begun } },
      handle: async ({ body: { token }, headers, client }) => {
        const read = (name: string): string | null => (name === "holdfast-token" ? token : null);
        const known = authenticator.authenticate(read, client);
        const refused = known.refusal ?? refusalOfScope(known.principal, "read");
        if (refused !== undefined) throw new ProblemError(refused.code, refused.detail, refused);
        const principal = known.principal as Principal;
        const entry = authenticator.entryOf(token);
        if (entry === undefined) return json(viewOf(principal), 201);
        const { session, expiresAt, lifeMs } = await sessions.begin(entry);
        const view = { ...viewOf(principal), expiresAt };
        const isSecure = headers.get("origin")?.startsWith("https:") === true;
        return isSecure ? json(view, 201, { "set-cookie": sessionCookie(session, lifeMs) }) : json({ ...view, session }, 201);
      },
    }),
    route({
      method: "GET",
      path: "/v1/session",
      scope: "read",
      id: "getSession",
      summary: "Who asks, and what the token allows",
      answers: { 200: { description: "It.", schema: view } },
      handle: async ({ principal }) => json(viewOf(principal)),
    }),
    route({
      method: "DELETE",
      path: "/v1/session",
      scope: "read",
      id: "signOut",
      summary: "Ends the session that asks; a token that is none is left alone",
      answers: { 200: { description: "It has ended.", schema: z.strictObject({ ended: z.boolean() }) } },
      handle: async ({ headers }) => {
        const session = withSession((name) => headers.get(name))("holdfast-token");
        if (session != null) await sessions.end(session);
        return json({ ended: true }, 200, { "set-cookie": NO_SESSION_COOKIE });
      },
    }),
  ];
}

function viewOf({ name, scopes, apis, account }: Principal): object {
  return { name, scopes, ...(apis === undefined ? {} : { apis }), ...(account === undefined ? {} : { account }) };
}
