/** The dashboard in a browser, over what the main job has left. */
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { barriers, openBrowser, overflow, PHONE, PICTURES, settled, visit, type Visit } from "./browser.ts";
import { mainJob, type MainJob } from "./main-job.ts";

let job: MainJob;
let browser: Browser;
/** Of an operation that was queued, and of a letter. */
let operation: string;
let letter: { readonly id: string; readonly fingerprint: string };

beforeAll(async () => {
  [job, browser] = await Promise.all([mainJob(), openBrowser()]);
  const ask = async (path: string, body?: object): Promise<never> => {
    const init = body === undefined ? {} : { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
    return (await (await fetch(job.gateway.url + path, init)).json()) as never;
  };
  const enqueued: { id: string } = await ask("/v1/operations", {
    api: "scoring",
    method: "POST",
    path: "/scores",
    json: { lead: "lead-0001", company: "Kelp & Sons", country: "FR", employees: 12, industry: "software" },
    labels: { lead: "lead-0001", campaign: "q4" },
  });
  operation = enqueued.id;
  const letters: { items: (typeof letter)[] } = await ask("/v1/dead-letters?limit=1");
  letter = letters.items[0] as typeof letter;
}, 180_000);
afterAll(async () => {
  await browser?.close();
  await job?.[Symbol.asyncDispose]();
});

/** Every page, by the name of its picture. */
const PAGES: Readonly<Record<string, () => string>> = {
  overview: () => "/?window=5m",
  lanes: () => "/lanes",
  lane: () => "/lanes/crm%3APOST%20%2Fcontacts?window=5m",
  operations: () => "/operations",
  operation: () => `/operations/${operation}`,
  "dead-letters": () => "/dead-letters",
  group: () => `/dead-letters/${encodeURIComponent(letter.fingerprint)}`,
  letter: () => `/dead-letters/letter/${letter.id}`,
  syncs: () => "/syncs",
  pipelines: () => "/pipelines",
  pipeline: () => "/pipelines/lead",
  run: () => "/pipelines/lead/lead%2Flead-0001",
  alerts: () => "/alerts",
  advice: () => "/advice",
  audit: () => "/audit",
  nowhere: () => "/lanes/none%3AGET%20%2Fnothing",
};

describe.each([
  ["light", { colorScheme: "light" }],
  ["dark", { colorScheme: "dark" }],
  ["phone", { colorScheme: "light", viewport: PHONE, hasTouch: true, isMobile: true }],
] as const)("in %s", (look, options) => {
  let seen: Visit;
  beforeAll(async () => {
    seen = await visit(browser, job.gateway.url, options);
  });
  afterAll(() => seen[Symbol.asyncDispose]());

  it.each(Object.keys(PAGES))("the page %s keeps nobody out, fits its window, and breaks neither a script nor its policy", async (name) => {
    seen.faults.length = 0;
    await seen.open((PAGES[name] as () => string)());
    // The gateway's answer for what is not there is an error of the network in the console, and none of the page.
    expect(seen.faults.filter((fault) => name !== "nowhere" || !fault.includes("404"))).toEqual([]);
    expect(await barriers(seen.page)).toEqual([]);
    expect(await overflow(seen.page)).toBe(0);
    await seen.page.screenshot({ path: join(PICTURES, `${name}-${look}.png`), fullPage: look === "phone" });
  });
});

describe("the CRM's outage", () => {
  it("is found on the timeline, with its reason one click further", async () => {
    await using seen = await visit(browser, job.gateway.url);
    const { page, open } = seen;
    await open("/?window=5m");
    const strip = page.getByRole("list", { name: "Breaker of crm POST /contacts" });
    await expect.poll(() => strip.locator(".strip-open").count()).toBeGreaterThan(0);
    const title = await strip.locator(".strip-open").first().getAttribute("title");
    expect(title).toMatch(/^open from \d\d:\d\d:\d\d for .+: \d+ % of the last calls failed$/);
    await page.locator(".strip-name", { hasText: "crm POST /contacts" }).click();
    await settled(page);
    expect(new URL(page.url()).pathname).toBe("/lanes/crm%3APOST%20%2Fcontacts");
    expect(await page.locator(".changes").innerText()).toMatch(/closed → open/);
    expect(seen.faults).toEqual([]);
  });
});

describe("a group of dead letters", () => {
  it("is looked at, patched, tried with a canary, replayed, and resolved", async () => {
    await using seen = await visit(browser, job.gateway.url);
    const { page, open } = seen;
    await open("/dead-letters");
    await page.getByRole("link", { name: /invalid field: employees/ }).click();
    await settled(page);

    // Three samples beside each other; what all have in common steps back.
    const samples = page.getByRole("region", { name: "Samples side by side" });
    await expect.poll(() => samples.locator("thead th").count()).toBe(4);
    expect(await samples.getByRole("row", { name: /^employees/ }).innerText()).toContain('"n/a"');
    const openBefore = Number(await page.locator(".fact", { hasText: "Open" }).locator("dd").innerText());
    expect(openBefore).toBeGreaterThan(1);

    // What is no patch says so, and cannot be sent.
    const editor = page.getByLabel("Patch of every body");
    await editor.fill('{ "employees": ');
    const replayAll = page.getByRole("button", { name: /^Replay all/ });
    expect(await replayAll.isDisabled()).toBe(true);
    await editor.fill("");
    await page.getByRole("button", { name: "Patch employees" }).click();
    expect(JSON.parse(await editor.inputValue())).toEqual({ employees: "n/a" });
    await editor.fill('{ "employees": 25 }');
    const diff = page.getByLabel("What the patch does to the first sample");
    expect(await diff.locator(".diff-removed").innerText()).toContain('"employees": "n/a"');
    expect(await diff.locator(".diff-added").innerText()).toContain('"employees": 25');

    await page.getByLabel("Why").fill("a number, as the API wants it");
    await page.getByRole("button", { name: "Send one as a canary" }).click();
    const run = page.locator(".run-card");
    await expect.poll(() => run.innerText()).toContain("finished");
    expect(await run.innerText()).toMatch(/1\s+resolved\s+·\s+0\s+failed again/);
    expect(await page.locator(".run-entries li").count()).toBe(1);
    await page.screenshot({ path: join(PICTURES, "canary.png"), fullPage: true });

    await expect.poll(() => replayAll.innerText()).toBe(openBefore === 2 ? "Replay it" : `Replay all ${openBefore - 1}`);
    await replayAll.click();
    await expect
      .poll(() => run.innerText(), { timeout: 30_000 })
      .toMatch(new RegExp(`${openBefore - 1}\\s+resolved\\s+·\\s+0\\s+failed again`));
    await expect.poll(() => page.locator(".fact", { hasText: "Open" }).locator("dd").innerText()).toBe("0");

    // A group that a replay has emptied is resolved by that.
    await expect.poll(() => page.locator(".page-head .chip").allInnerTexts()).toEqual(["resolved"]);
    await open("/dead-letters");
    expect(await page.getByRole("link", { name: /invalid field: employees/ }).count()).toBe(0);
    await open("/dead-letters?state=resolved");
    expect(await page.getByRole("link", { name: /invalid field: employees/ }).count()).toBe(1);
    await open("/audit");
    expect(await page.getByRole("table").innerText()).toContain("a number, as the API wants it");
    expect(seen.faults).toEqual([]);
  });

  it("can be stopped while it is replayed", async () => {
    await using seen = await visit(browser, job.gateway.url);
    const { page, open } = seen;
    await open("/dead-letters");
    await page.getByRole("link", { name: /disposable addresses/ }).click();
    await settled(page);
    await page.getByLabel("Letters a second").fill("0.2");
    await page.getByRole("button", { name: /^Replay all/ }).click();
    const run = page.locator(".run-card");
    await run.getByRole("button", { name: "Stop" }).click();
    await expect.poll(() => run.innerText(), { timeout: 20_000 }).toContain("finished");
    expect(await run.innerText()).toContain("ended before its last letter");
    expect(seen.faults).toEqual([]);
  });
});

describe("a lane", () => {
  it("is held open for a while with a reason, and given back", async () => {
    await using seen = await visit(browser, job.gateway.url);
    const { page, open } = seen;
    await open("/lanes/sequencer%3APOST%20%2Fenrolments");
    await page.getByRole("button", { name: "Hold open" }).click();
    const dialog = page.getByRole("dialog", { name: "Hold open" });
    await dialog.getByLabel("For how long").selectOption("15m");
    await dialog.getByLabel("Why").fill("their release");
    expect(await barriers(page)).toEqual([]);
    await page.screenshot({ path: join(PICTURES, "hold.png") });
    await dialog.getByRole("button", { name: "Hold open" }).click();
    await expect.poll(() => page.locator(".page-head .chip").allInnerTexts()).toContain("held open");
    await expect.poll(() => page.getByRole("main").innerText()).toContain("their release");
    await page.getByRole("button", { name: "Give back" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Give back" }).click();
    await expect.poll(() => page.locator(".page-head .chip").allInnerTexts()).not.toContain("held open");
    expect(seen.faults).toEqual([]);
  });
});

describe("an operation", () => {
  it("is found by its label, and shows each attempt with its reason", async () => {
    await using seen = await visit(browser, job.gateway.url);
    const { page, open } = seen;
    await open("/operations");
    await page.getByPlaceholder("Id, label=value or key").fill("campaign=q4");
    await expect.poll(() => new URL(page.url()).search).toBe("?q=campaign%3Dq4");
    await page.getByRole("table", { name: "Operations" }).getByRole("link").first().click();
    await settled(page);
    expect(new URL(page.url()).pathname).toBe(`/operations/${operation}`);
    const waterfall = page.locator(".waterfall");
    expect(await waterfall.innerText()).toContain("success");
    await waterfall.locator("summary").last().click();
    expect(await waterfall.innerText()).toContain("done: the other side answered for it");
    expect(seen.faults).toEqual([]);
  });
});

describe("the keys", () => {
  it("go to pages, search, walk through a list, change the theme and show themselves", async () => {
    await using seen = await visit(browser, job.gateway.url);
    const { page, open } = seen;
    const { keyboard } = page;
    await open("/");
    await keyboard.press("g");
    await keyboard.press("d");
    await settled(page);
    expect(new URL(page.url()).pathname).toBe("/dead-letters");
    await keyboard.press("/");
    expect(await page.evaluate(() => document.activeElement?.getAttribute("placeholder"))).toBe("Error, endpoint or reason");
    await keyboard.type("g d");
    expect(new URL(page.url()).pathname).toBe("/dead-letters");
    await open("/pipelines/lead");
    await page.getByRole("table").getByRole("link").first().waitFor();
    await keyboard.press("j");
    await keyboard.press("j");
    await expect.poll(() => page.evaluate(() => document.activeElement?.getAttribute("data-row"))).toBe("1");
    await keyboard.press("Enter");
    await settled(page);
    expect(new URL(page.url()).pathname).toMatch(/^\/pipelines\/lead\/lead%2F/);
    await keyboard.press("t");
    expect(await page.evaluate(() => document.documentElement.dataset["theme"])).toBe("dark");
    await keyboard.press("?");
    await page.getByRole("dialog", { name: "Keys" }).waitFor();
    expect(await barriers(page)).toEqual([]);
    await keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    expect(seen.faults).toEqual([]);
  });
});
