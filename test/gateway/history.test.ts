import { rmSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";
import { temporaryFolder } from "../../scripts/tools.ts";
import { sqlite } from "../../src/adapters/store/sqlite/index.ts";
import { createHoldfast } from "../../src/client/holdfast.ts";
import { adminWorld, type AdminWorld, type WorldOptions } from "./admin-world.ts";

const endings: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of endings.splice(0).reverse()) await end();
});

/** A world whose answers are held to the schemas that OpenAPI tells of them. */
async function open(options: WorldOptions = {}): Promise<AdminWorld["ask"]> {
  const world = await adminWorld(options);
  endings.push(() => world[Symbol.asyncDispose]());
  return async (method, path, asked) => {
    const answer = await world.ask(method, path, asked);
    const { pathname } = new URL(`http://h${path}`);
    const name = pathname.replace(/^\/v1\/lanes\/[^/]+/, "/v1/lanes/{lane}");
    world.app.routes.find((route) => route.method === method && route.path === name)?.answers[answer.status]?.schema?.parse(answer.body);
    return answer;
  };
}

function file(): string {
  const folder = temporaryFolder("history");
  endings.push(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, "holdfast.db");
}

const lane = encodeURIComponent("crm:GET /contacts");
const sum = (points: readonly Record<string, number>[], name: string): number => points.reduce((all, point) => all + (point[name] ?? 0), 0);

it("what another process did, and how its breaker fared, is there for whoever opens the store afterwards", async () => {
  const store = sqlite(file());
  const job = await createHoldfast({
    apis: { crm: { baseUrl: "https://crm.example.com", retry: { maxAttempts: 1 }, breaker: { window: 4, minimumCalls: 4 } } },
    store,
    transport: async () => new Response("", { status: 503 }),
  });
  for (let call = 0; call < 6; call += 1)
    await job
      .fetch("crm")("/contacts")
      .catch(() => undefined);
  await job.close();

  const ask = await open({ store });
  const { status, body } = await ask("GET", "/v1/stats/history?window=15m");
  expect(status).toBe(200);
  expect(body.items.map(({ api }: { api: string }) => api)).toEqual(["crm"]);
  const [{ points }] = body.items;
  expect([sum(points, "failed"), sum(points, "refused")]).toEqual([4, 2]);
  expect(points.some(({ verdicts }: { verdicts: Record<string, number> }) => verdicts["transient"] === 4)).toBe(true);
  expect((await ask("GET", "/v1/stats")).body.apis.crm).toMatchObject({ calls: 6, failed: 4, refused: 2, attempts: 4 });

  const lanes = (await ask("GET", "/v1/lanes")).body.items;
  expect(lanes).toMatchObject([{ id: "crm:GET /contacts", breaker: "unknown", lastChange: { to: "open" } }]);
  const { changes, acts } = (await ask("GET", `/v1/lanes/${lane}/history`)).body;
  expect(changes).toMatchObject([{ from: "closed", to: "open", because: "100 % of the last calls failed" }]);
  expect(acts).toEqual([]);
});

it("what operators did to a lane stands on its timeline, with who and why", async () => {
  const ask = await open();
  await ask("POST", "/v1/operations", { body: { api: "crm", method: "GET", path: "/contacts", delay: "1h" } });
  await ask("POST", `/v1/lanes/${lane}/open`, { as: "all", body: { reason: "the CRM is being moved", for: "10m" } });
  await ask("POST", `/v1/lanes/${lane}/auto`, { as: "all", body: { reason: "moved" } });
  await ask("POST", `/v1/lanes/${lane}/pause`, { as: "all" });
  await ask("POST", `/v1/lanes/${lane}/resume`, { as: "all" });
  const { acts, changes } = (await ask("GET", `/v1/lanes/${lane}/history?window=5m`)).body;
  expect(acts).toMatchObject([
    { what: "open", by: "all", why: "the CRM is being moved" },
    { what: "auto", why: "moved" },
    { what: "paused", by: "all" },
    { what: "resumed", by: "all" },
  ]);
  expect(acts[0].until - acts[0].at).toBe(600_000);
  expect(changes.map(({ to }: { to: string }) => to)).toEqual(["open", "closed"]);
  expect((await ask("GET", `/v1/lanes/${lane}`)).body).toMatchObject({ breaker: "closed", since: expect.any(Number) });
});

it("shows a token what it may see, and says what it may not", async () => {
  const ask = await open();
  await ask("POST", "/v1/operations", { body: { api: "mail", method: "POST", path: "/send", delay: "1h" } });
  expect((await ask("GET", "/v1/stats/history", { as: "crm-only" })).body.items).toEqual([]);
  expect((await ask("GET", "/v1/stats/history", { as: "acme" })).body.code).toBe("forbidden");
  expect((await ask("GET", `/v1/lanes/${encodeURIComponent("mail:POST /send")}/history`, { as: "crm-only" })).status).toBe(404);
  const wrong = await ask("GET", "/v1/stats/history?window=2d");
  expect([wrong.status, wrong.body.detail]).toEqual([
    400,
    "query.window is 2d; give more than nothing and at most 24h, for which history is kept",
  ]);
});
