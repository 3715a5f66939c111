import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Route } from "../../src/gateway/route.ts";
import { adminWorld, TOKENS, type AdminWorld } from "./admin-world.ts";

/** What anybody may see. A route that joins them is added here by hand, and so seen by a reviewer. */
const PUBLIC = ["GET /healthz", "GET /openapi.json", "GET /readyz", "POST /in/{source}", "POST /v1/session"];

let world: AdminWorld;
beforeAll(async () => {
  world = await adminWorld();
});
afterAll(() => world[Symbol.asyncDispose]());

const pathOf = ({ path }: Route): string => path.replaceAll(/\{\w+\}/g, "01234567");

describe("who may do what", () => {
  it("no route is open but those on the list", () => {
    const open = world.app.routes.filter(({ scope }) => scope === "public").map(({ method, path }) => `${method} ${path}`);
    expect(open.filter((name) => !PUBLIC.includes(name))).toEqual([]);
  });

  it("every other route refuses whoever shows no token, a wrong one, or one without its scope", async () => {
    for (const route of world.app.routes) {
      if (route.scope === "public") continue;
      const name = `${route.method} ${route.path}`;
      const none = await world.ask(route.method, pathOf(route), { as: null });
      expect([name, none.status, none.body.code]).toEqual([name, 401, "unauthorized"]);
      expect(none.headers.get("www-authenticate")).toContain("Bearer");
      const wrong = await world.ask(route.method, pathOf(route), { as: "hf_wrong", client: name });
      expect([name, wrong.status]).toEqual([name, 401]);
      for (const scope of ["call", "read", "operate"]) {
        if (scope === route.scope) continue;
        const other = await world.ask(route.method, pathOf(route), { as: scope });
        expect([name, scope, other.status, other.body.code]).toEqual([name, scope, 403, "forbidden"]);
      }
    }
  });

  it("a route lets its own scope in, so that the refusals above say something", async () => {
    for (const route of world.app.routes) {
      if (route.scope === "public" || route.answers[200]?.content === "text/event-stream") continue;
      const { status } = await world.ask(route.method, pathOf(route), { as: route.scope });
      expect([route.path, [401, 403].includes(status)]).toEqual([route.path, false]);
    }
  });

  it("a wrong token is told 401 for a while and then 429, and a right one from the same address goes on", async () => {
    const client = "198.51.100.7";
    const codes: number[] = [];
    for (let count = 0; count < 30; count += 1) codes.push((await world.ask("GET", "/v1/tokens", { as: `hf_${count}`, client })).status);
    expect(new Set(codes)).toEqual(new Set([401, 429]));
    expect(codes.indexOf(429)).toBe(20);
    const refused = await world.ask("GET", "/v1/tokens", { as: "hf_x", client });
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThanOrEqual(1);
    expect((await world.ask("GET", "/v1/tokens", { client })).status).not.toBe(429);
  });

  it("a token with a rate limit is held to it", async () => {
    const statuses = [];
    for (let count = 0; count < 3; count += 1) statuses.push((await world.ask("GET", "/v1/operations", { as: "slow" })).status);
    expect(statuses[2]).toBe(429);
    expect(statuses.slice(0, 2)).not.toContain(429);
  });

  it("the token is taken from three headers, and from the password of Basic", async () => {
    const token = TOKENS["read"] as string;
    const basic = `Basic ${Buffer.from(`anyone:${token}`).toString("base64")}`;
    for (const headers of [
      { "holdfast-token": token },
      { "proxy-authorization": `Bearer ${token}` },
      { authorization: `bearer ${token}` },
      { authorization: basic },
    ]) {
      expect((await world.ask("GET", "/v1/operations", { as: null, headers })).status).not.toBe(401);
    }
    const both = { "holdfast-token": "hf_wrong", authorization: `Bearer ${token}` };
    expect((await world.ask("GET", "/v1/operations", { as: null, headers: both })).status).toBe(401);
  });
});

