/** A gateway as people start it: a process of its own, on a free port, over a config in a folder of its own. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startCli, type CliEnd } from "../cli/holdfast.ts";

export interface GatewayProcess extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  /** Of the APIs that have a port of their own. */
  readonly apiUrls: Readonly<Record<string, string>>;
  readonly pid: number;
  readonly folder: string;
  readonly ended: Promise<CliEnd>;
  /** Sends a signal and waits for the end. */
  end(signal?: NodeJS.Signals): Promise<CliEnd>;
}

/** Starts it with a config, and resolves when it listens. */
export async function startGateway(
  config: object,
  {
    folder = mkdtempSync(join(tmpdir(), "holdfast-gateway-")),
    args = [],
  }: { readonly folder?: string; readonly args?: readonly string[] } = {},
): Promise<GatewayProcess> {
  writeFileSync(join(folder, "holdfast.config.json"), JSON.stringify({ store: "sqlite:holdfast.db", ...config }));
  const { child, ended } = startCli(["serve", "--port", "0", ...args], { cwd: folder });
  let output = "";
  const url = await new Promise<string>((resolve, reject) => {
    child.stdout?.on("data", (chunk: Buffer) => {
      output += chunk.toString();
      const found = /listening on (http:\S+)/.exec(output)?.[1];
      if (found !== undefined) resolve(found);
    });
    ended.then(({ stderr }) => reject(new Error(`the gateway ended: ${stderr}`)), reject);
  });
  const pid = child.pid as number;
  const end = async (signal: NodeJS.Signals = "SIGTERM"): Promise<CliEnd> => {
    if (child.exitCode === null && child.signalCode === null) process.kill(pid, signal);
    return await ended;
  };
  return {
    url,
    port: Number(new URL(url).port),
    apiUrls: Object.fromEntries([...output.matchAll(/^(\S+) at (http:\S+)$/gm)].map(([, name, at]) => [name, at])),
    pid,
    folder,
    ended,
    end,
    async [Symbol.asyncDispose]() {
      await end("SIGKILL");
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Sends bytes as they are, and answers all that comes back until the other side closes, or nothing comes for a while. */
export function raw(
  port: number,
  text: string,
  { patienceMs = 100, keepOpen = false }: { readonly patienceMs?: number; readonly keepOpen?: boolean } = {},
): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1");
    let answer = "";
    let timer: NodeJS.Timeout | undefined;
    const done = (): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(answer);
    };
    socket.on("connect", () => socket.write(text));
    socket.on("data", (chunk: Buffer) => {
      answer += chunk.toString("latin1");
      clearTimeout(timer);
      if (!keepOpen) timer = setTimeout(done, patienceMs);
    });
    socket.on("close", done);
    socket.on("error", (error) => (answer === "" ? reject(error) : done()));
  });
}
