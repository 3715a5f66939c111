/** What is measured has one core to itself, and what measures it the other: else the scheduler decides who is faster. */
import { spawnSync } from "node:child_process";
import { availableParallelism } from "node:os";

/** Whether processes can be held to a core here. */
export const pins: boolean = availableParallelism() > 1 && spawnSync("taskset", ["-V"], { stdio: "ignore" }).error === undefined;

export interface Pinned {
  /** Put before a command. */
  readonly prefix: readonly string[];
  /** For `fork`. */
  readonly execPath: string;
  readonly execArgv: string[];
}

/** How a process is started on a core; as it is started anyway, where nothing can be held to one. */
export function onCore(core: number): Pinned {
  if (!pins) return { prefix: [], execPath: process.execPath, execArgv: [] };
  const prefix = ["taskset", "-c", String(core)];
  return { prefix, execPath: "taskset", execArgv: [...prefix.slice(1), process.execPath] };
}