describe("a gateway without tokens", () => {
  it("lets everybody in, and never again once it has had one", async () => {
    await using open = await adminWorld({ tokens: false });
    expect((await open.ask("GET", "/v1/operations", { as: null })).status).not.toBe(401);
    open.authenticator.replace("store", [{ name: "one", sha256: "00".repeat(32), scopes: ["read"] }]);
    expect((await open.ask("GET", "/v1/operations", { as: null })).status).toBe(401);
    open.authenticator.replace("store", []);
    expect((await open.ask("GET", "/v1/operations", { as: null })).status).toBe(401);
  });
});

describe("requests behind a reader's back", () => {
  const cases: readonly [name: string, headers: Record<string, string>, refused: string | undefined][] = [
    ["a name that was bound to our address", { host: "evil.example:4180" }, "host-refused"],
    ["a name that looks like an address", { host: "127.0.0.1.evil.example" }, "host-refused"],
    ["a host with something in front", { host: "evil@127.0.0.1" }, "host-refused"],
    ["an empty host", { host: "" }, "host-refused"],
    ["our own name", { host: "localhost:4180" }, undefined],
    ["an address of version 6", { host: "[::1]:4180" }, undefined],
    ["a name on the list, in capitals", { host: "Gateway.Example.com" }, undefined],
    ["another origin", { origin: "https://evil.example" }, "origin-refused"],
    ["an origin that hides itself", { origin: "null" }, "origin-refused"],
    ["another port of this machine", { origin: "http://127.0.0.1:9999" }, "origin-refused"],
    ["our own origin", { origin: "http://127.0.0.1:4180" }, undefined],
    ["another site", { "sec-fetch-site": "cross-site" }, "origin-refused"],
    ["a site next door", { "sec-fetch-site": "same-site" }, "origin-refused"],
    ["another site that leads a reader here", { "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate" }, "origin-refused"],
    ["the address bar", { "sec-fetch-site": "none" }, undefined],
    ["our own page", { "sec-fetch-site": "same-origin", origin: "http://127.0.0.1:4180" }, undefined],
  ];
  for (const [name, headers, refused] of cases) {
    it(`${name}: ${refused ?? "let through"}`, async () => {
      const { status, body } = await world.ask("GET", "/v1/operations", { headers });
      expect([status === 403 || status === 421, refused === undefined ? undefined : body.code]).toEqual([refused !== undefined, refused]);
    });
  }
});

describe("every answer", () => {
  it("carries the headers that keep other sites, frames and caches out", async () => {
    const answers = [
      await world.ask("GET", "/healthz"),
      await world.ask("GET", "/nowhere"),
      await world.ask("GET", "/v1/operations", { as: null }),
      await world.ask("GET", "/healthz", { headers: { host: "evil.example" } }),
      await world.ask("DELETE", "/healthz"),
    ];
    expect(answers.map(({ status }) => status)).toEqual([200, 404, 401, 421, 405]);
    for (const { headers, status } of answers) {
      expect(headers.get("x-content-type-options")).toBe("nosniff");
      expect(headers.get("referrer-policy")).toBe("no-referrer");
      expect(headers.get("content-security-policy")).toContain("default-src 'none'");
      expect(headers.get("cache-control")).toBe("no-store");
      expect(headers.get("content-type")).toBe(status >= 400 ? "application/problem+json" : "application/json");
    }
  });

  it("tells what is ready, and says so when it no longer is", async () => {
    await using own = await adminWorld();
    expect((await own.ask("GET", "/readyz", { as: null })).body).toEqual({ status: "ready" });
    own.drain();
    const { status, headers, body } = await own.ask("GET", "/readyz", { as: null });
    expect([status, body.code, headers.get("retry-after")]).toEqual([503, "not-ready", "1"]);
    expect((await own.ask("GET", "/healthz", { as: null })).status).toBe(200);
  });

  it("HEAD is GET without the body", async () => {
    const { status, body } = await world.ask("HEAD", "/healthz");
    expect([status, body]).toEqual([200, undefined]);
  });
});
