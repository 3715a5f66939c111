import { expect, it } from "vitest";
import { memory } from "../../src/adapters/store/memory/index.ts";
import { manualClock } from "../../src/testing/manual-clock.ts";
import { LimitHolds } from "../../src/gateway/limit-holds.ts";
import { createHoldfast, type Holdfast } from "../../src/client/holdfast.ts";
import { documentsOf } from "../../src/gateway/documents.ts";
import { adminWorld } from "./admin-world.ts";

const SET = { api: "crm", rateLimit: { limit: 1, per: "1s" }, for: "1h", reason: "they asked" };

it("limits are set for a while, over those of the config, and told with who and why", async () => {
  await using world = await adminWorld();
  const { status, body } = await world.ask("POST", "/v1/limits", { body: SET });
  expect([status, body]).toEqual([200, expect.objectContaining({ api: "crm", endpoint: "*", by: "all", reason: "they asked" })]);
  expect(body.until - body.since).toBe(3_600_000);
  expect(world.hf.limits.list()).toMatchObject([{ api: "crm", limits: { rateLimit: { limit: 1, per: "1s" } } }]);
  expect((await world.ask("GET", "/v1/limits")).body.items).toEqual([body]);
  expect((await world.ask("DELETE", "/v1/limits/crm")).body).toEqual({ ended: { api: "crm", endpoint: "*" } });
  expect(world.hf.limits.list()).toEqual([]);
  const { items } = (await world.ask("GET", "/v1/audit")).body;
  expect(items).toMatchObject([
    { action: "setLimits", who: "all", why: "they asked", outcome: "done" },
    { action: "endLimits", target: "/v1/limits/crm", outcome: "done" },
  ]);
});

it.each([
  ["without a reason", { ...SET, reason: " " }, 400, "body.reason"],
  ["without an end", { ...SET, for: undefined }, 400, "body.for"],
  ["for longer than a day", { ...SET, for: "25h" }, 400, "for"],
  ["that say nothing", { ...SET, rateLimit: undefined }, 400, "says no limit"],
  ["that nobody knows", { ...SET, rateLimits: 1 }, 400, "rateLimits"],
  ["of no API", { ...SET, api: "nobody" }, 404, "nobody"],
  ["of one endpoint's rate", { ...SET, endpoint: "POST /contacts" }, 400, "rateLimit"],
])("limits %s are refused, and nothing is set", async (_, body, status, said) => {
  await using world = await adminWorld();
  const answer = await world.ask("POST", "/v1/limits", { body });
  expect([answer.status, JSON.stringify(answer.body)]).toEqual([status, expect.stringContaining(said) as string]);
  expect((await world.ask("GET", "/v1/limits")).body.items).toEqual([]);
  expect(world.hf.limits.list()).toEqual([]);
});

it("limits are for whoever may operate on the whole API", async () => {
  await using world = await adminWorld();
  for (const as of ["read", "call", "acme"]) expect((await world.ask("POST", "/v1/limits", { as, body: SET })).status).toBe(403);
  expect((await world.ask("POST", "/v1/limits", { as: "crm-only", body: { ...SET, api: "mail" } })).status).toBe(403);
  expect((await world.ask("POST", "/v1/limits", { as: "crm-only", body: SET })).status).toBe(200);
  expect((await world.ask("DELETE", "/v1/limits/mail", { as: "crm-only" })).status).toBe(403);
});

it("what one gateway sets another one over the store keeps, and a third after a restart; until its time is over", async () => {
  const clock = manualClock(1_000_000);
  const store = await memory()();
  const open = (): Promise<Holdfast> =>
    createHoldfast({ store: async () => ({ ...store, close: async () => undefined }), apis: { crm: {} }, clock });
  const [one, other] = [await open(), await open()];
  const holdsOf = (hf: Holdfast): LimitHolds => new LimitHolds(hf, documentsOf(store), clock);
  const [first, second] = [holdsOf(one), holdsOf(other)];
  const limits = { concurrency: 3, for: "10m", by: "ada", reason: "import", api: "crm", endpoint: "POST /contacts" } as const;
  const set = await first.set(limits);
  await second.look();
  expect(other.limits.list()).toMatchObject([
    { api: "crm", endpoint: "POST /contacts", limits: { concurrency: 3 }, by: "ada", until: set.until },
  ]);
  await clock.advance(300_000);
  const third = await open();
  await holdsOf(third).look();
  expect(third.limits.list()).toMatchObject([{ until: set.until }]);
  await second.set({ ...limits, concurrency: 5 });
  await first.look();
  expect(one.limits.list()).toMatchObject([{ limits: { concurrency: 5 } }]);
  await clock.advance(600_001);
  await first.look();
  expect([one, other, third].map((hf) => hf.limits.list())).toEqual([[], [], []]);
  expect(first.known).toEqual([]);
  await second.set(limits);
  await first.look();
  await second.end("crm", "POST /contacts");
  await first.look();
  expect(one.limits.list()).toEqual([]);
  for (const hf of [one, other, third]) await hf.close();
});
