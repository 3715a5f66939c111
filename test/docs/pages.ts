/** The pages and sources of this repository, as paths from its root. */
import { existsSync, globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { repositoryRoot } from "../../scripts/tools.ts";

export function find(...patterns: string[]): readonly string[] {
  return globSync(patterns, { cwd: repositoryRoot })
    .map((path) => path.replaceAll("\\", "/"))
    .sort();
}

export function read(path: string): string {
  return readFileSync(join(repositoryRoot, path), "utf8");
}

export function exists(path: string): boolean {
  return existsSync(join(repositoryRoot, path));
}
