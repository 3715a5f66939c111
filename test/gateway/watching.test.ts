/** What a started gateway tells by itself: metrics, alerts, callbacks. */
import { createHash } from "node:crypto";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startGateway, type GatewayProcess } from "./gateway-process.ts";

const TOKEN = "hf_a-token-of-a-test";
const as = { authorization: `Bearer ${TOKEN}` };
let other: Server;
let port: number;
let gateway: GatewayProcess;
/** Requests that reached us: the host that they asked for and their path, and their bodies as JSON. */
const seen: { readonly at: string; readonly body: { readonly type?: string }; readonly signed: boolean }[] = [];
const heard: (() => void)[] = [];

beforeAll(async () => {
  other = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const text = Buffer.concat(chunks).toString();
      const at = `${(request.headers.host ?? "").split(":")[0]}${request.url}`;
      seen.push({ at, body: text === "" ? {} : JSON.parse(text), signed: request.headers["webhook-signature"] !== undefined });
      for (const hear of heard.splice(0)) hear();
      response.writeHead(request.url === "/wrong" ? 422 : 200, { "content-type": "application/json" }).end('{"error":"no such field"}');
    });
  });
  // On all of loopback, so that what does not come was not sent.
  port = await new Promise<number>((resolve) => {
    other.listen(0, "0.0.0.0", () => resolve((other.address() as AddressInfo).port));
  });
  process.env["HOLDFAST_TEST_WEBHOOK_SECRET"] = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
  const secret = { env: "HOLDFAST_TEST_WEBHOOK_SECRET" };
  gateway = await startGateway({
    apis: { app: { baseUrl: `http://127.0.0.1:${port}` } },
    alerts: { to: [{ type: "webhook", url: `http://127.0.0.1:${port}/alerts`, secret }], every: "1s" },
    callbacks: { secret, allow: ["127.0.0.1/32"], retry: { maxAttempts: 1 } },
    tokens: [
      { name: "ops", token: { sha256: hashOf(TOKEN) }, scopes: ["call", "read"] },
      { name: "part", token: { sha256: hashOf("hf_part") }, scopes: ["read"], apis: ["app"] },
    ],
  });
});
afterAll(async () => {
  delete process.env["HOLDFAST_TEST_WEBHOOK_SECRET"];
  await gateway[Symbol.asyncDispose]();
  other.closeAllConnections();
  other.close();
});

function hashOf(token: string): string {
  return createHash("sha256").update(token).digest("hex");
}

/** The request that came to this place, once it has come. */
async function arrived(at: string): Promise<(typeof seen)[number]> {
  for (;;) {
    const found = seen.find((one) => one.at === at);
    if (found !== undefined) return found;
    await new Promise<void>((resolve) => heard.push(resolve));
  }
}

async function enqueue(callback: string): Promise<string> {
  const body = JSON.stringify({ api: "app", method: "POST", path: "/done", json: {}, callback });
  const response = await fetch(`${gateway.url}/v1/operations`, {
    method: "POST",
    body,
    headers: { ...as, "content-type": "application/json" },
  });
  expect(response.status).toBe(202);
  return ((await response.json()) as { id: string }).id;
}

it("metrics are for who may read all of it, in the format of Prometheus", async () => {
  expect((await fetch(`${gateway.url}/metrics`)).status).toBe(401);
  expect((await fetch(`${gateway.url}/metrics`, { headers: { authorization: "Bearer hf_part" } })).status).toBe(403);
  await (await fetch(`${gateway.url}/to/app/fine`, { headers: { "holdfast-token": TOKEN } })).text();
  const response = await fetch(`${gateway.url}/metrics`, { headers: as });
  expect([response.status, response.headers.get("content-type")]).toEqual([200, "text/plain; version=0.0.4; charset=utf-8"]);
  expect(await response.text()).toMatch(/^holdfast_\w+\{[^}]*api="app"[^}]*\} [1-9]/m);
});

it("a new kind of failure is told to the sinks of the config, signed, and listed", async () => {
  const none = await fetch(`${gateway.url}/v1/alerts`, { headers: as });
  expect(await none.json()).toEqual({ watching: true, items: [] });
  const init = { method: "POST", body: "{}", headers: { "holdfast-token": TOKEN, "content-type": "application/json" } };
  expect((await fetch(`${gateway.url}/to/app/wrong`, init)).status).toBe(422);
  const told = await arrived("127.0.0.1/alerts");
  expect([told.body.type, told.signed]).toEqual(["alert.fired", true]);
  const { items } = (await (await fetch(`${gateway.url}/v1/alerts`, { headers: as })).json()) as { items: { rule: string }[] };
  expect(items).toMatchObject([{ rule: "dead-letter-group", tier: "warning" }]);
});

it("a callback reaches what the config allows, and nothing else that is not public", async () => {
  await enqueue(`http://127.0.0.2:${port}/refused`);
  await enqueue(`http://127.0.0.1:${port}/told`);
  expect(await arrived("127.0.0.1/told")).toMatchObject({ body: { type: "operation.succeeded" }, signed: true });
  for (;;) {
    const response = await fetch(`${gateway.url}/v1/dead-letters?api=@callback`, { headers: as });
    if (((await response.json()) as { items: unknown[] }).items.length === 1) break;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  expect(seen.filter(({ at }) => at.startsWith("127.0.0.2"))).toEqual([]);
});

it("syncs are listed", async () => {
  const response = await fetch(`${gateway.url}/v1/syncs`, { headers: as });
  expect(await response.json()).toEqual({ items: [], next: null });
});
