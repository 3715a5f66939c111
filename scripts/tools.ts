/** How the scripts of this repository start its tools: the installed ones, on the Node that runs the script. */
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The folder that holds `package.json`, without a closing slash. */
export const repositoryRoot: string = dirname(dirname(fileURLToPath(import.meta.url)));

/** A new folder for one run, inside the repository, so that what is written there finds its node_modules; git ignores it. */
export function temporaryFolder(purpose: string): string {
  const parent = join(repositoryRoot, ".tmp");
  mkdirSync(parent, { recursive: true });
  return mkdtempSync(join(parent, `${purpose}-`));
}

export interface Ended {
  readonly code: number;
  /** What it wrote to stdout and stderr, in order of arrival; empty when `inherit` was asked for. */
  readonly output: string;
}

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** `inherit` shows the output as it comes (the default); `capture` collects it. */
  readonly show?: "inherit" | "capture";
}

/** Runs a tool among the dev dependencies, by the name of its command. */
export function runTool(name: string, args: readonly string[], options: RunOptions = {}): Promise<Ended> {
  return run(process.execPath, [join(repositoryRoot, "scripts", "bootstrap.mjs"), name, ...args], options);
}

/** Runs a program to its end. A program that cannot be started, or that dies of a signal, ends with a code above zero. */
export function run(file: string, args: readonly string[], options: RunOptions = {}): Promise<Ended> {
  return new Promise((settle) => {
    const capture = options.show === "capture";
    const child = spawn(file, args, {
      cwd: options.cwd ?? repositoryRoot,
      env: options.env ?? process.env,
      stdio: capture ? ["ignore", "pipe", "pipe"] : ["ignore", "inherit", "inherit"],
    });
    let output = "";
    const collect = (chunk: Buffer): void => void (output += chunk.toString());
    child.stdout?.on("data", collect);
    child.stderr?.on("data", collect);
    child.on("error", (error) => {
      settle({ code: 127, output: `${output}cannot start ${file}: ${error.message}\n` });
    });
    child.on("close", (code) => {
      settle({ code: code ?? 1, output });
    });
  });
}
