/**
 * The durable queue beside its peers, in one run on one machine, each in processes of its own that take turns. Values are
 * microseconds of wall time for each job, so that a ratio below 1 is faster.
 *
 * PostgreSQL is the server at HOLDFAST_TEST_POSTGRES or 127.0.0.1:5432, where each contender gets databases of its own; Redis is
 * started.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { testDatabase } from "../../test/postgres/server.ts";
import { absolute, compare, type Figure, type Suite } from "../figure.ts";
import { median } from "../harness.ts";
import { installPeers } from "../install-peers.ts";
import type { Command } from "./child.ts";
import { CALLERS } from "./contender.ts";
import type { ContenderName } from "./contenders.ts";
import { drainMs, startProcess, type Process } from "./processes.ts";
import { startRedis } from "./redis-server.ts";

const PEERS = new URL("peers/", import.meta.url);

interface Effort {
  readonly rounds: number;
  readonly jobs: number;
  /** Where each job is a transaction of its own. */
  readonly fewJobs: number;
  /** Jobs at a low load, one by one. */
  readonly singleJobs: number;
}

const FULL: Effort = { rounds: 2, jobs: 10_000, fewJobs: 1_000, singleJobs: 60 };
const QUICK: Effort = { rounds: 1, jobs: 200, fewJobs: 50, singleJobs: 3 };

/** What was measured, by contender, one reading a round. */
class Measured {
  readonly #readings = new Map<string, Map<string, number[]>>();

  add(what: string, contender: string, value: number): void {
    const byContender = this.#readings.get(what) ?? new Map<string, number[]>();
    this.#readings.set(what, byContender);
    byContender.set(contender, [...(byContender.get(contender) ?? []), value]);
  }

