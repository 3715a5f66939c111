/** Signing in, and what the page does while the gateway is away. */
import { createHash, randomBytes } from "node:crypto";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startGateway, type GatewayProcess } from "../gateway/gateway-process.ts";
import { barriers, openBrowser, settled, visit } from "./browser.ts";

const tokenOf = (): string => `hf_${randomBytes(32).toString("base64url")}`;
const READER = tokenOf();
const OPERATOR = tokenOf();
const hashed = (token: string): { sha256: string } => ({ sha256: createHash("sha256").update(token).digest("hex") });

let other: Server;
let browser: Browser;
let apis: object;

beforeAll(async () => {
  other = createServer((_, response) => response.end("{}"));
  await new Promise<void>((resolve) => {
    other.listen(0, "127.0.0.1", resolve);
  });
  apis = { crm: { baseUrl: `http://127.0.0.1:${(other.address() as AddressInfo).port}` } };
  browser = await openBrowser();
});
afterAll(async () => {
  await browser?.close();
  other.close();
});

describe("a gateway with tokens", () => {
  let gateway: GatewayProcess;
  beforeAll(async () => {
    const tokens = [
      { name: "reader", token: hashed(READER), scopes: ["read"] },
      { name: "operator", token: hashed(OPERATOR), scopes: ["call", "read", "operate"] },
    ];
    gateway = await startGateway({ apis, tokens });
    await fetch(`${gateway.url}/to/crm/contacts`, { headers: { "holdfast-token": OPERATOR } });
  });
  afterAll(() => gateway?.[Symbol.asyncDispose]());

  it("asks for one, keeps none, and shows what it allows", async () => {
    await using seen = await visit(browser, gateway.url);
    const { page, open } = seen;
    await open("/lanes");
    expect(await page.getByRole("heading", { level: 1 }).innerText()).toBe("Sign in to Holdfast");
    expect(await barriers(page)).toEqual([]);
    await page.getByLabel("Token").fill("hf_wrong");
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("alert").filter({ hasText: "not known" }).waitFor();
    await page.getByLabel("Token").fill(READER);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("heading", { name: "Lanes" }).waitFor();
    expect(await page.locator(".who").innerText()).toBe("reader");

    // The token itself is nowhere in the browser; the session outlives a reload of its tab.
    const kept = await page.evaluate(() => JSON.stringify([Object.entries(localStorage), Object.entries(sessionStorage), document.cookie]));
    expect(kept).toContain("hf_");
    expect(kept).not.toContain(READER);
    await page.reload();
    await settled(page);
    await page.getByRole("table", { name: "Lanes" }).getByRole("link").first().click();
    await settled(page);
    const hold = page.getByRole("button", { name: "Hold open" });
    expect(await hold.isDisabled()).toBe(true);
    expect(await hold.getAttribute("title")).toContain("operate");
    await open("/audit");
    expect(await page.getByRole("alert").innerText()).toContain("not for your token");

    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByRole("heading", { name: "Sign in to Holdfast" }).waitFor();
    expect(await page.evaluate(() => sessionStorage.length)).toBe(0);
    // Refusals are what this is about.
    expect(seen.faults.filter((fault) => !/status of 40[13]/.test(fault))).toEqual([]);
  });
});

describe("a page that is open", () => {
  it("follows what happens, says when it cannot, and goes on when the gateway is back", async () => {
    const gateway = await startGateway({ apis });
    await using seen = await visit(browser, gateway.url);
    const { page, open } = seen;
    await open("/lanes");
    await page.getByText("No lanes yet").waitFor();
    const light = page.locator(".live");
    await expect.poll(() => light.innerText()).toBe("live");
    await fetch(`${gateway.url}/to/crm/contacts`);
    // Nobody reloads: the event does.
    await page.getByRole("table", { name: "Lanes" }).waitFor({ timeout: 10_000 });

    await gateway.end("SIGKILL");
    await expect.poll(() => light.innerText(), { timeout: 10_000 }).toBe("reconnecting");
    await using again = await startGateway({ apis }, { folder: gateway.folder, args: ["--port", String(gateway.port)] });
    expect(again.url).toBe(gateway.url);
    await expect.poll(() => light.innerText(), { timeout: 30_000 }).toBe("live");
    expect(seen.faults.filter((fault) => !fault.includes("net::ERR"))).toEqual([]);
  });
});
