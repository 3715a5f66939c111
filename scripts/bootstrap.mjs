// Runs a command of this repository on the Node version that the lockfile pins, and installs what is missing first.
//
//   node scripts/bootstrap.mjs src/cli/main.ts demo     a file of ours
//   node scripts/bootstrap.mjs vitest run               a tool among the dev dependencies
//   node scripts/bootstrap.mjs --install                nothing more than the install
//   node scripts/bootstrap.mjs --stamp                  what npm calls after it changed node_modules (script "dependencies")
//
// Every npm script goes through here, so that each works as the first command after `git clone`, on any machine that has
// npm and Node 20 or later. That is why this file is plain JavaScript without imports from node_modules. It writes to
// stderr only: stdout belongs to the command.
//
// node_modules counts as in step with package-lock.json when it holds a stamp with that lockfile's hash. The stamp is
// taken away before an install begins and comes back when it has ended well, so half an install never counts as one.

import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { constants } from "node:os";
import { delimiter, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const windows = process.platform === "win32";
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const modules = join(root, "node_modules");
const stamp = join(modules, ".holdfast-lockfile");
const pinnedNode = join(modules, "node", "bin", windows ? "node.exe" : "node");

const lock = join(root, ".tmp", "install.lock");
const LOCK_BEAT_MS = 1_000;
const LOCK_STALE_MS = 10_000;

/** Commands of ours that serve the dashboard, which a source checkout builds when it has changed. */
const SHOW_PAGES = ["serve", "demo"];

const [command, ...args] = process.argv.slice(2);
if (command === undefined) fail("say what to run: a file of this repository or a tool among its dev dependencies");
if (command === "--stamp") {
  writeStamp();
} else {
  const installed = await ensureInstalled();
  if (installed.code !== 0) {
    say("the install did not succeed; nothing was run");
    endLike(installed);
  } else if (command !== "--install") {
    if (command === "src/cli/main.ts" && SHOW_PAGES.includes(args[0])) await ensureDashboard();
    endLike(await run(pinnedNode, [locate(command), ...args], { stdio: "inherit", env: environment() }));
  }
}

async function ensureInstalled() {
  if (inStep()) return { code: 0, signal: null };
  const unlock = await takeLock();
  try {
    // Another process may have installed while this one waited for the lock.
    return inStep() ? { code: 0, signal: null } : await install();
  } finally {
    unlock();
  }
}

function inStep() {
  return existsSync(stamp) && readFileSync(stamp, "utf8") === fingerprint() && existsSync(pinnedNode);
}

function fingerprint() {
  const lockfile = readFileSync(join(root, "package-lock.json"));
  return `${createHash("sha256").update(lockfile).digest("hex")} ${process.platform}-${process.arch}\n`;
}

function writeStamp() {
  if (existsSync(modules)) writeFileSync(stamp, fingerprint());
}

async function install() {
  say("node_modules is not in step with package-lock.json: running npm ci (about half a minute)");
  rmSync(stamp, { force: true });
  // Not on the pinned Node, which this very install replaces; and with dev dependencies, whatever NODE_ENV says.
  const env = { ...process.env, PATH: pathWithoutTools() };
  const options = { stdio: ["ignore", 2, 2], env, shell: windows };
  const ended = await run("npm", ["ci", "--include=dev", "--no-audit", "--no-fund", "--loglevel=error"], options);
  if (ended.code !== 0) return ended;
  if (!existsSync(pinnedNode)) {
    say("npm ci ran without the install script of the package `node`: is ignore-scripts set in an .npmrc or the environment?");
    return { code: 1, signal: null };
  }
  writeStamp();
  return ended;
}

/** Takes the lock that keeps two installs apart; its holder touches the file, so a dead holder's lock goes stale. */
async function takeLock() {
  mkdirSync(dirname(lock), { recursive: true });
  for (let told = false; ;) {
    try {
      writeFileSync(lock, `${process.pid}\n`, { flag: "wx" });
      break;
    } catch (error) {
      if (error.code !== "EEXIST") throw error;
    }
    const touched = statSync(lock, { throwIfNoEntry: false })?.mtimeMs;
    if (touched !== undefined && Date.now() - touched > LOCK_STALE_MS) {
      rmSync(lock, { force: true });
      continue;
    }
    if (!told) say("waiting for another install in this folder to end");
    told = true;
    await new Promise((wake) => setTimeout(wake, 200));
  }
  const beat = setInterval(() => {
    const now = new Date();
    if (existsSync(lock)) utimesSync(lock, now, now);
  }, LOCK_BEAT_MS);
  return () => {
    clearInterval(beat);
    rmSync(lock, { force: true });
  };
}

/** Without it the gateway works all the same, and its pages say how to build them. */
async function ensureDashboard() {
  const { code } = await run(pinnedNode, [join(root, "scripts", "dashboard.ts")], { stdio: ["ignore", 2, 2], env: environment() });
  if (code !== 0) say("the dashboard could not be built; going on without it");
}

/** The script to run: a file of ours by its path, or a tool by the name under which its package declares it. */
function locate(name) {
  if (/\.[cm]?[jt]s$/.test(name)) return resolve(root, name);
  const manifest = readJson(join(root, "package.json"));
  for (const dependency of Object.keys(manifest.devDependencies ?? {})) {
    const folder = join(modules, dependency);
    const { bin } = readJson(join(folder, "package.json"));
    const path = typeof bin === "string" ? dependency.split("/").at(-1) === name && bin : bin?.[name];
    if (path) return join(folder, path);
  }
  return fail(`there is no tool named ${JSON.stringify(name)} among the dev dependencies`);
}

function readJson(path) {
  return JSON.parse(readFileSync(path, "utf8"));
}

/**
 * So that whatever the command starts as `node` is the pinned one too, and that what is run from source is stripped of its types
 * and compiled once, not by each process: the command line starts three times as fast.
 */
function environment() {
  return {
    NODE_COMPILE_CACHE: join(root, ".tmp", "compile-cache"),
    ...process.env,
    PATH: [join(modules, ".bin"), pathWithoutTools()].join(delimiter),
  };
}

function pathWithoutTools() {
  const inTools = /[\\/]node_modules[\\/]\.bin[\\/]?$/;
  return (process.env.PATH ?? "")
    .split(delimiter)
    .filter((folder) => !inTools.test(folder))
    .join(delimiter);
}

/** Runs a child to its end and passes signals on to it. */
function run(file, argv, options) {
  return new Promise((settle) => {
    const child = spawn(file, argv, options);
    const handlers = ["SIGINT", "SIGTERM", "SIGHUP"].map((signal) => {
      // Ctrl+C in a terminal reaches the whole process group; a second copy would look like a second Ctrl+C.
      const alreadyThere = signal === "SIGINT" && process.stdin.isTTY;
      const handler = () => {
        if (!alreadyThere) child.kill(signal);
      };
      process.on(signal, handler);
      return { signal, handler };
    });
    const end = (outcome) => {
      for (const { signal, handler } of handlers) process.off(signal, handler);
      settle(outcome);
    };
    child.on("error", (error) => {
      say(`cannot start ${file}: ${error.message}`);
      end({ code: 127, signal: null });
    });
    child.on("exit", (code, signal) => end({ code, signal }));
  });
}

/** Ends this process the way its child ended. */
function endLike({ code, signal }) {
  if (signal === null) process.exit(code ?? 1);
  process.kill(process.pid, signal);
  // Only a signal that this process cannot die of (or Windows) gets here.
  setTimeout(() => process.exit(128 + (constants.signals[signal] ?? 0)), 1_000);
}

function say(text) {
  process.stderr.write(`holdfast: ${text}\n`);
}

function fail(text) {
  say(text);
  process.exit(1);
}
