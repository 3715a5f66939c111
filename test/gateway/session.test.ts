import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { tokenHash } from "../../src/gateway/auth.ts";
import { adminWorld, TOKENS, type AdminWorld, type Answer } from "./admin-world.ts";

let world: AdminWorld;
beforeAll(async () => {
  world = await adminWorld();
});
afterAll(() => world[Symbol.asyncDispose]());

const HTTPS = { host: "gateway.example.com", origin: "https://gateway.example.com", "sec-fetch-site": "same-origin" };
const signIn = (token: string, headers: Record<string, string> = {}): Promise<Answer> =>
  world.ask("POST", "/v1/session", { as: null, body: { token }, headers });
const cookieOf = ({ headers }: Answer): string => (headers.get("set-cookie") ?? "").split(";")[0] as string;

describe("signing in", () => {
  it("over plain http gives the page a session of its own, which is not the token", async () => {
    const { status, body, headers } = await signIn(TOKENS["read"] as string);
    expect([status, body.name, body.scopes, headers.get("set-cookie")]).toEqual([201, "read", ["read"], null]);
    expect(body.session).toMatch(/^hf_[\w-]{43}$/);
    expect(body.session).not.toBe(TOKENS["read"]);
    const who = await world.ask("GET", "/v1/session", { as: null, headers: { "holdfast-token": body.session } });
    expect([who.status, who.body]).toEqual([200, { name: "read", scopes: ["read"] }]);
  });

  it("over https gives a cookie that no script reads and no other site sends, and tells the session to nobody", async () => {
    const answer = await signIn(TOKENS["all"] as string, HTTPS);
    expect(answer.body).not.toHaveProperty("session");
    expect(answer.headers.get("set-cookie")).toMatch(
      /^__Host-holdfast=hf_[\w-]{43}; Path=\/; Max-Age=\d+; Secure; HttpOnly; SameSite=Strict$/,
    );
    const cookie = cookieOf(answer);
    expect((await world.ask("GET", "/v1/lanes", { as: null, headers: { ...HTTPS, cookie } })).status).toBe(200);
  });

  it.each([
    ["a wrong token", "hf_wrong", 401],
    ["a token that may not read", "call", 403],
  ])("is refused to %s", async (_, token, status) => {
    expect((await signIn(TOKENS[token] ?? token, {})).status).toBe(status);
  });

  it("is slowed down for whoever tries tokens, as every other door is", async () => {
    const statuses = new Set<number>();
    for (let count = 0; count < 30; count += 1) {
      const { status } = await world.ask("POST", "/v1/session", { as: null, body: { token: `hf_${count}` }, client: "198.51.100.9" });
      statuses.add(status);
    }
    expect(statuses).toEqual(new Set([401, 429]));
  });

  it("needs nothing where the gateway has no tokens", async () => {
    await using open = await adminWorld({ tokens: false });
    expect((await open.ask("GET", "/v1/session", { as: null })).body).toMatchObject({ name: "local" });
  });
});

describe("the cookie", () => {
  let cookie: string;
  beforeAll(async () => {
    cookie = cookieOf(await signIn(TOKENS["all"] as string, HTTPS));
  });
  const ask = (headers: Record<string, string>, method = "GET", path = "/v1/lanes"): Promise<Answer> =>
    world.ask(method, path, { as: null, headers: { host: HTTPS.host, cookie, ...headers } });

  it.each([
    ["a request that does not say where it comes from", {}],
    ["one that another site leads to", { "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate" }],
    ["one of a site next door", { "sec-fetch-site": "same-site" }],
    ["one of the address bar", { "sec-fetch-site": "none" }],
    ["one with two of them", { "sec-fetch-site": "same-origin", cookie: "__Host-holdfast=hf_a; __Host-holdfast=hf_b" }],
  ])("opens nothing to %s", async (_, headers) => {
    expect([401, 403]).toContain((await ask(headers)).status);
  });

  it("opens to our own page, which may act", async () => {
    const own = { "sec-fetch-site": "same-origin", origin: HTTPS.origin };
    expect((await ask(own)).status).toBe(200);
    expect((await ask(own, "POST", "/v1/lanes/crm%3APOST%20%2Fnone/pause")).body.code).toBe("not-found");
    expect((await ask({ ...own, origin: "https://evil.example" }, "POST", "/v1/lanes/x/pause")).body.code).toBe("origin-refused");
  });

  it("ends by signing out, for whoever kept a copy too", async () => {
    const own = { "sec-fetch-site": "same-origin" };
    const out = await ask(own, "DELETE", "/v1/session");
    expect(out.headers.get("set-cookie")).toContain("Max-Age=0");
    expect((await ask(own)).status).toBe(401);
  });
});

describe("a session", () => {
  it("has no more rights than its token", async () => {
    const { body } = await signIn(TOKENS["crm-only"] as string);
    const audit = await world.ask("GET", "/v1/audit", { as: null, headers: { "holdfast-token": body.session } });
    expect([body.apis, audit.status]).toEqual([["crm"], 403]);
  });

  it("ends with the token that it was traded for, however it was taken away", async () => {
    await using own = await adminWorld();
    const made = await own.ask("POST", "/v1/tokens", { body: { name: "temp", scopes: ["read"] } });
    const { body } = await own.ask("POST", "/v1/session", { as: null, body: { token: made.body.token } });
    // A session that was itself traded for a session hangs on the same token.
    const second = await own.ask("POST", "/v1/session", { as: null, body: { token: body.session } });
    const asks = async (): Promise<number[]> =>
      await Promise.all(
        [body.session, second.body.session].map(
          async (token) => (await own.ask("GET", "/v1/lanes", { as: null, headers: { "holdfast-token": token } })).status,
        ),
      );
    expect(await asks()).toEqual([200, 200]);
    await own.ask("DELETE", "/v1/tokens/temp");
    expect(await asks()).toEqual([401, 401]);
  });

  it("outlives a restart, and stands in the store by its hash only", async () => {
    await using own = await adminWorld();
    const { body } = await own.ask("POST", "/v1/session", { as: null, body: { token: TOKENS["read"] } });
    const kept = await own.store.documents?.list("gateway-session", { limit: 10 });
    expect(kept?.items.map(({ id }) => id)).toEqual([tokenHash(body.session)]);
    expect(JSON.stringify(kept)).not.toContain(body.session);
    await using again = await adminWorld({ store: async () => own.store });
    await again.app.start();
    expect((await again.ask("GET", "/v1/lanes", { as: null, headers: { "holdfast-token": body.session } })).status).toBe(200);
  });

  it("of one token there are fifty at most, and the oldest goes", async () => {
    await using own = await adminWorld();
    const sessions: string[] = [];
    for (let count = 0; count < 52; count += 1) {
      sessions.push((await own.ask("POST", "/v1/session", { as: null, body: { token: TOKENS["read"] } })).body.session);
    }
    expect((await own.store.documents?.list("gateway-session", { limit: 100 }))?.items).toHaveLength(50);
    const first = await own.ask("GET", "/v1/lanes", { as: null, headers: { "holdfast-token": sessions[0] as string } });
    const last = await own.ask("GET", "/v1/lanes", { as: null, headers: { "holdfast-token": sessions.at(-1) as string } });
    expect([first.status, last.status]).toEqual([401, 200]);
  });
});
