/** A browser for the tests, and pages that notice every fault. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import axe from "axe-core";
import { chromium, type Browser, type BrowserContextOptions, type Page } from "playwright-core";
import { ensureBrowser } from "../../scripts/browser.ts";
import { repositoryRoot } from "../../scripts/tools.ts";

/** No part of it talks to anybody but the page under test. */
const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

export const PICTURES: string = join(repositoryRoot, ".tmp", "pictures");
export const PHONE = { width: 390, height: 844 } as const;

export async function openBrowser(): Promise<Browser> {
  mkdirSync(PICTURES, { recursive: true });
  return await chromium.launch({ executablePath: await ensureBrowser(), args: FLAGS });
}

/** A page in a browser of its own, as of somebody who comes for the first time. */
export interface Visit extends AsyncDisposable {
  readonly page: Page;
  /** What went wrong in it: errors of the console, of scripts, of its policy, and requests to other hosts. */
  readonly faults: string[];
  /** Goes to a path and waits until what it shows has been read. */
  readonly open: (path: string) => Promise<void>;
}

export async function visit(browser: Browser, url: string, options: BrowserContextOptions = {}): Promise<Visit> {
  const context = await browser.newContext({ baseURL: url, viewport: { width: 1360, height: 900 }, ...options });
  const page = await context.newPage();
  const faults: string[] = [];
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") faults.push(`${message.type()}: ${message.text()}`);
  });
  page.on("pageerror", (error) => faults.push(`script: ${error.message}`));
  page.on("request", (request) => {
    if (!request.url().startsWith(url)) faults.push(`asked another host: ${request.url()}`);
  });
  return {
    page,
    faults,
    async open(path) {
      await page.goto(path);
      await settled(page);
    },
    [Symbol.asyncDispose]: () => context.close(),
  };
}

/** Until nothing is being read for the first time. */
export async function settled(page: Page): Promise<void> {
  await page.locator("h1").first().waitFor();
  await page.waitForFunction(() => document.querySelector(".loading") === null);
}

/** What a reader with other means than eyes and a mouse would stumble over, the serious faults only. */
export async function barriers(page: Page): Promise<readonly string[]> {
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate(() => (globalThis as unknown as { axe: typeof axe }).axe.run(document));
  return violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ html, failureSummary }) => `${html} (${failureSummary})`).join("; ")}`);
}

/** By how many pixels the page is wider than its window. */
export function overflow(page: Page): Promise<number> {
  return page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
}
