import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

const CHILD = fileURLToPath(new URL("./sqlite-child.ts", import.meta.url));

export interface Child {
  readonly process: ChildProcess;
  /** Whole lines that it has said so far. */
  readonly lines: readonly string[];
  readonly exited: Promise<unknown>;
  /** Lets it begin. */
  go(): void;
  /** Resolves when it has said so many lines. */
  said(count: number): Promise<void>;
}

/** Starts a child and waits until it has its store open. */
export async function startChild(...args: readonly (string | number)[]): Promise<Child> {
  const child = spawn(process.execPath, [CHILD, ...args.map(String)], { stdio: ["pipe", "pipe", "inherit"] });
  const lines: string[] = [];
  let rest = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    const parts = (rest + text).split("\n");
    rest = parts.pop() ?? "";
    lines.push(...parts);
    child.emit("said");
  });
  const exited = once(child, "close");
  const said = async (count: number): Promise<void> => {
    while (lines.length < count) {
      await Promise.race([once(child, "said"), exited]);
      if (child.exitCode !== null && lines.length < count) throw new Error(`the child ended after ${lines.length} of ${count} lines`);
    }
  };
  await said(1);
  return { process: child, lines, exited, said, go: () => void child.stdin.write("go\n") };
}
