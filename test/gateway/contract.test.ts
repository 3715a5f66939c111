/** The contract of `/to/{api}/…`, by HTTP alone against a started process. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { json, serve, type TestServer } from "../client/server.ts";
import { startGateway, type GatewayProcess } from "./gateway-process.ts";

const run = promisify(execFile);
let upstream: TestServer;
let gateway: GatewayProcess;
/** Writes that took effect, by path. */
const effects = new Map<string, number>();
const goOn: (() => void)[] = [];
const seenAt = (path: string): number => upstream.seen.filter(({ url }) => url.startsWith(`/base${path}`)).length;

beforeAll(async () => {
  upstream = await serve(async (seen, response) => {
    const { pathname } = new URL(seen.url, "http://x");
    const path = pathname.replace(/^\/base/, "");
    const nth = seenAt(path);
    effects.set(path, (effects.get(path) ?? 0) + 1);
    if (path.startsWith("/flaky") && nth < 3) return json(response, 503, { no: nth });
    if (path.startsWith("/slow")) await new Promise<void>((resolve) => goOn.push(resolve));
    if (path === "/empty") return void response.writeHead(204, { "x-own": "1" }).end();
    if (path === "/not-modified") return void response.writeHead(304, { etag: '"1"' }).end();
    if (path === "/moved") return void response.writeHead(302, { location: "/elsewhere" }).end("over there");
    if (path === "/refused") return json(response, 422, { message: "no such thing" }, { "x-own": "1" });
    if (path === "/cookies") return void response.writeHead(200, "Fine", { "set-cookie": ["a=1", "b=2"] }).end("ok");
    if (path === "/trailers") {
      response.writeHead(200, { trailer: "x-sum" });
      response.write("body");
      response.addTrailers({ "x-sum": "42" });
      return void response.end();
    }
    if (path === "/hints") {
      response.writeEarlyHints({ link: "</a>; rel=preload" });
      return json(response, 200, { ok: true });
    }
    if (path === "/stream" || path.endsWith("/messages") || path.endsWith("/chat/completions")) {
      if (path === "/stream" || seen.body.toString().includes('"stream":true')) {
        response.writeHead(200, { "content-type": "text/event-stream" });
        for (const event of eventsOf(path)) {
          response.write(event);
          if (path === "/stream") await new Promise<void>((resolve) => goOn.push(resolve));
        }
        return void response.end();
      }
    }
    json(response, path.includes("customers") ? 200 : 201, {
      id: "x1",
      object: "thing",
      method: seen.method,
      url: seen.url,
      headers: seen.headers,
      body: seen.body.toString(),
      content: [],
      choices: [],
    });
  });
  const api = { baseUrl: `${upstream.url}/base`, retry: { maxAttempts: 3, backoff: { base: 5, cap: 10 } } };
  gateway = await startGateway({
    apis: {
      up: { ...api, idempotency: { header: "Idempotency-Key" } },
      strict: { ...api, idempotency: { required: true } },
      down: { baseUrl: "http://127.0.0.1:9", retry: { maxAttempts: 1 }, breaker: { minimumCalls: 1, window: 1 } },
    },
  });
});

afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await upstream[Symbol.asyncDispose]();
});

function eventsOf(path: string): readonly string[] {
  if (path.endsWith("/messages")) {
    return [
      'event: message_start\ndata: {"type":"message_start","message":{"id":"m","type":"message","role":"assistant","content":[],"model":"x","usage":{"input_tokens":1,"output_tokens":1}}}\n\n',
      'event: content_block_start\ndata: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}\n\n',
      'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"hello"}}\n\n',
      'event: message_stop\ndata: {"type":"message_stop"}\n\n',
    ];
  }
  if (path.endsWith("/chat/completions")) {
    return [
      'data: {"id":"c","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":"hello"}}]}\n\n',
      "data: [DONE]\n\n",
    ];
  }
  return ["data: one\n\n", "data: two\n\n"];
}

const to = (path: string, init?: RequestInit): Promise<Response> => fetch(`${gateway.url}/to${path}`, { redirect: "manual", ...init });
const post = (path: string, body: string, headers: Record<string, string> = {}): Promise<Response> =>
  to(path, { method: "POST", body, headers: { "content-type": "application/json", ...headers } });

