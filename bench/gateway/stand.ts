/** The stand that everything is measured on: one upstream, one load generator, and a look at what processes take. */
import { fork, type ChildProcess } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { onCore } from "./cores.ts";
import type { LoadCommand, LoadReport } from "./load.ts";

export interface Stand extends AsyncDisposable {
  readonly upstream: string;
  /** Puts a load on a port and answers what came of it. @throws where an answer is not what it should be */
  load(command: LoadCommand): Promise<LoadReport>;
}

export async function openStand(): Promise<Stand> {
  const upstream = start("upstream.ts");
  const port = (await told(upstream)) as number;
  const generator = start("load.ts");
  await told(generator);
  return {
    upstream: `http://127.0.0.1:${port}`,
    async load(command) {
      const report = told(generator) as Promise<LoadReport>;
      generator.send(command);
      const { fault, ...rest } = await report;
      if (fault !== undefined) throw new Error(fault);
      return rest;
    },
    async [Symbol.asyncDispose]() {
      for (const child of [generator, upstream]) {
        const gone = new Promise((resolve) => child.once("exit", resolve));
        child.kill();
        await gone;
      }
    },
  };
}

/** A second generator, for a load beside the one that is measured. */
export function startLoad(command: LoadCommand): { readonly report: Promise<LoadReport>; stop(): void } {
  const child = start("load.ts");
  const report = told(child).then(() => {
    child.send(command);
    return told(child) as Promise<LoadReport>;
  });
  report.catch(() => undefined);
  return { report, stop: () => void child.kill() };
}

function start(file: string): ChildProcess {
  return fork(fileURLToPath(new URL(file, import.meta.url)), onCore(1));
}

function told(child: ChildProcess): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const onExit = (code: number | null): void => reject(new Error(`a process of the bench ended with ${code ?? child.signalCode}`));
    child.once("exit", onExit);
    child.once("message", (message) => {
      child.off("exit", onExit);
      resolve(message);
    });
  });
}

/** ms of a core that a process has taken since it began; undefined where the system does not tell. */
export function coreMs(pid: number): number | undefined {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, "latin1")
      .replace(/^.*\) /s, "")
      .split(" ");
    // utime and stime, in ticks of 10 ms (proc(5)).
    return (Number(fields[11]) + Number(fields[12])) * 10;
  } catch {
    return undefined;
  }
}

/** Bytes that a process holds in memory; undefined where the system does not tell. */
export function residentBytes(pid: number): number | undefined {
  try {
    return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "latin1"))?.[1]) * 1_024;
  } catch {
    return undefined;
  }
}
