/**
 * Finds the Chromium that the browser tests drive; where there is none, and we may, Debian's is installed.
 *
 *     node scripts/bootstrap.mjs scripts/browser.ts     prints its path
 */
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { run } from "./tools.ts";

const NAMES = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"];

/** The path of a Chromium: the one of HOLDFAST_TEST_BROWSER, one of the machine's, or a new one. @throws where none can be had */
export async function ensureBrowser(): Promise<string> {
  const there = process.env["HOLDFAST_TEST_BROWSER"] ?? found();
  if (there !== undefined) return there;
  const mayInstall = process.getuid?.() === 0 && inPath("apt-get") !== undefined;
  if (mayInstall) {
    console.error("holdfast: there is no Chromium: installing Debian's (a minute or so)");
    await run("apt-get", ["update", "-qq"], { show: "capture" });
    const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
    const { code, output } = await run("apt-get", ["install", "-y", "-qq", "--no-install-recommends", "chromium"], {
      env,
      show: "capture",
    });
    const installed = found();
    if (code === 0 && installed !== undefined) return installed;
    throw new Error(`Chromium could not be installed:\n${output}`);
  }
  throw new Error(
    "there is no Chromium for the browser tests; install it (apt-get install chromium), or name one in HOLDFAST_TEST_BROWSER",
  );
}

function found(): string | undefined {
  return NAMES.map(inPath).find((path) => path !== undefined);
}

function inPath(name: string): string | undefined {
  return (process.env["PATH"] ?? "")
    .split(delimiter)
    .map((folder) => join(folder, name))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

if (import.meta.main) console.log(await ensureBrowser());
