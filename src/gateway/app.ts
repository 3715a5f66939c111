import { z } from "zod";
import type { Holdfast } from "../client/holdfast.ts";
import type { Clock } from "../ports/clock.ts";
import type { Store } from "../ports/store.ts";
import { adminOf } from "./admin.ts";
import { refusalOfScope, type Authenticator, type ReadHeader, type Refusal } from "./auth.ts";
import type { Dashboard } from "./dashboard.ts";
import { Keeper } from "./keeper.ts";
import { readJson } from "./json-body.ts";
import type { Principal } from "./principal.ts";
import { problemOf, ProblemError, problemResponse } from "./problem.ts";
import type { Route } from "./route.ts";
import { Router } from "./router.ts";
import { routesOf } from "./routes/index.ts";
import { withSession } from "./session-cookie.ts";
import type { StrangerGuard } from "./stranger.ts";
import { queryOf, validated } from "./validate.ts";

/** What the admin side of the gateway works on. */
export interface AppParts {
  readonly hf: Holdfast;
  /** The store that `hf` works on; its own `close()` closes it. */
  readonly store: Store;
  readonly clock: Clock;
  /** Random bytes fit for secrets. */
  readonly randomBytes: (count: number) => Uint8Array;
  /** Shared with the hot path, so that both know the same tokens and count the same failures. */
  readonly authenticator: Pick<Authenticator, "authenticate" | "replace" | "entryOf">;
  /** Shared likewise. */
  readonly strangers: StrangerGuard;
  /** Of the package. */
  readonly version: string;
  /** Whether new work is no longer taken, because the process is about to end. */
  readonly draining: () => boolean;
  /** Told of faults of ours, with all that a log may hold; the client is told nothing of them. */
  readonly failed: (error: unknown, route: string) => void;
  /** What takes the webhooks of each source, at `/in/{source}`. @default none */
  readonly inboxes?: ReadonlyMap<string, (request: Request) => Promise<Response>>;
  /** The pages for people. They hold no data, and are anybody's; what they show comes by the routes. @default none */
  readonly dashboard?: Dashboard;
  /** @default 10 MiB */
  readonly maxBodyBytes?: number;
}

export interface App {
  /** Answers anything but `/to/…`. It never rejects. `client` is the address that the request came from. */
  fetch(request: Request, client?: string): Promise<Response>;
  readonly routes: readonly Route[];
  /**
   * Reads the tokens and holds that stand in the store, and looks at them again every few seconds. Before it has, nobody may be let
   * in: neither here nor on the hot path.
   */
  start(): Promise<void>;
  /** Ends what runs by itself: streams of events, runs, timers. */
  close(): Promise<void>;
}

const MAX_BODY_BYTES = 10 * 1024 * 1024;
const LONGEST_DETAILS = 4_000;
const ANYBODY: Principal = { name: "anonymous", scopes: [], apis: [], account: undefined, bound: false };

