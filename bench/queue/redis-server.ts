import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { answers, freePort } from "../ports.ts";

export interface RedisServer {
  readonly url: string;
  stop(): Promise<void>;
}

/** Starts a Redis of our own that keeps an append-only file, synced every second: what BullMQ's documentation wants for production. */
export async function startRedis(): Promise<RedisServer> {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-redis-"));
  const port = await freePort();
  const server = spawn(
    "redis-server",
    ["--port", String(port), "--bind", "127.0.0.1", "--dir", folder, "--appendonly", "yes", "--appendfsync", "everysec", "--save", ""],
    { stdio: "ignore" },
  );
  const exited = new Promise<void>((resolve, reject) => {
    server.once("error", () => reject(new Error("there is no redis-server here: install Redis 6.2 or later")));
    server.once("exit", () => resolve());
  });
  const end = (): void => void server.kill();
  process.once("exit", end);
  await Promise.race([answers(port, "redis-server"), exited]);
  return {
    url: `redis://127.0.0.1:${port}`,
    stop: async () => {
      process.removeListener("exit", end);
      end();
      await exited;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
