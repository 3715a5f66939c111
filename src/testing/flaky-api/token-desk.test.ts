import { afterEach, describe, expect, it } from "vitest";
import { manualClock } from "../manual-clock.ts";
import { flakyApi } from "./flaky-api.ts";
import type { FlakyApi } from "./flaky-api.ts";
import type { AuthScript, RuleScript } from "./script.ts";

const running: FlakyApi[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((api) => api.close()));
});

const clock = manualClock();

async function apiWith(auth: AuthScript, rules: readonly RuleScript[] = []): Promise<FlakyApi> {
  const api = await flakyApi({ endpoints: { "GET /me": {}, "GET /health": {} }, auth, rules }, { clock });
  running.push(api);
  return api;
}

async function newToken(api: FlakyApi, path = "/oauth/token"): Promise<string> {
  const response = await fetch(api.url + path, { method: "POST" });
  return ((await response.json()) as { access_token: string }).access_token;
}

async function status(api: FlakyApi, token?: string, path = "/me"): Promise<number> {
  return (await fetch(api.url + path, token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } })).status;
}

describe("bearer tokens", () => {
  it("are asked for: 401 without one, with an unknown one, and not with a good one", async () => {
    const api = await apiWith({});
    expect(await status(api)).toBe(401);
    expect(await status(api, "made-up")).toBe(401);
    expect(await status(api, await newToken(api))).toBe(200);
    expect(api.ledger.summary().tokens).toEqual({ issued: 1, refused: 2 });
  });

  it("say in the challenge whether one was missing or bad", async () => {
    const api = await apiWith({});
    expect((await fetch(`${api.url}/me`)).headers.get("www-authenticate")).toBe("Bearer");
    const bad = await fetch(`${api.url}/me`, { headers: { authorization: "Bearer nope" } });
    expect(bad.headers.get("www-authenticate")).toBe('Bearer error="invalid_token"');
  });

  it("expire with time", async () => {
    const api = await apiWith({ validFor: "1h" });
    const issued = await fetch(`${api.url}/oauth/token`, { method: "POST" });
    const { access_token: token, expires_in: seconds } = (await issued.json()) as { access_token: string; expires_in: number };
    expect(seconds).toBe(3_600);
    await clock.advance("3599s");
    expect(await status(api, token)).toBe(200);
    await clock.advance("1s");
    expect(await status(api, token)).toBe(401);
    expect(await status(api, await newToken(api))).toBe(200);
  });

  it("expire with use", async () => {
    const api = await apiWith({ uses: 2 });
    const token = await newToken(api);
    expect([await status(api, token), await status(api, token), await status(api, token)]).toEqual([200, 200, 401]);
  });

  it("may be good from the start, and expire as all do", async () => {
    const api = await apiWith({ tokens: ["first"], uses: 1 });
    expect([await status(api, "first"), await status(api, "first")]).toEqual([200, 401]);
  });

  it("come from a path of the script's choice, and are asked for where it says", async () => {
    const api = await apiWith({ tokenPath: "/token", endpoint: "GET /me" });
    expect(await status(api, undefined, "/health")).toBe(200);
    expect(await status(api)).toBe(401);
    expect(await status(api, await newToken(api, "/token"))).toBe(200);
  });

  it("cannot be had while their own endpoint is down", async () => {
    const api = await apiWith({}, [{ when: { endpoint: "POST /oauth/token", nth: 1 }, then: { status: 503 } }]);
    expect((await fetch(`${api.url}/oauth/token`, { method: "POST" })).status).toBe(503);
    expect(api.ledger.summary().tokens.issued).toBe(0);
    expect(await newToken(api)).toBe("token-1");
  });

  it("keep the effect from whoever has none", async () => {
    const api = await flakyApi({ endpoints: { "POST /contacts": {} }, auth: {} });
    running.push(api);
    expect((await fetch(`${api.url}/contacts`, { method: "POST" })).status).toBe(401);
    expect(api.ledger.subjects()).toEqual([]);
  });
});
