import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { packInto, type Packed } from "../../scripts/pack.ts";
import { repositoryRoot, run, runTool, temporaryFolder, type Ended } from "../../scripts/tools.ts";

const manifest = JSON.parse(readFileSync(join(repositoryRoot, "package.json"), "utf8")) as {
  readonly exports: Readonly<Record<string, unknown>>;
  readonly dependencies?: Readonly<Record<string, string>>;
};
const subpaths = Object.keys(manifest.exports)
  .filter((subpath) => subpath !== "./package.json")
  .map((subpath) => `holdfast${subpath.slice(1)}`);
const harness = join(repositoryRoot, "test", "package", "harness");

let folder: string;
let packed: Packed;
let app: string;

/** Packs this repository and installs the tarball in an app of its own, without network. */
beforeAll(async () => {
  folder = temporaryFolder("package-test");
  const stage = join(folder, "stage");
  app = join(folder, "app");
  mkdirSync(stage);
  mkdirSync(app);
  packed = await packInto(stage);
  const dependencies = Object.fromEntries(Object.keys(manifest.dependencies ?? {}).map((name) => [name, installedHere(name)]));
  writeFileSync(join(app, "package.json"), JSON.stringify({ private: true, type: "module", dependencies }));
  // Packages that are taken from a folder would be built, with tools of their own that nobody has; as they stand there they are built.
  const flags = [
    "--offline",
    "--ignore-scripts",
    "--install-links",
    `--cache=${join(folder, "cache")}`,
    "--no-audit",
    "--no-fund",
    "--loglevel=error",
  ];
  const { code, output } = await run("npm", ["install", packed.tarball, ...flags], { cwd: app, show: "capture" });
  if (code !== 0) throw new Error(`npm install of the tarball failed:\n${output}`);
}, 120_000);

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

const node = (...args: string[]): Promise<Ended> => run(process.execPath, args, { cwd: app, show: "capture" });

/** Runs a module of the app, which imports what it is about. */
function evaluate(code: string, ...flags: string[]): Promise<Ended> {
  writeFileSync(join(app, "main.js"), code);
  return node(...flags, "main.js");
}

describe("the tarball", () => {
  test("holds the build and the papers, and nothing else", () => {
    const expected = /^(?:package\.json|README\.md|LICENSE|CHANGELOG\.md|dist\/.+\.(?:js|js\.map|d\.ts|sql|lua)|dist\/dashboard\/.+)$/;
    expect(packed.files.filter((path) => !expected.test(path))).toEqual([]);
    expect(packed.files).toEqual(expect.arrayContaining(["package.json", "LICENSE", "CHANGELOG.md", "README.md", "dist/index.js"]));
  });

  test("holds no tests", () => {
    expect(packed.files.filter((path) => /\.test\.|\.test-d\.|\.bench\.|fixtures/.test(path))).toEqual([]);
  });

  test("holds source maps that carry their source and name no folder of the machine that built them", () => {
    const maps = packed.files.filter((path) => path.endsWith(".map"));
    expect(maps.length).toBeGreaterThan(0);
    for (const path of maps) {
      const text = readFileSync(join(app, "node_modules", "holdfast", path), "utf8");
      expect((JSON.parse(text) as { sourcesContent?: string[] }).sourcesContent?.[0], path).toBeTypeOf("string");
      expect(text, path).not.toContain(repositoryRoot);
    }
  });
});