/** Everything of the gateway but the hot path: the API for people and programs that look after it. */
export function createApp(parts: AppParts): App {
  const admin = adminOf(parts);
  const { routes, close } = routesOf(parts, admin);
  const keeper = new Keeper(parts, admin.look);
  const router = new Router(routes);
  const maxBodyBytes = parts.maxBodyBytes ?? MAX_BODY_BYTES;

  const answer = async (request: Request, client: string): Promise<Response> => {
    const { pathname, searchParams } = new URL(request.url);
    const read: ReadHeader = (name) => request.headers.get(name);
    const match = router.match(request.method, pathname);
    const reads = request.method === "GET" || request.method === "HEAD";
    const page = match === undefined && reads ? parts.dashboard?.answer(pathname) : undefined;
    const isPublic = page !== undefined || (match !== undefined && "route" in match && match.route.scope === "public");
    const stranger = parts.strangers.refusal(read, isPublic && reads);
    if (stranger !== undefined) return refused(stranger);
    if (page !== undefined) return page;
    if (match === undefined)
      return problemResponse("no-route", `there is nothing at ${pathname.slice(0, 200)}; GET /openapi.json lists all that is`);
    if ("allow" in match) {
      const allow = match.allow.join(", ");
      return problemResponse("method-not-allowed", `${pathname.slice(0, 200)} has the methods ${allow}`, { headers: { allow } });
    }
    const { route, params } = match;
    const { principal = ANYBODY, refusal } =
      route.scope === "public" ? { principal: ANYBODY } : parts.authenticator.authenticate(withSession(read), client);
    if (refusal !== undefined) return refused(refusal);
    const forbidden = refusalOfScope(principal, route.scope);
    if (forbidden !== undefined) return refused(forbidden);
    const given = {
      params,
      query: route.raw === true ? undefined : queryFor(route, searchParams),
      body: route.raw === true ? undefined : await bodyFor(route, request, maxBodyBytes),
      headers: request.headers,
      principal,
      client,
      request,
      signal: request.signal,
    };
    if (route.scope !== "operate" || route.method === "GET") return await route.handle(given);
    const why = (given.body as { readonly reason?: string } | undefined)?.reason;
    const what = {
      ...{ who: principal.name, client, action: route.id, target: pathname },
      ...(why === undefined ? {} : { why }),
      ...(given.body === undefined ? {} : { details: detailsOf(given.body) }),
    };
    return await admin.audit.around(what, () => route.handle(given));
  };

  return {
    routes,
    start: () => keeper.start(),
    close: async () => {
      keeper.close();
      await close();
    },
    async fetch(request, client = "") {
      let response: Response;
      try {
        await keeper.start();
        response = await answer(request, client);
      } catch (error) {
        const told = problemOf(error);
        if (told === undefined) parts.failed(error, `${request.method} ${new URL(request.url).pathname}`);
        response =
          told === undefined
            ? problemResponse("internal", "something went wrong here; the gateway's log says what")
            : problemResponse(told.code, told.detail, told.details);
      }
      return secured(request.method === "HEAD" ? new Response(null, response) : response);
    },
  };
}

/** What the audit log keeps of a body: no payloads, which may hold anything, and nothing without end. */
function detailsOf(body: unknown): unknown {
  const { patch, reason: _reason, ...rest } = body as { readonly patch?: unknown; readonly reason?: unknown };
  const details = { ...rest, ...(patch === undefined ? {} : { patch: "not kept" }) };
  const text = JSON.stringify(details);
  return text.length <= LONGEST_DETAILS ? details : `${text.slice(0, LONGEST_DETAILS)}…`;
}

function refused({ code, detail, ...details }: Refusal): Response {
  return problemResponse(code, detail, details);
}

function queryFor({ query }: Route, search: URLSearchParams): unknown {
  const given = queryOf(search, query?.shape["label"] instanceof z.ZodString);
  if (query !== undefined) return validated(query, given, "query");
  const [stranger] = Object.keys(given);
  if (stranger === undefined) return {};
  const path = `query.${stranger.slice(0, 100)}`;
  throw new ProblemError("invalid-request", `${path}: is not known here`, { errors: [{ path, message: "is not known here" }] });
}

async function bodyFor(route: Route, request: Request, maxBytes: number): Promise<unknown> {
  if (route.method === "GET") return undefined;
  const given = await readJson(request, maxBytes);
  if (route.body === undefined) {
    if (given === undefined) return undefined;
    throw new ProblemError("invalid-request", "body: this takes none");
  }
  if (given === undefined && route.bodyOptional !== true) throw new ProblemError("invalid-request", "body: is missing; send JSON");
  return validated(route.body, given ?? {}, "body");
}

/** What every answer carries, whatever it is: nothing of it is for another site, a frame or a cache. */
const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
  "cross-origin-resource-policy": "same-origin",
  "cache-control": "no-store",
};

/** A route that says otherwise, as a page of its own does with its policy, is left alone. */
function secured(response: Response): Response {
  for (const [name, value] of Object.entries(SECURITY_HEADERS)) if (!response.headers.has(name)) response.headers.set(name, value);
  return response;
}
