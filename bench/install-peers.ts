import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { run } from "../scripts/tools.ts";

/** Installs the packages of a folder `peers/`, unless they are there as its lockfile says. Answers the folder. */
export async function installPeers(peers: URL): Promise<string> {
  const folder = fileURLToPath(peers);
  const stamp = join(folder, "node_modules", ".holdfast-lockfile");
  const lockfile = readFileSync(join(folder, "package-lock.json"), "utf8");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === lockfile) return folder;
  process.stderr.write("installing what to compare with …\n");
  const { code, output } = await run("npm", ["ci", "--no-audit", "--no-fund", "--loglevel=error"], { cwd: folder, show: "capture" });
  if (code !== 0) throw new Error(`what to compare with could not be installed:\n${output}`);
  writeFileSync(stamp, lockfile);
  return folder;
}
