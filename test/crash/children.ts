import { spawn, type ChildProcess } from "node:child_process";
import { fileURLToPath } from "node:url";

const CHILD = fileURLToPath(new URL("./sqlite-child.ts", import.meta.url));

export interface Child {
  readonly process: ChildProcess;
  /** Whole lines that it has said so far. */
  readonly lines: readonly string[];
  readonly exited: Promise<void>;
  /** Resolves when it has said so many lines. */
  said(count: number): Promise<void>;
}

export function startChild(...args: readonly (string | number)[]): Child {
  const child = spawn(process.execPath, [CHILD, ...args.map(String)], { stdio: ["ignore", "pipe", "inherit"] });
  const lines: string[] = [];
  const waiting: { readonly count: number; readonly resolve: () => void }[] = [];
  let rest = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    const parts = (rest + text).split("\n");
    rest = parts.pop() ?? "";
    lines.push(...parts);
    for (const { count, resolve } of waiting) if (lines.length >= count) resolve();
  });
  return {
    process: child,
    lines,
    exited: new Promise((resolve) => child.once("close", () => resolve())),
    said: (count) => new Promise((resolve) => (lines.length >= count ? resolve() : void waiting.push({ count, resolve }))),
  };
}
