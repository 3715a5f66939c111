import type { z } from "zod";
import type { Principal, Scope } from "./principal.ts";

/** What one route is, says and does. OpenAPI, validation, authorisation and the tests that walk the table all read this. */
export interface Route {
  readonly method: "GET" | "POST" | "DELETE";
  /** A template such as `/v1/operations/{id}`; a parameter fills one segment. */
  readonly path: string;
  /** Who may call it: `public` is anybody. There is no default, so that a new route cannot be left open. */
  readonly scope: Scope | "public";
  /** Stable name of the operation in OpenAPI, and of the action in the audit log. */
  readonly id: string;
  readonly summary: string;
  /** Query parameters; a route without them refuses all. */
  readonly query?: z.ZodObject;
  /** JSON body; a route without one refuses any. */
  readonly body?: z.ZodType;
  /** Whether the body may be left out. */
  readonly bodyOptional?: true;
  /** The handler reads the request itself, as the bytes that came, and bounds what it reads; no query, body or type is looked at before. */
  readonly raw?: true;
  /** Answers of the route by status, beside problems. `json` unless `content` says otherwise. */
  readonly answers: Readonly<Record<number, RouteAnswer>>;
  readonly handle: (request: RouteRequest) => Promise<Response>;
}

export interface RouteAnswer {
  readonly description: string;
  readonly schema?: z.ZodType;
  readonly content?: string;
}

/** A request that has passed authorisation and validation. */
export interface RouteRequest<Query = unknown, Body = unknown> {
  readonly params: Readonly<Record<string, string>>;
  readonly query: Query;
  readonly body: Body;
  readonly headers: Headers;
  readonly principal: Principal;
  /** The address that it came from. */
  readonly client: string;
  /** As it came. Its body has been read, but for a route that is `raw`. */
  readonly request: Request;
  /** Aborts when the client goes away. */
  readonly signal: AbortSignal;
}

interface TypedRoute<Query extends z.ZodObject, Body extends z.ZodType> extends Omit<Route, "query" | "body" | "handle"> {
  readonly query?: Query;
  readonly body?: Body;
  readonly handle: (request: RouteRequest<z.output<Query>, z.output<Body>>) => Promise<Response>;
}

/** A route whose handler gets what its schemas let through. */
export function route<Query extends z.ZodObject, Body extends z.ZodType>(typed: TypedRoute<Query, Body>): Route {
  return typed as unknown as Route;
}

/** A JSON answer. */
export function json(value: unknown, status = 200, headers: Readonly<Record<string, string>> = {}): Response {
  return new Response(JSON.stringify(value), { status, headers: { "content-type": "application/json", ...headers } });
}
