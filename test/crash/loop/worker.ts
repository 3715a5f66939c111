import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { repositoryRoot } from "../../../scripts/tools.ts";
import type { Orders } from "./orders.ts";

const PROCESS = fileURLToPath(new URL("./worker-process.ts", import.meta.url));

/** One life of a worker process. */
export class Worker {
  readonly accepted: Set<string> = new Set();
  /** The crash point that it died at. */
  point: string | undefined = undefined;
  drained = false;
  closed = false;
  readonly ended: Promise<void>;
  readonly #process: ChildProcess;
  readonly #ready = Promise.withResolvers<void>();
  readonly #atPoint = Promise.withResolvers<void>();

  constructor(orders: Orders) {
    // Compiling from source anew is most of a short life.
    const env = { ...process.env, NODE_COMPILE_CACHE: join(repositoryRoot, ".tmp", "compile-cache") };
    this.#process = spawn(process.execPath, [PROCESS, JSON.stringify(orders)], { stdio: ["ignore", "pipe", "inherit"], env });
    let rest = "";
    this.#process.stdout?.setEncoding("utf8").on("data", (text: string) => {
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) this.#hear(line);
    });
    this.ended = this.#end();
  }

  /** It works, or has ended. */
  get ready(): Promise<void> {
    return this.#ready.promise;
  }

  /** It has come to its crash point, or has ended. */
  get atPoint(): Promise<void> {
    return this.#atPoint.promise;
  }

  signal(signal: "SIGKILL" | "SIGSTOP" | "SIGCONT" | "SIGTERM"): void {
    if (this.#process.exitCode === null && this.#process.signalCode === null) this.#process.kill(signal);
  }

  async #end(): Promise<void> {
    const [code] = (await once(this.#process, "close")) as [number | null];
    this.#ready.resolve();
    this.#atPoint.resolve();
    if (code !== 0 && code !== null) throw new Error(`a worker process ended with the code ${code}`);
  }

  #hear(line: string): void {
    const [what, word = ""] = line.split(" ");
    if (what === "ready") this.#ready.resolve();
    else if (what === "accepted") this.accepted.add(word);
    else if (what === "drained") this.drained = true;
    else if (what === "closed") this.closed = true;
    else if (what === "point") {
      this.point = word;
      this.#atPoint.resolve();
    }
  }
}
