import { afterAll, beforeAll, expect, it } from "vitest";
import { adminWorld, type AdminWorld } from "./admin-world.ts";

let world: AdminWorld;
beforeAll(async () => {
  world = await adminWorld();
});
afterAll(() => world[Symbol.asyncDispose]());

const silence = { rule: "error-rate", subject: "crm *", for: "1h", reason: "a migration" };

// The tests of this file tell one story and run in its order.
it("a silence is made, listed and ended, each with its audit", async () => {
  const made = await world.ask("POST", "/v1/alerts/silences", { as: "operate", body: silence });
  expect([made.status, made.body]).toMatchObject([201, { rule: "error-rate", subject: "crm *", because: "a migration", by: "operate" }]);
  expect((await world.ask("GET", "/v1/alerts/silences", { as: "read" })).body.items).toEqual([made.body]);
  const { id } = made.body as { readonly id: string };
  expect((await world.ask("DELETE", `/v1/alerts/silences/${id}`, { as: "operate" })).body).toEqual({ ended: id });
  expect((await world.ask("DELETE", `/v1/alerts/silences/${id}`, { as: "operate" })).status).toBe(404);
  expect((await world.ask("GET", "/v1/alerts/silences", { as: "read" })).body).toEqual({ items: [], next: null });
  const { items } = (await world.ask("GET", "/v1/audit", { as: "operate" })).body as { readonly items: readonly object[] };
  expect(items).toMatchObject([
    { action: "createSilence", who: "operate", why: "a migration", outcome: "done", details: { rule: "error-rate", subject: "crm *" } },
    { action: "endSilence", who: "operate", outcome: "done" },
    { action: "endSilence", outcome: expect.stringMatching(/^failed: there is no silence/) },
  ]);
});

it("is refused where it names no rule that there is, gives no reason or no end, or comes of who sees a part", async () => {
  for (const wrong of [{ rule: "nope" }, { reason: " " }, { for: 0 }, { for: "forever" }, { subject: "" }]) {
    const { status } = await world.ask("POST", "/v1/alerts/silences", { as: "operate", body: { ...silence, ...wrong } });
    expect([wrong, status]).toEqual([wrong, 400]);
  }
  for (const as of ["crm-only", "acme"]) expect((await world.ask("POST", "/v1/alerts/silences", { as, body: silence })).status).toBe(403);
  expect((await world.ask("POST", "/v1/alerts/silences", { as: "read", body: silence })).status).toBe(403);
});

it("a test is refused where the config names nobody to tell", async () => {
  expect(await world.ask("POST", "/v1/alerts/test", { as: "operate" })).toMatchObject({ status: 409, body: { code: "conflict" } });
  expect((await world.ask("GET", "/v1/alerts", { as: "read" })).body).toEqual({ watching: false, items: [] });
});