interface Problem {
  readonly code: string;
  readonly operation: string;
  readonly attempts: number;
  readonly because?: { readonly code: string };
}
async function problemIn(response: Response): Promise<Problem> {
  expect(response.headers.get("content-type")).toBe("application/problem+json");
  return (await response.json()) as Problem;
}

describe("an answer", () => {
  test("says what was done for it, and is the upstream's in all else", async () => {
    const response = await post("/up/things?x=%2F1", '{"a":1}', { "holdfast-labels": 'lead=42, campaign="q 4"' });
    expect(response.status).toBe(201);
    expect(response.headers.get("holdfast-outcome")).toBe("succeeded");
    expect(response.headers.get("holdfast-attempts")).toBe("1");
    const echo = (await response.json()) as { url: string; body: string; headers: Record<string, string> };
    expect(echo).toMatchObject({ url: "/base/things?x=%2F1", body: '{"a":1}' });
    expect(echo.headers["x-request-id"]).toBe(response.headers.get("holdfast-operation"));
    expect(Object.keys(echo.headers).filter((name) => name.startsWith("holdfast"))).toEqual([]);
  });

  test("comes after retries that nobody had to make, and tells of them", async () => {
    const response = await to("/up/flaky");
    expect([response.status, response.headers.get("holdfast-attempts")]).toEqual([201, "3"]);
  });

  test("that refuses passes unchanged, and says that the retries are over", async () => {
    const response = await post("/up/refused", "{}");
    expect(response.status).toBe(422);
    expect(response.headers.get("x-own")).toBe("1");
    expect(response.headers.get("holdfast-outcome")).toBe("failed");
    expect(await response.json()).toEqual({ message: "no such thing" });
  });

  test("without a body, redirects, cookies and reason phrases come as they are", async () => {
    expect((await to("/up/empty")).status).toBe(204);
    expect((await to("/up/not-modified", { headers: { "if-none-match": '"1"' } })).status).toBe(304);
    const moved = await to("/up/moved");
    expect([moved.status, moved.headers.get("location"), await moved.text()]).toEqual([302, "/elsewhere", "over there"]);
    const cookies = await to("/up/cookies");
    expect([cookies.statusText, cookies.headers.getSetCookie()]).toEqual(["Fine", ["a=1", "b=2"]]);
    const head = await to("/up/things", { method: "HEAD" });
    expect([head.status, await head.text()]).toEqual([201, ""]);
  });

  test("keeps its trailers, and early hints are no answer", async () => {
    const { stdout } = await run("curl", ["-si", "--raw", `${gateway.url}/to/up/trailers`]);
    expect(stdout).toContain("x-sum: 42");
    expect((await to("/up/hints")).status).toBe(200);
  });

  test("that streams comes piece by piece", async () => {
    const response = await to("/up/stream");
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    const next = async (): Promise<string> => new TextDecoder().decode((await reader.read()).value);
    expect(await next()).toBe("data: one\n\n");
    goOn.pop()?.();
    expect(await next()).toBe("data: two\n\n");
    goOn.pop()?.();
    expect((await reader.read()).done).toBe(true);
  });
});

describe("a key", () => {
  test("makes one effect of fifty calls at once, and the same bytes of every repeat", async () => {
    const send = (): Promise<Response> => post("/up/slow-key", '{"n":1}', { "idempotency-key": '"k-50"' });
    const all = Array.from({ length: 50 }, send);
    await until(() => goOn.length > 0);
    const joined = post("/up/slow-key", '{"n":1}', { "idempotency-key": "k-50", prefer: "wait=30" });
    const early = await Promise.race(all);
    expect([early.status, early.headers.get("retry-after"), (await problemIn(early)).code]).toEqual([409, "1", "idempotency-in-flight"]);
    expect((await post("/up/slow-key", '{"n":2}', { "idempotency-key": "k-50" })).status).toBe(422);
    // Whoever comes after the end is answered with it; here all have to have come before.
    let refused = 0;
    for (const one of all) void one.then(() => (refused += 1));
    await until(() => refused === 49);
    goOn.splice(0).forEach((go) => go());
    const answers = await Promise.all(all);
    const done = answers.filter(({ status }) => status === 201);
    expect(done).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 409)).toHaveLength(49);
    expect(effects.get("/slow-key")).toBe(1);
    const first = await (done[0] as Response).text();
    const other = await joined;
    expect([other.status, await other.text()]).toEqual([201, first]);
    const again = await send();
    expect([again.headers.get("idempotency-replayed"), again.headers.get("holdfast-outcome"), await again.text()]).toEqual([
      "true",
      "replayed",
      first,
    ]);
    expect(effects.get("/slow-key")).toBe(1);
  });

  test("that is wanted and missing is asked for", async () => {
    const response = await post("/strict/things", "{}");
    expect([response.status, (await problemIn(response)).code]).toEqual([400, "idempotency-key-missing"]);
  });
});

