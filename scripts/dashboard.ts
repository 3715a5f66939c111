/**
 * Builds the dashboard into `dist/dashboard`, where the gateway finds it, if anything that it is made of has changed since the last time.
 *
 *     npm run dashboard
 *
 * `npm start`, `holdfast serve` from source and `npm run build` come by here by themselves.
 */
import { createHash, randomUUID } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { repositoryRoot, temporaryFolder } from "./tools.ts";

const target = join(repositoryRoot, "dist", "dashboard");
const stamp = join(repositoryRoot, ".tmp", "dashboard.sha256");
/** What the pages are made of: theirs, the words of the domain that they share with the engine, and the tools' versions. */
const SOURCES = ["dashboard", "src/core", "src/client/merge-patch.ts", "package-lock.json"];

/** Resolves with the folder once what stands there is up to date. */
export async function buildDashboard(): Promise<string> {
  const wanted = fingerprint();
  if (existsSync(join(target, "index.html")) && existsSync(stamp) && readFileSync(stamp, "utf8") === wanted) return target;
  const { build } = await import("vite");
  const made = temporaryFolder("dashboard");
  await build({
    configFile: join(repositoryRoot, "dashboard", "vite.config.ts"),
    root: join(repositoryRoot, "dashboard"),
    build: { outDir: made },
    logLevel: "warn",
  });
  // Put in its place in one step, so that a gateway that starts meanwhile finds the old one or the new one.
  const old = join(repositoryRoot, ".tmp", `dashboard-old-${randomUUID()}`);
  mkdirSync(dirname(target), { recursive: true });
  if (existsSync(target)) renameSync(target, old);
  // A temporary folder is its owner's alone; what is served may be read by whoever runs the gateway.
  chmodSync(made, 0o755);
  renameSync(made, target);
  rmSync(old, { recursive: true, force: true });
  writeFileSync(stamp, wanted);
  return target;
}

function fingerprint(): string {
  const hash = createHash("sha256");
  for (const file of SOURCES.flatMap(filesIn))
    hash
      .update(`${relative(repositoryRoot, file)}\0`)
      .update(readFileSync(file))
      .update("\0");
  return hash.digest("hex");
}

function filesIn(source: string): readonly string[] {
  const path = join(repositoryRoot, source);
  if (/\.\w+$/.test(source)) return [path];
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !/\.test\.tsx?$/.test(entry.name) && !entry.parentPath.includes("node_modules"))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

if (import.meta.main) await buildDashboard();