describe("the installed package", () => {
  test.each(subpaths)("can be imported as %s", async (subpath) => {
    expect(
      await evaluate(`const all = await import("${subpath}"); if (Object.keys(all).length === 0) throw new Error("no exports");`),
    ).toEqual({
      code: 0,
      output: "",
    });
  });

  test("shows its package.json", async () => {
    const code = 'import manifest from "holdfast/package.json" with { type: "json" }; console.log(manifest.name);';
    expect(await evaluate(code)).toEqual({ code: 0, output: "holdfast\n" });
  });

  test("shows nothing that its exports do not name", async () => {
    expect((await evaluate('await import("holdfast/dist/index.js")')).output).toContain("ERR_PACKAGE_PATH_NOT_EXPORTED");
  });

  test("loads no other package, and nothing of Node but async_hooks, for `import 'holdfast'`", async () => {
    const foreign = await modulesLoadedBy("holdfast");
    expect(foreign.filter((url) => url !== "node:async_hooks")).toEqual([]);
  });

  test("would be seen loading more", async () => {
    expect(await modulesLoadedBy("holdfast/sqlite")).toContain("node:worker_threads");
  });

  test("loads where there is no Node at all", async () => {
    const { code, output } = await bareContext("dist/index.js");
    expect(output).toContain("HoldfastError");
    expect(code).toBe(0);
  });

  test("would be seen needing Node", async () => {
    const { code, output } = await bareContext("dist/adapters/store/sqlite/index.js");
    expect(output).toContain("which only Node can find");
    expect(code).not.toBe(0);
  });

  test.each(["nodenext", "bundler"])(
    "type-checks in a strict app with moduleResolution %s, its declarations included",
    async (moduleResolution) => {
      const text = subpaths.map((subpath, index) => `import * as all${index} from "${subpath}";\nvoid all${index};\n`).join("");
      expect(
        await typeCheck(text, { moduleResolution, types: ["node"], typeRoots: [join(repositoryRoot, "node_modules", "@types")] }),
      ).toEqual({
        code: 0,
        output: "",
      });
    },
  );

  test("type-checks without the types of Node", async () => {
    expect(await typeCheck('import * as all from "holdfast";\nvoid all;\n', { types: [] })).toEqual({ code: 0, output: "" });
  });

  test("would be seen with a type that is wrong", async () => {
    const { code, output } = await typeCheck('import { HoldfastError } from "holdfast";\nexport const wrong: string = HoldfastError;\n', {
      types: [],
    });
    expect(output).toContain("not assignable to type 'string'");
    expect(code).not.toBe(0);
  });

  test("finds its SQL and starts its threads", async () => {
    const code =
      'import { sqlite } from "holdfast/sqlite"; const store = await sqlite("test.db")(); console.log((await store.check()).ok); await store.close();';
    expect(await evaluate(code)).toEqual({ code: 0, output: "true\n" });
    expect(existsSync(join(app, "test.db"))).toBe(true);
  });

  test("has a command line", async () => {
    const { code, output } = await node(join(app, "node_modules", ".bin", "holdfast"), "--help");
    expect(output).toContain("Usage: holdfast");
    expect(code).toBe(0);
  });
});

/** A package that npm can install without network. */
function installedHere(name: string): string {
  return `file:${join(repositoryRoot, "node_modules", name)}`;
}

/** What an import loads from outside the package. */
async function modulesLoadedBy(specifier: string): Promise<readonly string[]> {
  const { code, output } = await evaluate(`await import("${specifier}")`, "--import", join(harness, "trace-imports.mjs"));
  expect(code, output).toBe(0);
  const loaded = output.split("\n").flatMap((line) => (line.startsWith("loaded ") ? [line.slice("loaded ".length)] : []));
  expect(loaded.some((url) => url.includes("/node_modules/holdfast/dist/"))).toBe(true);
  return loaded.filter((url) => !url.includes("/node_modules/holdfast/dist/") && !url.endsWith("/main.js"));
}

function bareContext(file: string): Promise<Ended> {
  const path = join(app, "node_modules", "holdfast", file);
  return node("--experimental-vm-modules", "--disable-warning=ExperimentalWarning", join(harness, "bare-context.mjs"), path);
}

async function typeCheck(text: string, options: Readonly<Record<string, unknown>>): Promise<Ended> {
  const module = options["moduleResolution"] === "bundler" ? "esnext" : "nodenext";
  const compilerOptions = {
    strict: true,
    noEmit: true,
    skipLibCheck: false,
    target: "es2024",
    module,
    lib: ["esnext", "dom", "dom.iterable"],
    ...options,
  };
  writeFileSync(join(app, "app.ts"), text);
  writeFileSync(join(app, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["app.ts"] }));
  return runTool("tsc", ["--project", app, "--pretty", "false"], { cwd: app, show: "capture" });
}