describe("Prefer", () => {
  test("respond-async answers 202 once it is on disk, and it is done", async () => {
    const response = await post("/up/later", "{}", { prefer: "respond-async", "idempotency-key": "later-1" });
    expect(response.status).toBe(202);
    expect(response.headers.get("preference-applied")).toBe("respond-async");
    expect(response.headers.get("location")).toBe(`/v1/operations/${response.headers.get("holdfast-operation")}`);
    await until(() => effects.get("/later") === 1);
    const again = await post("/up/later", "{}", { prefer: "respond-async", "idempotency-key": "later-1" });
    expect(again.headers.get("holdfast-operation")).toBe(response.headers.get("holdfast-operation"));
  });

  test("respond-async with wait answers with the end where it comes in time, and 202 where it does not", async () => {
    const soon = await post("/up/soon", "{}", { prefer: "respond-async, wait=20" });
    expect([soon.status, soon.headers.get("holdfast-outcome")]).toEqual([201, "succeeded"]);
    const late = await post("/up/slow-late", "{}", { prefer: "wait=1; foo, respond-async" });
    expect([late.status, late.headers.get("preference-applied")]).toEqual([202, "respond-async, wait=1"]);
    goOn.splice(0).forEach((go) => go());
  });

  test("what is not for us goes on to the upstream", async () => {
    const echo = (await (await post("/up/things", "{}", { prefer: "return=minimal, wait=5" })).json()) as {
      headers: Record<string, string>;
    };
    expect(echo.headers["prefer"]).toBe("return=minimal");
  });

  test("what is accepted outlives kill -9", async () => {
    const own = await startGateway({ apis: { up: { baseUrl: `${upstream.url}/base` } } });
    const { folder } = own;
    const accepted = await fetch(`${own.url}/to/up/slow-kill`, { method: "POST", body: "{}", headers: { prefer: "respond-async" } });
    expect(accepted.status).toBe(202);
    await own.end("SIGKILL");
    const { DatabaseSync } = await import("node:sqlite");
    const file = new DatabaseSync(`${folder}/holdfast.db`, { readOnly: true });
    const tables = file.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").all() as { name: string }[];
    const id = accepted.headers.get("holdfast-operation") as string;
    const hex = id.replaceAll("-", "");
    const found = tables.some(({ name }) =>
      file
        .prepare(`SELECT * FROM "${name}"`)
        .all()
        .some((row) =>
          Object.values(row).some((value) => value === id || (value instanceof Uint8Array && Buffer.from(value).toString("hex") === hex)),
        ),
    );
    file.close();
    expect(found).toBe(true);
    goOn.splice(0).forEach((go) => go());
    await own[Symbol.asyncDispose]();
  });
});

test("an upstream that cannot be reached is told as a problem, and the breaker's refusal says when to come back", async () => {
  const first = await to("/down/x");
  expect([first.status, (await problemIn(first)).code]).toEqual([502, "upstream-unreachable"]);
  const second = await to("/down/x");
  expect([second.status, second.headers.get("holdfast-outcome")]).toEqual([503, "refused"]);
  expect(Number(second.headers.get("retry-after"))).toBeGreaterThan(0);
  expect(await problemIn(second)).toMatchObject({ code: "circuit-open", attempts: 0, because: { code: "breaker-open" } });
});

test("a client that leaves takes its request to the upstream with it", async () => {
  const stop = new AbortController();
  const before = await upstream.connections();
  const left = to("/up/slow-left", { signal: stop.signal }).catch((error: unknown) => error);
  await until(() => seenAt("/slow-left") === 1);
  stop.abort();
  await left;
  goOn.splice(0);
  await untilAsync(async () => (await upstream.connections()) <= before);
  expect(await left).toMatchObject({ name: "AbortError" });
});

async function until(holds: () => boolean): Promise<void> {
  await untilAsync(() => Promise.resolve(holds()));
}

async function untilAsync(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 10));
}
