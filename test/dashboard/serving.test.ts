import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openDashboard } from "../../src/gateway/dashboard.ts";
import { adminWorld, requestOf, type AdminWorld } from "../gateway/admin-world.ts";

const ASSET = "/assets/index-Ab3_dE-9.js";
let folder: string;
let world: AdminWorld;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "holdfast-dashboard-"));
  mkdirSync(join(folder, "assets"));
  writeFileSync(join(folder, "index.html"), "<!doctype html><title>Holdfast</title>");
  writeFileSync(join(folder, ASSET), "export {};");
  writeFileSync(join(folder, "..", "holdfast-dashboard-secret"), "not of the dashboard");
  world = await adminWorld({ parts: { dashboard: openDashboard(folder) } });
});
afterAll(async () => {
  await world[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
  rmSync(join(folder, "..", "holdfast-dashboard-secret"));
});

const get = (path: string, headers: Record<string, string> = {}, method = "GET"): Promise<Response> =>
  world.app.fetch(requestOf(method, path, { as: null, headers }), "192.0.2.1");

describe("the dashboard", () => {
  it.each(["/", "/lanes", "/lanes/crm%3APOST%20%2Fcontacts", "/dead-letters/v1:abc", "/operations?state=dead"])(
    "shows its page at %s, to anybody",
    async (path) => {
      const response = await get(path);
      expect([response.status, response.headers.get("content-type")]).toEqual([200, "text/html; charset=utf-8"]);
      expect(await response.text()).toContain("<title>Holdfast</title>");
    },
  );

  it("lets its page load what is ours, and nothing inline or from elsewhere", async () => {
    const { headers } = await get("/");
    const policy = headers.get("content-security-policy") ?? "";
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("script-src 'self'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toMatch(/unsafe|https?:|data:|\*/);
    expect(headers.get("x-content-type-options")).toBe("nosniff");
    expect(headers.get("referrer-policy")).toBe("no-referrer");
    expect(headers.get("cache-control")).toBe("no-cache");
  });

  it("lets assets be kept for good, for their names change with what is in them", async () => {
    const response = await get(ASSET);
    expect(response.headers.get("content-type")).toBe("text/javascript; charset=utf-8");
    expect(response.headers.get("cache-control")).toBe("public, max-age=31536000, immutable");
    expect(response.headers.get("x-content-type-options")).toBe("nosniff");
  });

  it.each([
    "/nowhere",
    "/assets/none.js",
    "/../holdfast-dashboard-secret",
    "/%2e%2e/holdfast-dashboard-secret",
    "/assets/..%2f..%2fholdfast-dashboard-secret",
    "/v1/nowhere",
  ])("has nothing at %s", async (path) => {
    const response = await get(path);
    expect([response.status, ((await response.json()) as { code: string }).code]).toEqual([404, "no-route"]);
  });

  it("is read, and never written to", async () => {
    expect((await get("/lanes", {}, "POST")).status).toBe(404);
    const head = await get("/", {}, "HEAD");
    expect([head.status, await head.text()]).toEqual([200, ""]);
  });

  it("may be linked to from another site, and not be asked for under a stranger's name", async () => {
    expect((await get("/lanes", { "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate" })).status).toBe(200);
    expect((await get("/lanes", { "sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors" })).status).toBe(403);
    expect((await get("/", { host: "evil.example" })).status).toBe(421);
  });

  it("says how it is built where it is not", async () => {
    const answer = openDashboard(join(folder, "not-there")).answer("/");
    expect(answer?.status).toBe(503);
    expect(await answer?.text()).toContain("npm run dashboard");
  });
});
