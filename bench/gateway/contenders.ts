/** The proxies that are compared, each started as a process of its own in front of one upstream. */
import { fork, spawn, spawnSync, type ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { repositoryRoot, run } from "../../scripts/tools.ts";
import { onCore } from "./cores.ts";
import { portkeyRequest, type Workload } from "./workloads.ts";
import { answers, freePort } from "../ports.ts";

export interface Contender {
  readonly name: string;
  readonly port: number;
  /** Of the process that does the work. */
  readonly pid: number;
  /** What is sent to it for a workload; undefined for one that it is not made for. */
  request(workload: Workload): string | undefined;
  stop(): Promise<void>;
}

/** A file of `proxies/`. */
export async function startProxy(name: string, file: string, upstream: string): Promise<Contender> {
  const child = fork(fileURLToPath(new URL(`proxies/${file}`, import.meta.url)), [upstream], onCore(0));
  const port = await new Promise<number>((resolve, reject) => {
    child.once("message", (told) => resolve(told as number));
    child.once("exit", (code) => reject(new Error(`${name} ended with ${code}`)));
  });
  return { name, port, pid: child.pid as number, request: ({ request }) => request(""), stop: () => ended(child) };
}

/**
 * `holdfast serve`, with everything that a call can meet: a breaker, a rate limit, a bound of concurrency, a retry budget, timeouts,
 * classification and metrics. Nothing of it is ever the reason to wait or to refuse.
 */
export async function startHoldfast(upstream: string, stalled: string): Promise<Contender> {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-bench-"));
  const api = {
    retry: { maxAttempts: 4 },
    timeout: { attempt: "30s", total: "2m" },
    rateLimit: [{ limit: 1e9, per: "1s", burst: 1e9 }],
    concurrency: 10_000,
    breaker: { failureRate: 0.5 },
    retryBudget: { ratio: 0.2, minPerSecond: 1 },
  };
  const config = {
    store: "sqlite:holdfast.db",
    gateway: { maxConnections: 20_000, keepAlive: "1h" },
    apis: { up: { ...api, baseUrl: upstream }, stalled: { ...api, baseUrl: stalled } },
  };
  writeFileSync(join(folder, "holdfast.config.json"), JSON.stringify(config));
  const { command, args } = pinned([process.execPath, join(repositoryRoot, "src", "cli", "main.ts"), "serve", "--port", "0"]);
  const child = spawn(command, args, { cwd: folder, stdio: ["ignore", "pipe", "inherit"] });
  const url = await new Promise<string>((resolve, reject) => {
    let output = "";
    child.stdout.on("data", (chunk: Buffer) => {
      output += chunk.toString();
      const found = /listening on (http:\S+)/.exec(output)?.[1];
      if (found !== undefined) resolve(found);
    });
    child.once("exit", (code) => reject(new Error(`holdfast serve ended with ${code}`)));
  });
  return {
    name: "holdfast",
    port: Number(new URL(url).port),
    pid: child.pid as number,
    request: ({ request }) => request("/to/up"),
    async stop() {
      await ended(child);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Portkey's gateway, which forwards what is meant for a model provider. */
export async function startPortkey(peers: string, upstream: string): Promise<Contender> {
  const port = await freePort();
  const main = join(peers, "node_modules", "@portkey-ai", "gateway", "build", "start-server.js");
  const { command, args } = pinned([process.execPath, main, `--port=${port}`, "--headless"]);
  const env = { ...process.env, TRUSTED_CUSTOM_HOSTS: "127.0.0.1,localhost" };
  const child = spawn(command, args, { stdio: "ignore", env });
  await answers(port, "@portkey-ai/gateway");
  return {
    name: "@portkey-ai/gateway",
    port,
    pid: child.pid as number,
    request: ({ name }) => (name.includes("posted") ? portkeyRequest(upstream) : undefined),
    stop: () => ended(child),
  };
}

/** nginx with one worker, and connections to the upstream that are kept. Installed from Debian's packages where that can be done. */
export async function startNginx(upstream: string): Promise<Contender> {
  if (!canRun("nginx")) await installNginx();
  const folder = mkdtempSync(join(tmpdir(), "holdfast-nginx-"));
  const port = await freePort();
  writeFileSync(join(folder, "nginx.conf"), nginxConfig(folder, port, new URL(upstream).host));
  const { command, args } = pinned(["nginx", "-p", folder, "-e", join(folder, "error.log"), "-c", join(folder, "nginx.conf")]);
  const child = spawn(command, args, { stdio: "ignore" });
  await answers(port, "nginx");
  return {
    name: "nginx",
    port,
    pid: child.pid as number,
    request: ({ request }) => request(""),
    async stop() {
      await ended(child);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** In one process, in the foreground: its worker is the process that we started. */
function nginxConfig(folder: string, port: number, upstream: string): string {
  return `daemon off; master_process off; pid ${folder}/nginx.pid;
events { worker_connections 4096; }
http {
  access_log off; keepalive_requests 100000000; client_body_buffer_size 64k;
  client_body_temp_path ${folder}; proxy_temp_path ${folder}; fastcgi_temp_path ${folder}; uwsgi_temp_path ${folder}; scgi_temp_path ${folder};
  upstream up { server ${upstream}; keepalive 256; keepalive_requests 100000000; }
  server {
    listen 127.0.0.1:${port};
    location / { proxy_pass http://up; proxy_http_version 1.1; proxy_set_header Connection ""; }
  }
}
`;
}

async function installNginx(): Promise<void> {
  process.stderr.write("installing nginx …\n");
  const { code } = await run("apt-get", ["install", "--yes", "--quiet", "--no-install-recommends", "nginx-light"], { show: "capture" });
  if (code !== 0 || !canRun("nginx")) throw new Error("there is no nginx here, and apt-get could not install it");
  // Debian starts it at once, as a service of the machine.
  spawnSync("nginx", ["-s", "quit"], { stdio: "ignore" });
}

function canRun(command: string): boolean {
  return spawnSync(command, ["-v"], { stdio: "ignore" }).error === undefined;
}

function pinned(words: readonly string[]): { readonly command: string; readonly args: readonly string[] } {
  const { prefix } = onCore(0);
  const [command, ...args] = [...prefix, ...words] as [string, ...string[]];
  return { command, args };
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once("exit", resolve));
  child.kill();
  await Promise.race([gone, sleep(3_000, undefined, { ref: false })]);
  child.kill("SIGKILL");
  await gone;
}
