import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Command, Report } from "./child.ts";
import type { ContenderName } from "./contenders.ts";

/** One process of a queue. */
export interface Process {
  /** Has it do something; answers how many milliseconds that took. */
  perform(command: Command): Promise<number>;
  close(): Promise<void>;
}

/** Starts a process of a queue, and resolves when the queue is open. `done` is told of what it has done. */
export async function startProcess(
  name: ContenderName,
  address: string,
  { baseUrl, done }: { readonly baseUrl?: string; readonly done?: (count: number) => void } = {},
): Promise<Process> {
  const child = fork(fileURLToPath(new URL("child.ts", import.meta.url)), [name, address, ...(baseUrl === undefined ? [] : [baseUrl])], {
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  let waiting: { readonly resolve: (ms: number) => void; readonly reject: (error: Error) => void } | undefined;
  const exited = new Promise<void>((resolve) => {
    child.on("exit", (code) => {
      waiting?.reject(new Error(`the process of ${name} ended with ${code ?? child.signalCode}`));
      resolve();
    });
  });
  child.on("message", (report: Report) => {
    if ("done" in report) done?.(report.done);
    else waiting?.resolve(report.ms);
  });
  const answer = (): Promise<number> => new Promise((resolve, reject) => (waiting = { resolve, reject }));
  await answer();
  return {
    perform(command) {
      const answered = answer();
      child.send(command);
      return answered;
    },
    async close() {
      const answered = answer();
      child.send({ do: "close" } satisfies Command);
      await answered;
      await exited;
    },
  };
}

/** How long so many processes take for jobs that stand in the queue, in ms, from the word to begin until the last is done. */
export async function drainMs(name: ContenderName, address: string, processes: number, count: number): Promise<number> {
  let left = count;
  let empty: (() => void) | undefined;
  const ended = new Promise<void>((resolve) => (empty = resolve));
  const workers = await Promise.all(
    Array.from({ length: processes }, () =>
      startProcess(name, address, {
        done: (more) => {
          left -= more;
          if (left <= 0) empty?.();
        },
      }),
    ),
  );
  const started = performance.now();
  await Promise.all(workers.map((worker) => worker.perform({ do: "work" })));
  await ended;
  const ms = performance.now() - started;
  await Promise.all(workers.map((worker) => worker.close()));
  return ms;
}
