import { fork, type ChildProcess } from "node:child_process";
import { join } from "node:path";
import type { ApisAnswer, ApisRequest, UpstreamReport } from "./apis-protocol.ts";
import type { Stretch } from "./story-clock.ts";
import type { Plan } from "./plan.ts";
import { API_NAMES, type ApiName } from "./weather.ts";

/** The process of the four APIs, before they listen. No other one writes to the ledgers of the folder any more. */
export interface ApisProcess {
  start(options: ApisOptions): Promise<Apis>;
  close(): Promise<void>;
}

/** The four APIs, seen from the job's process. */
export interface Apis {
  readonly ports: Readonly<Record<ApiName, number>>;
  /** Rejects when their process ends without having been asked to. */
  readonly died: Promise<never>;
  /** What their ledgers say. */
  report(): Promise<Readonly<Record<ApiName, UpstreamReport>>>;
}

export interface ApisOptions {
  readonly plan: Plan;
  readonly weather: "bad" | "mended";
  readonly stretch: Stretch;
  readonly seed: number;
  /** Of an earlier start. */
  readonly ports: Readonly<Record<ApiName, number>> | undefined;
}

/** This file's own form: TypeScript from source, JavaScript from dist. */
const EXTENSION = import.meta.url.endsWith(".ts") ? ".ts" : ".js";

export function ledgerFileOf(folder: string, name: ApiName): string {
  return join(folder, `${name}.ledger.jsonl`);
}

/** Starts the process of the APIs, and resolves when that of an earlier run, killed or not, has let go of the folder. */
export async function openApisProcess(folder: string): Promise<ApisProcess> {
  const child = fork(new URL(`./apis-process${EXTENSION}`, import.meta.url), { stdio: ["ignore", "ignore", "inherit", "ipc"] });
  const request = exchange(child);
  const close = async (): Promise<void> => {
    const gone = ended(child);
    if (child.connected) child.disconnect();
    await gone;
  };
  try {
    await request({ type: "lock", lockFile: join(folder, "apis.lock") }, "locked");
  } catch (error) {
    await close();
    throw error;
  }
  return { start: (options) => start(folder, child, request, options), close };
}

async function start(
  folder: string,
  child: ChildProcess,
  request: Exchange,
  { plan, weather, stretch, seed, ports }: ApisOptions,
): Promise<Apis> {
  const apis = API_NAMES.map((name, index) => ({
    name,
    ledgerFile: ledgerFileOf(folder, name),
    port: ports?.[name] ?? 0,
    seed: seed * API_NAMES.length + index,
  }));
  const ready = await request({ type: "start", plan, weather, stretch, apis }, "ready");
  const died = ended(child).then((how) => {
    throw new Error(`the process of the APIs ended unexpectedly (${how}); start again to go on where this run stands`);
  });
  // Whoever waits for it hears of it; nobody has to.
  died.catch(() => undefined);
  return { ports: ready.ports, died, report: async () => (await request({ type: "report" }, "report")).apis };
}

type Exchange = <Type extends ApisAnswer["type"]>(request: ApisRequest, type: Type) => Promise<Extract<ApisAnswer, { type: Type }>>;

/** One question at a time; its answer is the next message. */
function exchange(child: ChildProcess): Exchange {
  return (request, type) =>
    new Promise((resolve, reject) => {
      const onMessage = (message: ApisAnswer): void => {
        child.off("exit", onExit);
        if (message.type === type) resolve(message as Extract<ApisAnswer, { type: typeof type }>);
        else reject(new Error(message.type === "failed" ? message.message : `the APIs answered ${message.type}`));
      };
      const onExit = (code: number | null, signal: string | null): void => {
        child.off("message", onMessage);
        reject(new Error(`the process of the APIs ended before it answered (${signal ?? `exit code ${code}`})`));
      };
      child.once("message", onMessage);
      child.once("exit", onExit);
      child.send(request);
    });
}

function ended(child: ChildProcess): Promise<string> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve(child.signalCode ?? `exit code ${child.exitCode}`);
  return new Promise((resolve) => {
    child.once("exit", (code, signal) => resolve(signal ?? `exit code ${code}`));
  });
}
