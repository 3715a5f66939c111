/**
 * A process with one end of a queue: `node child.ts NAME ADDRESS [BASE URL]`. It does what it is told over IPC, one thing after the
 * other, and answers how many milliseconds it took. A queue that cannot be opened or throws ends the process.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { median } from "../harness.ts";
import { contenders, type ContenderName } from "./contenders.ts";

export type Command =
  /** So many callers, each enqueueing one job after the other. */
  | { readonly do: "enqueue"; readonly count: number; readonly callers: number }
  | { readonly do: "bulk"; readonly count: number }
  /** The same as calls that nothing is kept of, each awaited by its caller. */
  | { readonly do: "call"; readonly count: number; readonly callers: number }
  /** Works from now on, and tells of what is done. Answered once it works. */
  | { readonly do: "work" }
  /** Enqueues by callers while it works, until all that this process has enqueued is done. */
  | { readonly do: "life"; readonly count: number; readonly callers: number }
  /** Enqueues now and then; answers the median time until it was done. */
  | { readonly do: "latency"; readonly count: number }
  | { readonly do: "close" };

export type Report = { readonly ms: number } | { readonly done: number };

/** What is done is told in portions. */
const TELL_EVERY_MS = 4;
/** Between two jobs of a low load. */
const APART_MS = 8;

const [name, address = "", baseUrl] = process.argv.slice(2);
const queue = await contenders[name as ContenderName](address, baseUrl);
const tell = (report: Report): void => void process.send?.(report);

let enqueued = 0;
let done = 0;
let waiting: { readonly until: number; readonly resolve: () => void } | undefined;
let working: Promise<void> | undefined;

function count(more: number): void {
  done += more;
  if (waiting === undefined || done < waiting.until) return;
  waiting.resolve();
  waiting = undefined;
}

function allDone(until: number): Promise<void> {
  return done >= until ? Promise.resolve() : new Promise((resolve) => (waiting = { until, resolve }));
}

function work(): Promise<void> {
  return (working ??= (async () => {
    await queue.work(count);
    let told = 0;
    setInterval(() => {
      if (done > told) tell({ done: done - told });
      told = done;
    }, TELL_EVERY_MS);
  })());
}

async function byCallers(jobs: number, callers: number, one: () => Promise<unknown>): Promise<void> {
  let begun = 0;
  const caller = async (): Promise<void> => {
    while (begun < jobs) {
      begun += 1;
      await one();
    }
  };
  await Promise.all(Array.from({ length: callers }, caller));
}

function enqueue(): Promise<unknown> {
  enqueued += 1;
  return queue.enqueue();
}

function notOurs(): never {
  throw new Error(`${name} makes no calls`);
}

async function timed(task: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await task();
  return performance.now() - started;
}

async function perform(command: Command): Promise<number> {
  switch (command.do) {
    case "enqueue":
      return timed(() => byCallers(command.count, command.callers, enqueue));
    case "call":
      return timed(() => byCallers(command.count, command.callers, queue.call ?? notOurs));
    case "bulk":
      return timed(() => queue.bulk(command.count));
    case "work":
      return timed(work);
    case "life": {
      await work();
      return timed(async () => {
        await byCallers(command.count, command.callers, enqueue);
        await allDone(enqueued);
      });
    }
    case "latency": {
      await work();
      const times: number[] = [];
      for (let turn = 0; turn < command.count; turn += 1) {
        await sleep(APART_MS);
        times.push(
          await timed(async () => {
            await enqueue();
            await allDone(enqueued);
          }),
        );
      }
      return median(times);
    }
    case "close":
      return timed(() => queue.close());
  }
}

// Whoever measures is gone.
process.on("disconnect", () => process.exit(1));
process.on("message", (command: Command) => void obey(command));
tell({ ms: 0 });

async function obey(command: Command): Promise<void> {
  tell({ ms: await perform(command) });
  if (command.do === "close") process.exit(0);
}
