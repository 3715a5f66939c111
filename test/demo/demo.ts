import type { DemoReport } from "../../src/cli/demo/report.ts";
import { startCli, type CliEnd, type CliRun } from "../cli/holdfast.ts";

/** Starts `holdfast demo --fast --json`, in a process group of its own. */
export function startDemo(cwd: string, ...args: string[]): CliRun {
  return startCli(["demo", "--fast", "--json", ...args], { cwd });
}

export function demo(cwd: string, ...args: string[]): Promise<CliEnd> {
  return startDemo(cwd, ...args).ended;
}

export function reportOf({ stdout }: CliEnd): DemoReport {
  return JSON.parse(stdout) as DemoReport;
}

/** Resolves when it has said this on stderr. */
export function told({ child }: CliRun, text: RegExp): Promise<void> {
  let all = "";
  return new Promise((resolve, reject) => {
    child.stderr?.on("data", (chunk: Buffer) => {
      all += chunk.toString();
      if (text.test(all)) resolve();
    });
    child.once("exit", () => reject(new Error(`it ended before it said ${String(text)}:\n${all}`)));
  });
}
