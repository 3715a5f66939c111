import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { flakyApi } from "./flaky-api.ts";
import type { FlakyApi } from "./flaky-api.ts";

let api: FlakyApi;
beforeEach(async () => {
  api = await flakyApi({ endpoints: { "POST /contacts": { subject: "body.lead" } }, rules: [{ then: { status: 503 } }], auth: {} });
});
afterEach(() => api.close());

function control(path: string, init?: RequestInit): Promise<Response> {
  return fetch(`${api.url}/__holdfast/${path}`, init);
}

function setRules(rules: unknown, type = "application/json"): Promise<Response> {
  return control("rules", { method: "POST", headers: { "content-type": type }, body: JSON.stringify(rules) });
}

async function post(): Promise<number> {
  const body = '{"lead":"a"}';
  return (await fetch(`${api.url}/contacts`, { method: "POST", body, headers: { authorization: "Bearer none" } })).status;
}

describe("the control endpoints", () => {
  it("answer in an outage, without a token, and are not counted", async () => {
    expect(await post()).toBe(503);
    const summary = await (await control("ledger")).json();
    expect(summary).toMatchObject({ requests: 1, endpoints: { "POST /contacts": { endings: { "503": 1 } } } });
    expect(api.ledger.summary().requests).toBe(1);
  });

  it("give effects and requests as a test in the same process would see them", async () => {
    api.setRules([]);
    await fetch(`${api.url}/oauth/token`, { method: "POST" });
    await fetch(`${api.url}/contacts`, { method: "POST", body: '{"lead":"a"}', headers: { authorization: "Bearer token-1" } });

    expect(await (await control("effects")).json()).toMatchObject({ "POST /contacts": { a: 1 } });
    expect(await (await control("requests")).json()).toEqual(api.ledger.requests());
    expect(await (await control("requests?endpoint=POST%20/contacts")).json()).toHaveLength(1);
  });

  it("replace the rules", async () => {
    expect(await post()).toBe(503);
    expect((await setRules([{ then: { status: 504 } }])).status).toBe(204);
    expect(await post()).toBe(504);
  });

  it("refuse rules that mean nothing, say where, and leave the old ones in force", async () => {
    const refused = await setRules([{ then: { status: 503 } }, { when: { endpoint: "POST /contcats" }, then: { status: 500 } }]);
    expect([refused.status, await refused.json()]).toMatchObject([
      400,
      { error: { message: expect.stringContaining("rules[1].when.endpoint") as string } },
    ]);
    expect(await post()).toBe(503);
  });

  it("refuse rules from a web page, which may send plain text to anybody", async () => {
    expect((await setRules([], "text/plain")).status).toBe(415);
    expect(await post()).toBe(503);
  });

  it("answer 404 to anything else", async () => {
    for (const path of ["", "nothing", "rules"]) expect((await control(path)).status).toBe(404);
  });
});
