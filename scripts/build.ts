/**
 * Builds what is published: `tsc` to `dist/` (ESM and declarations), every file under `src` that is not TypeScript
 * (SQL, Lua, JSON…) copied beside the module that reads it, and the dashboard.
 *
 *     npm run build                       into dist/
 *     npm run build -- --out-dir FOLDER   elsewhere; the package tests do that, so that they never meet another build
 */
import { chmodSync, cpSync, existsSync, readdirSync, rmSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { parseArgs } from "node:util";
import { buildDashboard } from "./dashboard.ts";
import { repositoryRoot, runTool } from "./tools.ts";

const { values } = parseArgs({ options: { "out-dir": { type: "string", default: "dist" } } });
const source = join(repositoryRoot, "src");
const outDir = resolve(repositoryRoot, values["out-dir"]);

clean();
const compiled = await runTool("tsc", ["--project", "tsconfig.build.json", "--outDir", outDir]);
if (compiled.code !== 0) process.exit(compiled.code);
copyAssets();
const dashboard = await buildDashboard();
if (dashboard !== join(outDir, "dashboard")) cpSync(dashboard, join(outDir, "dashboard"), { recursive: true });
const cli = join(outDir, "cli", "main.js");
if (existsSync(cli)) chmodSync(cli, 0o755);

/** Takes away the last build, but not the dashboard, which is built anew only where it has changed. */
function clean(): void {
  if (!existsSync(outDir)) return;
  for (const entry of readdirSync(outDir)) {
    if (entry !== "dashboard") rmSync(join(outDir, entry), { recursive: true });
  }
}

function copyAssets(): void {
  cpSync(source, outDir, {
    recursive: true,
    filter: (path) => !/\.(?:ts|md)$/.test(path) && !relative(source, path).split("/").includes("fixtures"),
  });
}
