import { openApiOf } from "../openapi.ts";
import { json, route, type Route } from "../route.ts";

/** The document of all routes, this one included. */
export function openApiRoute(others: readonly Route[], version: string): Route {
  let text: object | undefined;
  const own: Route = route({
    method: "GET",
    path: "/openapi.json",
    scope: "public",
    id: "openApi",
    summary: "This document",
    answers: { 200: { description: "OpenAPI 3.1." } },
    handle: async () => json((text ??= openApiOf([...others, own], version))),
  });
  return own;
}
