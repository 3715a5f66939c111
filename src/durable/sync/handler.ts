import type { SyncResult } from "./report.ts";

/** What guards the endpoint of a sync. */
export interface SyncHandlerOptions {
  /**
   * Whether the request may start a run. `secret` looks for `Authorization: Bearer …`, which is how cron services sign in.
   * @default everybody may: put it behind what guards your other routes
   */
  readonly secret?: (given: string) => Promise<boolean>;
}

/** An HTTP endpoint that runs a sync: 200 complete, 207 partial, 409 running, 500 failed, with the report as its body. */
export function syncHandler(run: () => Promise<SyncResult>, { secret }: SyncHandlerOptions = {}): (request: Request) => Promise<Response> {
  return async (request) => {
    if (request.method !== "GET" && request.method !== "POST") {
      return problem(405, "method-not-allowed", "a run is started by GET or POST", { allow: "GET, POST" });
    }
    if (secret !== undefined) {
      const given = /^Bearer (.+)$/i.exec(request.headers.get("authorization") ?? "")?.[1];
      if (given === undefined || !(await secret(given))) {
        return problem(401, "unauthorized", "the header Authorization does not hold the secret of this endpoint", {
          "www-authenticate": "Bearer",
        });
      }
    }
    return answerOf(await run());
  };
}

function answerOf(result: SyncResult): Response {
  const { status, ...body } = result;
  if (result.outcome === "running") {
    return json(status, body, { "retry-after": String(Math.max(1, Math.ceil(result.retryAfterMs / 1000))) });
  }
  const { cause: _cause, ...report } = body as typeof body & { readonly cause?: unknown };
  return json(status, report);
}

function problem(status: number, code: string, detail: string, headers: Readonly<Record<string, string>>): Response {
  return json(status, { status, code, detail }, { ...headers, "content-type": "application/problem+json" });
}

function json(status: number, body: unknown, headers: Readonly<Record<string, string>> = {}): Response {
  return new Response(JSON.stringify(body), {
    status,
    // A cron endpoint is read by GET, and what it says is true once.
    headers: { "content-type": "application/json", "cache-control": "no-store", ...headers },
  });
}
