import { spawn, type ChildProcess } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { sleep, type Clock } from "../../ports/clock.ts";
import { OutputTail } from "./output.ts";

/** How a command ended. */
export interface CommandEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A process group, and when its leader was started: a number alone may be anybody's by now. */
export interface GroupRef {
  readonly group: number;
  readonly startedAt: string;
}

const LOOK_MS = 25;

/** A command in a process group of its own, so that what it starts is stopped with it. */
export class ProcessGroup {
  readonly output: OutputTail = new OutputTail();
  /** Resolves when the command has ended; rejects when it cannot be started. */
  readonly ended: Promise<CommandEnd>;
  readonly #child: ChildProcess;
  readonly #clock: Clock;
  #stopping: Promise<void> | undefined = undefined;

  constructor([command, ...args]: readonly string[], clock: Clock, env: NodeJS.ProcessEnv) {
    this.#clock = clock;
    const child = spawn(command as string, args, { detached: true, stdio: ["ignore", "pipe", "pipe"], env });
    this.#child = child;
    for (const [stream, own] of [
      [child.stdout, process.stdout],
      [child.stderr, process.stderr],
    ] as const) {
      stream.on("data", (chunk: Buffer) => {
        this.output.add(chunk);
        own.write(chunk);
      });
    }
    this.ended = new Promise((resolve, reject) => {
      child.once("error", reject);
      // Not "close": a grandchild that keeps the pipe open must not keep the run open.
      child.once("exit", (code, signal) => resolve({ code, signal }));
    });
    this.ended.catch(() => undefined);
  }

  get ref(): GroupRef | undefined {
    const { pid } = this.#child;
    return pid === undefined ? undefined : { group: pid, startedAt: startTimeOf(pid) ?? "" };
  }

  /** Sends a signal to the whole group. */
  signal(signal: NodeJS.Signals): void {
    const { pid } = this.#child;
    if (pid !== undefined) signalGroup(pid, signal);
  }

  /** Asks the whole group to end, and after the grace ends it. Resolves when nothing of it is left. */
  stop(graceMs: number, signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
    return (this.#stopping ??= this.#stop(graceMs, signal));
  }

  async #stop(graceMs: number, signal: NodeJS.Signals): Promise<void> {
    const { pid } = this.#child;
    if (pid === undefined) return;
    signalGroup(pid, signal);
    const killAt = this.#clock.monotonic() + graceMs;
    let killed = false;
    while (isGroupAlive(pid)) {
      if (!killed && this.#clock.monotonic() >= killAt) {
        signalGroup(pid, "SIGKILL");
        killed = true;
      }
      await sleep(this.#clock, LOOK_MS);
    }
    await this.ended.catch(() => undefined);
  }
}

/** Whether the group that an earlier run left is still at work. */
export function isStillAtWork({ group, startedAt }: GroupRef): boolean {
  const now = startTimeOf(group);
  // Its leader may have gone before the others; where there is no /proc, the number has to do.
  if (now !== undefined && startedAt !== "" && now !== startedAt) return false;
  return isGroupAlive(group);
}

function signalGroup(group: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-group, signal);
  } catch {
    // There is nobody left in it.
  }
}

/** Whether anybody is left in it who is not a zombie: one that nobody reaps, as in a container without an init, is dead. */
function isGroupAlive(group: number): boolean {
  try {
    process.kill(-group, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
  const members = membersOf(group);
  return members === undefined || members;
}

/** Whether the group has a member that is no zombie; undefined where there is no /proc to look into. */
function membersOf(group: number): boolean | undefined {
  try {
    return readdirSync("/proc").some((name) => /^\d+$/.test(name) && isMember(Number(name), group));
  } catch {
    return undefined;
  }
}

function isMember(pid: number, group: number): boolean {
  const stat = statOf(pid);
  return stat?.group === group && stat.state !== "Z";
}

interface ProcessStat {
  readonly state: string;
  readonly group: number;
  readonly startedAt: string;
}

/** From /proc, where there is one: see proc_pid_stat(5). The name in brackets may hold anything. */
function statOf(pid: number): ProcessStat | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "latin1");
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    return { state: fields[0] ?? "", group: Number(fields[2]), startedAt: fields[19] ?? "" };
  } catch {
    return undefined;
  }
}

function startTimeOf(pid: number): string | undefined {
  return statOf(pid)?.startedAt;
}
