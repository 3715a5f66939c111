/** Runs the command line in this process: for tests of what it says and does, where the process is not the point. */
import { runCli } from "../../src/cli/program.ts";
import type { CliEnd } from "./holdfast.ts";

export interface HereOptions {
  readonly cwd: string;
}

/** One after the other: the folder, the streams and the exit code are the process's own. */
export async function cliHere(args: readonly string[], { cwd }: HereOptions): Promise<CliEnd> {
  let stdout = "";
  let stderr = "";
  const before = { cwd: process.cwd(), code: exitCode(), log: console.log, error: console.error };
  const streams = [
    { stream: process.stdout, write: process.stdout.write.bind(process.stdout), take: (text: string) => (stdout += text) },
    { stream: process.stderr, write: process.stderr.write.bind(process.stderr), take: (text: string) => (stderr += text) },
  ];
  process.chdir(cwd);
  process.exitCode = undefined;
  console.log = (...parts: unknown[]) => void (stdout += `${parts.join(" ")}\n`);
  console.error = (...parts: unknown[]) => void (stderr += `${parts.join(" ")}\n`);
  for (const { stream, take } of streams) {
    stream.write = (text: string | Uint8Array, encoding?: unknown, written?: unknown) => {
      take(typeof text === "string" ? text : new TextDecoder().decode(text));
      const told = typeof encoding === "function" ? encoding : written;
      if (typeof told === "function") (told as () => void)();
      return true;
    };
  }
  try {
    await runCli(args);
    return { code: exitCode() ?? 0, signal: null, stdout, stderr };
  } finally {
    for (const { stream, write } of streams) stream.write = write;
    console.log = before.log;
    console.error = before.error;
    process.exitCode = before.code;
    process.chdir(before.cwd);
  }
}

/** As a command has left it. */
function exitCode(): number | undefined {
  return process.exitCode as number | undefined;
}
