/** Packs what would be published, from a build of its own: neither meets nor leaves anything in `dist/`. */
import { cpSync, existsSync } from "node:fs";
import { join } from "node:path";
import { repositoryRoot, run, runTool } from "./tools.ts";

/** What stands beside `dist/` in the published package, besides `package.json`. */
const PAPERS = ["README.md", "LICENSE", "CHANGELOG.md"];

export interface Packed {
  /** Path of the tarball. */
  readonly tarball: string;
  /** Paths in it, without the leading `package/`. */
  readonly files: readonly string[];
}

/** Builds into `folder` and packs there, without network. Throws with the tool's output when a step fails. */
export async function packInto(folder: string): Promise<Packed> {
  for (const name of ["package.json", ...PAPERS]) {
    if (existsSync(join(repositoryRoot, name))) cpSync(join(repositoryRoot, name), join(folder, name));
  }
  await demand("build", runTool(join(repositoryRoot, "scripts", "build.ts"), ["--out-dir", join(folder, "dist")], { show: "capture" }));
  // The build has just been made; `prepack` would make it again, in the wrong place.
  const packing = run("npm", ["pack", "--json", "--ignore-scripts", "--offline", "--loglevel=error"], { cwd: folder, show: "capture" });
  const output = await demand("npm pack", packing);
  const [report] = JSON.parse(output.slice(output.indexOf("["))) as [{ filename: string; files: { path: string }[] }];
  return { tarball: join(folder, report.filename), files: report.files.map(({ path }) => path) };
}

async function demand(step: string, running: Promise<{ code: number; output: string }>): Promise<string> {
  const { code, output } = await running;
  if (code !== 0) throw new Error(`${step} failed:\n${output}`);
  return output;
}
