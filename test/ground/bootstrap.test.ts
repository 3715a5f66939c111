import { spawn, type ChildProcess } from "node:child_process";
import {
  appendFileSync,
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { repositoryRoot } from "../../scripts/tools.ts";

/**
 * Stands in for npm: `npm ci` empties node_modules, takes a moment, and puts a Node, one tool and a note of its visit
 * there. It fails while a file named `broken` exists, and stops half-way while one named `half` does.
 */
const npm = `#!/bin/sh
echo "npm says: $*"
echo "$PATH" > npm-path
echo ci >> installs
rm -rf node_modules
[ -e broken ] && exit 7
sleep 0.2
mkdir -p node_modules/node/bin node_modules/tool
[ -e half ] && { rm half; kill -9 $PPID; exit 1; }
ln -s "${process.execPath}" node_modules/node/bin/node
printf '{"bin":{"tool":"tool.mjs"}}' > node_modules/tool/package.json
printf 'console.log("tool", ...process.argv.slice(2))' > node_modules/tool/tool.mjs
`;

let root: string;

beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), "holdfast-bootstrap-")));
  mkdirSync(join(root, "scripts"));
  mkdirSync(join(root, "bin"));
  cpSync(join(repositoryRoot, "scripts", "bootstrap.mjs"), join(root, "scripts", "bootstrap.mjs"));
  writeFileSync(join(root, "bin", "npm"), npm);
  chmodSync(join(root, "bin", "npm"), 0o755);
  writeFileSync(join(root, "package.json"), JSON.stringify({ devDependencies: { tool: "1.0.0" } }));
  writeFileSync(join(root, "package-lock.json"), "{}");
  writeFileSync(join(root, "ours.mjs"), 'console.log("ours", ...process.argv.slice(2));');
});

afterEach(() => {
  rmSync(root, { recursive: true, force: true });
});

interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

function start(...args: string[]): { child: ChildProcess; ended: Promise<Ended>; saw: (text: string) => Promise<void> } {
  const env = { ...process.env, PATH: [join(root, "node_modules", ".bin"), join(root, "bin"), process.env["PATH"]].join(delimiter) };
  const child = spawn(process.execPath, [join(root, "scripts", "bootstrap.mjs"), ...args], {
    cwd: root,
    env,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const text = { stdout: "", stderr: "" };
  child.stdout.on("data", (chunk: Buffer) => (text.stdout += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (text.stderr += chunk.toString()));
  const ended = new Promise<Ended>((settle) =>
    child.on("close", (code, signal) => {
      settle({ code, signal, ...text });
    }),
  );
  const saw = (wanted: string): Promise<void> =>
    new Promise((settle) => {
      child.stdout.on("data", () => {
        if (text.stdout.includes(wanted)) settle();
      });
    });
  return { child, ended, saw };
}

const bootstrap = (...args: string[]): Promise<Ended> => start(...args).ended;
const installs = (): number =>
  existsSync(join(root, "installs")) ? readFileSync(join(root, "installs"), "utf8").split("\n").length - 1 : 0;

describe("the bootstrap", () => {
  test("installs before the first command, tells so on stderr, and leaves stdout to the command", async () => {
    const first = await bootstrap("ours.mjs", "--json", "a b");
    expect(first).toMatchObject({ code: 0, stdout: "ours --json a b\n" });
    expect(first.stderr).toContain("running npm ci");
    expect(first.stderr).toContain("npm says: ci --include=dev");
  });

  test("installs once", async () => {
    await bootstrap("ours.mjs");
    expect(await bootstrap("ours.mjs")).toMatchObject({ code: 0, stdout: "ours\n", stderr: "" });
    expect(installs()).toBe(1);
  });

  test("runs a tool by the name of its command", async () => {
    expect(await bootstrap("tool", "x")).toMatchObject({ code: 0, stdout: "tool x\n" });
  });

  test("refuses a tool that is not there", async () => {
    const ended = await bootstrap("stranger");
    expect(ended.code).toBe(1);
    expect(ended.stderr).toContain('no tool named "stranger"');
  });

  test("does not run npm on the Node that npm is about to replace", async () => {
    await bootstrap("ours.mjs");
    expect(readFileSync(join(root, "npm-path"), "utf8")).not.toContain("node_modules/.bin");
  });

  test("installs again when the lockfile changed", async () => {
    await bootstrap("ours.mjs");
    writeFileSync(join(root, "package-lock.json"), "{ }");
    await bootstrap("ours.mjs");
    expect(installs()).toBe(2);
  });

  test("takes an install by hand for good, once npm has called its --stamp", async () => {
    await bootstrap("ours.mjs");
    writeFileSync(join(root, "package-lock.json"), "{ }");
    await bootstrap("--stamp");
    await bootstrap("ours.mjs");
    expect(installs()).toBe(1);
  });

  test("installs again when the pinned Node is missing", async () => {
    await bootstrap("ours.mjs");
    rmSync(join(root, "node_modules", "node"), { recursive: true });
    expect(await bootstrap("ours.mjs")).toMatchObject({ code: 0, stdout: "ours\n" });
    expect(installs()).toBe(2);
  });

  test("runs nothing when the install fails, and ends with npm's code", async () => {
    writeFileSync(join(root, "broken"), "");
    expect(await bootstrap("ours.mjs")).toMatchObject({ code: 7, stdout: "" });
    rmSync(join(root, "broken"));
    expect(await bootstrap("ours.mjs")).toMatchObject({ code: 0, stdout: "ours\n" });
  });

  test("installs again after an install that was killed half-way", async () => {
    writeFileSync(join(root, "half"), "");
    expect(await bootstrap("ours.mjs")).toMatchObject({ signal: "SIGKILL", stdout: "" });
    const lock = join(root, ".tmp", "install.lock");
    expect(existsSync(lock)).toBe(true);
    utimesSync(lock, 0, 0); // as old as if nobody had touched it since
    expect(await bootstrap("ours.mjs")).toMatchObject({ code: 0, stdout: "ours\n" });
  });

  test("installs once for two commands that start at the same time", async () => {
    const both = await Promise.all([bootstrap("ours.mjs"), bootstrap("ours.mjs")]);
    expect(both.map(({ code, stdout }) => ({ code, stdout }))).toEqual([
      { code: 0, stdout: "ours\n" },
      { code: 0, stdout: "ours\n" },
    ]);
    expect(installs()).toBe(1);
  });

  test("ends with the command's exit code", async () => {
    appendFileSync(join(root, "ours.mjs"), "process.exit(3);");
    expect(await bootstrap("ours.mjs")).toMatchObject({ code: 3, signal: null });
  });

  test.each(["SIGINT", "SIGTERM"] as const)("passes %s on and leaves the last word to the command", async (signal) => {
    const handler = `process.on("${signal}", () => { console.log("got it"); process.exit(5); });`;
    writeFileSync(join(root, "ours.mjs"), `${handler} setInterval(() => {}, 1000); console.log("ours");`);
    const { child, ended, saw } = start("ours.mjs");
    await saw("ours");
    child.kill(signal);
    expect(await ended).toMatchObject({ code: 5, stdout: "ours\ngot it\n" });
  });

  test("dies of the signal that the command died of", async () => {
    appendFileSync(join(root, "ours.mjs"), "setInterval(() => {}, 1000);");
    const { child, ended, saw } = start("ours.mjs");
    await saw("ours");
    child.kill("SIGTERM");
    expect(await ended).toMatchObject({ code: null, signal: "SIGTERM" });
  });
});
