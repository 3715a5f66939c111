import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { run } from "../../scripts/tools.ts";

const folder = fileURLToPath(new URL("peers/", import.meta.url));

/** Installs the queues that are compared with, unless they are there as their lockfile says. */
export async function installPeers(): Promise<void> {
  const stamp = join(folder, "node_modules", ".holdfast-lockfile");
  const lockfile = readFileSync(join(folder, "package-lock.json"), "utf8");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === lockfile) return;
  process.stderr.write("installing the queues to compare with …\n");
  const { code, output } = await run("npm", ["ci", "--no-audit", "--no-fund", "--loglevel=error"], { cwd: folder, show: "capture" });
  if (code !== 0) throw new Error(`the queues to compare with could not be installed:\n${output}`);
  writeFileSync(stamp, lockfile);
}