  figures(what: string, ours: string, unit: string, others: Readonly<Record<string, { readonly aim?: number }>>): readonly Figure[] {
    return compare(this.#readings.get(what) ?? new Map(), { name: `${ours}: ${what}`, ours, unit }, others);
  }

  /** By itself. */
  alone(what: string, ours: string, unit: string, aim: number): Figure {
    return absolute(`${ours}: ${what}`, median(this.#readings.get(what)?.get(ours) ?? []), unit, aim);
  }

  /** Of the others the one that is better at it. */
  betterOf(what: string, ...others: readonly string[]): string {
    const best = (name: string): number => Math.min(...(this.#readings.get(what)?.get(name) ?? []));
    return others.toSorted((a, b) => best(a) - best(b))[0] as string;
  }
}

/** µs for each job of a command. */
async function perJob(process: Process, command: Extract<Command, { readonly count: number }>): Promise<number> {
  return ((await process.perform(command)) * 1_000) / command.count;
}

/** One process: enqueues by callers, and then enqueues while it works. It is warm by then. */
async function alone(measured: Measured, title: string, name: ContenderName, address: string, jobs: number): Promise<void> {
  const process = await startProcess(name, address);
  await perJob(process, { do: "enqueue", count: jobs, callers: CALLERS });
  measured.add("enqueue, 50 callers", title, await perJob(process, { do: "enqueue", count: jobs, callers: CALLERS }));
  await perJob(process, { do: "life", count: jobs, callers: CALLERS });
  measured.add("enqueue to done", title, await perJob(process, { do: "life", count: jobs, callers: CALLERS }));
  await process.close();
}

/** Real calls: through the queue, and by callers who wait for them and own their failures. */
async function overHttp(measured: Measured, title: string, address: string, baseUrl: string, jobs: number): Promise<void> {
  const process = await startProcess("holdfast", address, { baseUrl });
  await perJob(process, { do: "call", count: jobs / 4, callers: CALLERS });
  await perJob(process, { do: "life", count: jobs / 4, callers: CALLERS });
  measured.add("a call over HTTP", "durability: none", await perJob(process, { do: "call", count: jobs, callers: CALLERS }));
  measured.add("a call over HTTP", title, await perJob(process, { do: "life", count: jobs, callers: CALLERS }));
  await process.close();
}

async function overPostgres(measured: Measured, name: ContenderName, title: string, effort: Effort): Promise<void> {
  const { jobs, singleJobs } = effort;
  const fewJobs = name === "holdfast" ? jobs : effort.fewJobs;
  const database = await testDatabase();
  const process = await startProcess(name, database.url);
  await process.perform({ do: "bulk", count: jobs });
  measured.add("bulk enqueue", title, await perJob(process, { do: "bulk", count: jobs }));
  await perJob(process, { do: "enqueue", count: fewJobs / 2, callers: CALLERS });
  measured.add("enqueue, 50 callers", title, await perJob(process, { do: "enqueue", count: fewJobs, callers: CALLERS }));
  await process.close();
  const standing = 2 * jobs + fewJobs / 2 + fewJobs;
  measured.add("work off, 1 process", title, ((await drainMs(name, database.url, 1, standing)) * 1_000) / standing);
  const again = await startProcess(name, database.url);
  await again.perform({ do: "bulk", count: jobs });
  await again.close();
  measured.add("work off, 2 processes", title, ((await drainMs(name, database.url, 2, jobs)) * 1_000) / jobs);
  const fresh = await startProcess(name, database.url);
  await fresh.perform({ do: "latency", count: singleJobs });
  measured.add("latency at low load", title, await fresh.perform({ do: "latency", count: singleJobs }));
  await fresh.close();
  await database.dispose();
}

async function besideBullMq(quick: boolean): Promise<readonly Figure[]> {
  const { rounds, jobs } = quick ? QUICK : FULL;
  await installPeers(PEERS);
  const measured = new Measured();
  const folder = mkdtempSync(join(tmpdir(), "holdfast-bench-"));
  const redis = await startRedis();
  const upstream = createServer((request, response) => {
    request.resume().on("end", () => response.writeHead(204).end());
  });
  await new Promise<void>((resolve) => upstream.listen(0, "127.0.0.1", resolve));
  const baseUrl = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`;
  try {
    for (let round = 0; round < rounds; round += 1) {
      await alone(measured, "bullmq", "bullmq", redis.url, jobs);
      await alone(measured, SKETCH, "sketch", join(folder, `sketch-${round}.db`), jobs);
      await alone(measured, "sqlite", "holdfast", join(folder, `${round}.db`), jobs);
      await overHttp(measured, "sqlite", join(folder, `http-${round}.db`), baseUrl, jobs / 4);
    }
  } finally {
    upstream.close();
    await redis.stop();
    rmSync(folder, { recursive: true, force: true });
  }
  return [
    ...measured.figures("enqueue, 50 callers", "sqlite", "µs", { bullmq: { aim: 1 / 2 }, [SKETCH]: {} }),
    ...measured.figures("enqueue to done", "sqlite", "µs", { bullmq: { aim: 1 / 3 }, [SKETCH]: { aim: 2 } }),
    ...measured.figures("a call over HTTP", "sqlite", "µs", { "durability: none": { aim: 4 / 3 } }),
  ];
}

const SKETCH = "a bare group commit";

async function besidePostgresQueues(quick: boolean): Promise<readonly Figure[]> {
  const effort = quick ? QUICK : FULL;
  await installPeers(PEERS);
  const measured = new Measured();
  for (let round = 0; round < effort.rounds; round += 1) {
    await overPostgres(measured, "holdfast", "postgres", effort);
    await overPostgres(measured, "pg-boss", "pg-boss", effort);
    await overPostgres(measured, "graphile-worker", "graphile-worker", effort);
  }
  const both = (aim?: number): Readonly<Record<string, { readonly aim?: number }>> => {
    const one = aim === undefined ? {} : { aim };
    return { "pg-boss": one, "graphile-worker": one };
  };
  /** Against the better one with an aim, and against the other. */
  const better = (what: string, aim: number): Readonly<Record<string, { readonly aim?: number }>> => ({
    ...both(),
    [measured.betterOf(what, "pg-boss", "graphile-worker")]: { aim },
  });
  return [
    ...measured.figures("enqueue, 50 callers", "postgres", "µs", both(1 / 10)),
    ...measured.figures("bulk enqueue", "postgres", "µs", better("bulk enqueue", 2 / 3)),
    ...measured.figures("work off, 1 process", "postgres", "µs", better("work off, 1 process", 1)),
    ...measured.figures("work off, 2 processes", "postgres", "µs", better("work off, 2 processes", 1)),
    ...measured.figures("latency at low load", "postgres", "ms", both()),
    measured.alone("latency at low load", "postgres", "ms", 3),
  ];
}

/** By the names that `main.ts` knows them by. */
export const suites: Readonly<Record<"queue-sqlite" | "queue-postgres", Suite>> = {
  "queue-sqlite": { about: "the durable queue over SQLite beside BullMQ", run: besideBullMq },
  "queue-postgres": { about: "the durable queue over PostgreSQL beside pg-boss and graphile-worker", run: besidePostgresQueues },
};
