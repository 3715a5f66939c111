import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { repositoryRoot, run } from "../../scripts/tools.ts";

interface Manifest {
  readonly scripts: Readonly<Record<string, string>>;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
}
const read = (path: string): string => readFileSync(join(repositoryRoot, path), "utf8");
const manifest = JSON.parse(read("package.json")) as Manifest;

describe("what comes with the package", () => {
  test("runs nothing when it is installed", () => {
    for (const name of ["preinstall", "install", "postinstall", "prepare"]) expect(Object.keys(manifest.scripts)).not.toContain(name);
  });

  test("is pinned, and is few: each with its reason in the guide", () => {
    const page = read("docs/guide/security.md");
    const rows = [...page.matchAll(/^\| `([^`]+)` +\| \S/gm)].map(([, name]) => name as string);
    expect(rows.toSorted()).toEqual(Object.keys(manifest.dependencies).toSorted());
    for (const version of Object.values({ ...manifest.dependencies, ...manifest.devDependencies }))
      expect(version).toMatch(/^\d+\.\d+\.\d+/);
  });

  test("has a bill of materials: what is loaded at run time, each with its hash, and nothing of the tools", async () => {
    const { code, output } = await run("npm", ["run", "--silent", "sbom"], { cwd: repositoryRoot, show: "capture" });
    expect(code).toBe(0);
    const bill = JSON.parse(output.slice(output.indexOf("{"))) as {
      components: readonly { name: string; version: string; hashes?: readonly unknown[] }[];
    };
    const names = bill.components.map(({ name }) => name);
    expect(names.toSorted()).toEqual(Object.keys(manifest.dependencies).toSorted());
    for (const { name, hashes } of bill.components) expect([name, hashes?.length]).toEqual([name, 1]);
  });
});

interface Locked {
  readonly version?: string;
  readonly link?: true;
  readonly integrity?: string;
  readonly optional?: true;
  readonly os?: readonly string[];
}

describe("package-lock.json", () => {
  const { packages } = JSON.parse(read("package-lock.json")) as { readonly packages: Readonly<Record<string, Locked>> };
  const fetched = Object.entries(packages).filter(([path, { link }]) => path.includes("node_modules/") && link !== true);

  test("has a hash for each package, but for native builds of other platforms that the registry in use does not offer", () => {
    const without = fetched.filter(([, { integrity }]) => integrity === undefined);
    expect(without.filter(([, { optional, os }]) => optional !== true || os === undefined).map(([path]) => path)).toEqual([]);
    for (const [path, { integrity = "sha512-" }] of fetched)
      expect([path, integrity]).toEqual([path, expect.stringMatching(/^sha512-(?:[\w+/]{86}==)?$/)]);
  });

  test("names no host of a registry", () => {
    expect(
      Object.values(packages).some((entry) => "resolved" in entry && /^https?:/.test(String((entry as { resolved?: unknown }).resolved))),
    ).toBe(false);
  });
});
