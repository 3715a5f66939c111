import { spawn, spawnSync, execFileSync, type ChildProcess } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, chownSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Pool } from "pg";
import { systemClock } from "../../src/adapters/clock/system.ts";
import { sleep } from "../../src/ports/clock.ts";

const WANTED = process.env["HOLDFAST_TEST_POSTGRES"];
const DEFAULT = "postgres://postgres:postgres@127.0.0.1:5432/postgres";

/** A PostgreSQL of one's own, in a folder of its own. */
export interface Cluster {
  readonly url: string;
  readonly port: number;
  /** Ends it: `immediate` as a crash does, `fast` in good order. */
  stop(mode: "immediate" | "fast"): Promise<void>;
  start(): Promise<void>;
  /** Stops it and takes its folder away. */
  dispose(): Promise<void>;
}

/** A database of one test file. */
export interface TestDatabase {
  readonly url: string;
  readonly dispose: () => Promise<void>;
}

/**
 * Makes a database on the server that `HOLDFAST_TEST_POSTGRES` names, else on the one at 127.0.0.1:5432. Where none can be
 * reached, one is started for as long as the database is there; under CI that is a failure, since there it was promised.
 */
export async function testDatabase(): Promise<TestDatabase> {
  const server = await reachServer();
  const name = `holdfast_test_${process.pid}_${Math.trunc(systemClock.monotonic() * 1_000)}`;
  await administer(server.url, `CREATE DATABASE ${name} ENCODING 'UTF8' TEMPLATE template0`);
  return {
    url: Object.assign(new URL(server.url), { pathname: `/${name}` }).href,
    dispose: async () => {
      // Waits five seconds for connections that are ending; one that is ended by force tells its client of an error.
      await administer(server.url, `DROP DATABASE ${name}`).catch(() => administer(server.url, `DROP DATABASE ${name} WITH (FORCE)`));
      await server.dispose();
    },
  };
}

async function reachServer(): Promise<{ readonly url: string; readonly dispose: () => Promise<void> }> {
  const url = WANTED ?? DEFAULT;
  try {
    await administer(url, "SELECT 1");
    return { url, dispose: async () => {} };
  } catch (error) {
    if (process.env["CI"] === "true" || WANTED !== undefined) {
      throw new Error(`no PostgreSQL answers at ${new URL(url).host} (HOLDFAST_TEST_POSTGRES)`, { cause: error });
    }
    return startCluster();
  }
}

async function administer(url: string, sql: string): Promise<void> {
  const pool = new Pool({ connectionString: url, max: 1 });
  try {
    await pool.query(sql);
  } finally {
    await pool.end();
  }
}

/** The folder of PostgreSQL's own programs, or undefined where they are not installed. */
export function postgresPrograms(): string | undefined {
  const folders = ["/usr/lib/postgresql", "/opt/homebrew/opt", "/usr/local/opt"].flatMap((root) => {
    try {
      return readdirSync(root)
        .filter((name) => /^(?:\d+|postgresql@\d+)$/.test(name))
        .sort((a, b) => Number(b.replace(/\D/g, "")) - Number(a.replace(/\D/g, "")))
        .map((name) => join(root, name, "bin"));
    } catch {
      return [];
    }
  });
  return folders.find((folder) => spawnSync(join(folder, "initdb"), ["--version"]).status === 0);
}

/** Starts a PostgreSQL of one's own on a free port. It refuses to run as root, so root runs it as the user `postgres`. */
export async function startCluster(settings: readonly string[] = []): Promise<Cluster> {
  const programs = postgresPrograms();
  if (programs === undefined) throw new Error("PostgreSQL is not installed here: install it, or name a server in HOLDFAST_TEST_POSTGRES");
  const folder = mkdtempSync(join(tmpdir(), "holdfast-postgres-"));
  const user = process.getuid?.() === 0 ? userNamed("postgres") : undefined;
  if (user) chownSync(folder, user.uid, user.gid);
  const options = { ...user, cwd: folder };
  execFileSync(
    join(programs, "initdb"),
    [`--pgdata=${folder}/data`, "--username=postgres", "--auth=trust", "--encoding=UTF8", "--no-sync"],
    { ...options, stdio: "ignore" },
  );
  const port = await freePort();
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`;
  const args = ["-D", `${folder}/data`, "-p", String(port), "-c", "listen_addresses=127.0.0.1", "-c", `unix_socket_directories=${folder}`];
  let server: ChildProcess | undefined;
  const start = async (): Promise<void> => {
    server = spawn(join(programs, "postgres"), [...args, ...settings.flatMap((setting) => ["-c", setting])], {
      ...options,
      stdio: "ignore",
    });
    for (let tries = 0; ; tries += 1) {
      try {
        return await administer(url, "SELECT 1");
      } catch (error) {
        if (tries === 150 || server.exitCode !== null) throw new Error("the PostgreSQL of this test did not start", { cause: error });
        await sleep(systemClock, 100);
      }
    }
  };
  const stop = async (mode: "immediate" | "fast"): Promise<void> => {
    const running = server;
    if (running === undefined || running.exitCode !== null) return;
    const ended = new Promise((resolve) => running.once("exit", resolve));
    // What pg_ctl stop sends: https://www.postgresql.org/docs/current/server-shutdown.html
    running.kill(mode === "immediate" ? "SIGQUIT" : "SIGINT");
    await ended;
  };
  await start();
  return {
    url,
    port,
    start,
    stop,
    dispose: async () => {
      await stop("immediate");
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function userNamed(name: string): { readonly uid: number; readonly gid: number } {
  const id = (flag: string): number => Number(execFileSync("id", [flag, name], { encoding: "utf8" }));
  return { uid: id("-u"), gid: id("-g") };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
