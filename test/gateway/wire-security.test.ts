/** What may not come in by the wire, and what may not go on. By raw bytes, since clients refuse to send most of it. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { json, serve, type TestServer } from "../client/server.ts";
import { raw, startGateway, type GatewayProcess } from "./gateway-process.ts";

let upstream: TestServer;
let gateway: GatewayProcess;

beforeAll(async () => {
  upstream = await serve((seen, response) => {
    if (seen.url.includes("hang")) return;
    json(
      response,
      200,
      { url: seen.url, headers: seen.headers, length: seen.body.length },
      { connection: "x-hop", "x-hop": "1", "keep-alive": "timeout=9", "holdfast-outcome": "forged" },
    );
  });
  gateway = await startGateway({
    apis: { open: { baseUrl: `${upstream.url}/base` } },
    gateway: {
      maxBody: 20_000,
      replayBody: 5_000,
      maxHeaders: 4_096,
      headersTimeout: "600ms",
      requestTimeout: "1200ms",
      maxConnections: 20,
      grace: "3s",
    },
  });
});

afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await upstream[Symbol.asyncDispose]();
});

const ask = (head: string, body = ""): Promise<string> => raw(gateway.port, `${head}\r\n\r\n${body}`);
const statusOf = (answer: string): number => Number(answer.slice(9, 12));

test.each([
  ["two Host headers", "GET /to/open/x HTTP/1.1\r\nHost: a\r\nHost: b", 400],
  ["no Host header", "GET /to/open/x HTTP/1.1", 400],
  ["two Host headers elsewhere", "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: b", 400],
  ["a Host that is not ours", "GET /to/open/x HTTP/1.1\r\nHost: evil.example", 421],
  ["an absolute target", "GET http://127.0.0.1/to/open/x HTTP/1.1\r\nHost: 127.0.0.1", 400],
  ["TRACE", "TRACE /to/open/x HTTP/1.1\r\nHost: 127.0.0.1", 405],
  ["CONNECT", "CONNECT example.com:443 HTTP/1.1\r\nHost: example.com", 405],
  ["a length and chunks at once", "POST /to/open/x HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked", 400],
  ["a head that is too large", `GET /to/open/x HTTP/1.1\r\nHost: 127.0.0.1\r\nX: ${"x".repeat(5_000)}`, 431],
  ["a length that is too large", "POST /to/open/x HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 20001", 413],
  ["a path that climbs", "GET /to/open/../x HTTP/1.1\r\nHost: 127.0.0.1", 400],
  ["a path that climbs in disguise", "GET /to/open/a/%2e%2E/x HTTP/1.1\r\nHost: 127.0.0.1", 400],
  ["a path that climbs behind an encoded slash", "GET /to/open/a%2f..%5cx HTTP/1.1\r\nHost: 127.0.0.1", 400],
  ["a request of another site's page", "GET /to/open/x HTTP/1.1\r\nHost: 127.0.0.1\r\nSec-Fetch-Site: cross-site", 403],
])("refused: %s", async (_, head, status) => {
  const before = upstream.seen.length;
  const answer = await ask(head);
  expect(statusOf(answer)).toBe(status);
  expect(answer).toContain("application/problem+json");
  expect(upstream.seen).toHaveLength(before);
});

test("dots that do not climb go through", async () => {
  const answer = await ask("GET /to/open/a..b/...%2f.well-known?x=../.. HTTP/1.1\r\nHost: 127.0.0.1");
  expect([statusOf(answer), upstream.seen.at(-1)?.url]).toEqual([200, "/base/a..b/...%2f.well-known?x=../.."]);
});

test("a body without a length is refused when it has become too large; a smaller one goes once, and that is said", async () => {
  const chunked = (bytes: number): string => `${bytes.toString(16)}\r\n${"x".repeat(bytes)}\r\n`;
  const head = "POST /to/open/x HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked";
  const once = await ask(head, `${chunked(4_000).repeat(3)}0\r\n\r\n`);
  expect([statusOf(once), upstream.seen.at(-1)?.body.length]).toEqual([200, 12_000]);
  expect(once).toContain("holdfast-body: sent-once");
  expect(statusOf(await ask(head, `${chunked(4_000).repeat(6)}0\r\n\r\n`))).toBe(413);
});

test("the length that goes on is that of the body, however it came", async () => {
  await ask("POST /to/open/x HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked", "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n");
  const { headers, body } = upstream.seen.at(-1) ?? { headers: {}, body: Buffer.alloc(0) };
  expect([body.toString(), headers["content-length"], headers["transfer-encoding"]]).toEqual(["hello world", "11", undefined]);
});

test("hop-by-hop headers and our own stay here, both ways; what Connection names too", async () => {
  const answer = await ask(
    "GET /to/open/x HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: keep-alive, X-Gone\r\nX-Gone: 1\r\nTE: trailers\r\nProxy-Authorization: Basic eDp5\r\nUpgrade: h2c\r\nHoldfast-Account: a\r\nX-Kept: 1",
  );
  const { headers } = JSON.parse(answer.slice(answer.indexOf("{"), answer.lastIndexOf("}") + 1)) as { headers: Record<string, string> };
  expect(headers).toMatchObject({ "x-kept": "1", host: upstream.url.slice("http://".length) });
  for (const name of ["x-gone", "te", "proxy-authorization", "upgrade", "holdfast-account"]) expect(headers[name]).toBeUndefined();
  expect(answer).not.toMatch(/x-hop|timeout=9|forged/);
});

test("slow heads and slow bodies are cut off", async () => {
  const head = await raw(gateway.port, "GET /to/open/x HTTP/1.1\r\nHost: 127.0.0.1\r\n", { keepOpen: true });
  expect(statusOf(head)).toBe(408);
  const body = await raw(gateway.port, "POST /to/open/x HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 10\r\n\r\nabc", { keepOpen: true });
  expect(statusOf(body)).toBe(408);
});

test("connections are capped, and health stays reachable over the cap", async () => {
  const get = (path: string): Promise<string> => raw(gateway.port, `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`, { patienceMs: 300 });
  const holding = Array.from({ length: 20 }, () =>
    raw(gateway.port, "GET /to/open/hang HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", { keepOpen: true }),
  );
  const before = upstream.seen.length;
  while (upstream.seen.length < before + 20) await new Promise((resolve) => setTimeout(resolve, 10));
  const refused = await get("/to/open/x");
  expect(statusOf(refused)).toBe(503);
  expect(refused).toMatch(/retry-after: \d/i);
  expect(statusOf(await get("/healthz"))).toBe(200);
  // SIGTERM: what hangs gets its grace, and is cut then.
  const { code } = await gateway.end("SIGTERM");
  expect(code).toBe(0);
  await Promise.all(holding);
});

test("another address than loopback takes a token", async () => {
  await expect(startGateway({ apis: {} }, { args: ["--host", "0.0.0.0"] })).rejects.toThrow(/tokens/);
});
