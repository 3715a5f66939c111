import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { repositoryRoot } from "../../scripts/tools.ts";

interface Missing {
  readonly name: string;
  readonly entry: Readonly<Record<string, unknown>>;
}
const { missingPlatformPackages } = (await import(`${repositoryRoot}/scripts/lockfile.mjs`)) as {
  missingPlatformPackages: (lockfile: object) => readonly Missing[];
};

describe("package-lock.json", () => {
  test("holds the native packages of every platform, so that `npm ci` works on each (else run: node scripts/lockfile.mjs)", () => {
    const lockfile = JSON.parse(readFileSync(join(repositoryRoot, "package-lock.json"), "utf8")) as object;
    expect(missingPlatformPackages(lockfile).map(({ name }) => name)).toEqual([]);
  });

  test("would be found out if it did not", () => {
    const packages = {
      "": {},
      "node_modules/tool": {
        dev: true,
        optionalDependencies: { "tool-darwin-arm64": "1.2.3", "@x/tool-linux-x64-musl": "1.2.3", "tool-win32-x64": "1.2.3" },
      },
      "node_modules/tool/node_modules/tool-darwin-arm64": {},
      "node_modules/tool-win32-x64": {},
    };
    expect(missingPlatformPackages({ packages })).toEqual([
      {
        name: "@x/tool-linux-x64-musl",
        entry: { version: "1.2.3", cpu: ["x64"], libc: ["musl"], os: ["linux"], dev: true, optional: true },
      },
    ]);
  });
});
