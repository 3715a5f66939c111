import { z } from "zod";
import type { Admin } from "../admin.ts";
import type { AppParts } from "../app.ts";
import type { Principal } from "../principal.ts";
import { ProblemError } from "../problem.ts";
import { json, route, type Route } from "../route.ts";
import { entryOf, type NewToken } from "../token-book.ts";
import { duration, pageOf } from "../schemas/common.ts";

const scopes = z.array(z.enum(["call", "read", "operate"])).min(1);
const shape = {
  name: z.string(),
  scopes,
  apis: z.array(z.string()).optional(),
  account: z.string().optional(),
  rateLimit: z.strictObject({ limit: z.number(), perMs: z.number(), burst: z.number() }).optional(),
  expiresAt: z.number().optional(),
  createdAt: z.number(),
};
const view = z.strictObject(shape);
const created = z.strictObject({ ...shape, token: z.string().describe("Told this once") });
const create = z.strictObject({
  name: z.string(),
  scopes,
  apis: z.array(z.string().min(1)).min(1).max(100).optional().describe("Only these APIs"),
  account: z.string().min(1).max(256).optional().describe("Acts for this account, and sees no other"),
  rateLimit: z
    .strictObject({ limit: z.number().positive(), per: duration.optional(), burst: z.number().min(1).optional() })
    .optional()
    .describe("Requests that it may make"),
  expiresIn: duration.optional(),
  reason: z.string().max(1_000).optional().describe("Why, for the audit log"),
});

export function tokenRoutes({ clock }: AppParts, { tokens, look }: Admin): readonly Route[] {
  return [
    route({
      method: "GET",
      path: "/v1/tokens",
      scope: "operate",
      id: "listTokens",
      summary: "Tokens in the store, without what would let anybody in; those of the config are not among them",
      answers: { 200: { description: "All of them.", schema: pageOf(view) } },
      handle: async ({ principal }) => {
        refuseLimited(principal);
        return json({ items: await tokens.list(), next: null });
      },
    }),
    route({
      method: "POST",
      path: "/v1/tokens",
      scope: "operate",
      id: "createToken",
      summary: "Makes a token, which is told this once and kept as a hash",
      body: create,
      answers: { 201: { description: "The token.", schema: created } },
      handle: async ({ body, principal }) => {
        refuseLimited(principal);
        const beyond = body.scopes.find((scope) => !principal.scopes.includes(scope));
        if (beyond !== undefined)
          throw new ProblemError("forbidden", `the token ${principal.name} has not the scope ${beyond}, and cannot hand it on`);
        const made = await tokens.create(entryOf(body as NewToken, clock.now()));
        await look();
        return json(made, 201);
      },
    }),
    route({
      method: "DELETE",
      path: "/v1/tokens/{name}",
      scope: "operate",
      id: "revokeToken",
      summary: "Takes a token back; other processes over the store notice within seconds",
      answers: { 200: { description: "It is gone.", schema: z.strictObject({ revoked: z.string() }) } },
      handle: async ({ params, principal }) => {
        refuseLimited(principal);
        const name = params["name"] as string;
        await tokens.revoke(name);
        await look();
        return json({ revoked: name });
      },
    }),
  ];
}

/** A token that does not reach everything must not make one that does. */
function refuseLimited({ apis, bound, name }: Principal): void {
  if (apis !== undefined || bound)
    throw new ProblemError("forbidden", `the token ${name} does not reach everything, and so handles no tokens`);
}
