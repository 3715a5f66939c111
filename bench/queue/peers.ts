/**
 * The queues that Holdfast is compared with, each set up as its own documentation says for throughput. They stand in a package of
 * their own, `peers/`, which is no workspace, so that an install of this repository does not bring them along; hence the types
 * here, which say no more than is used.
 */
import { createRequire } from "node:module";
import { CONCURRENCY, CONNECTIONS, PAYLOAD, portions, type Contender } from "./contender.ts";

const load = createRequire(new URL("peers/package.json", import.meta.url));

const QUEUE = "contacts";

interface BullQueue {
  waitUntilReady(): Promise<unknown>;
  add(name: string, data: unknown, options: object): Promise<unknown>;
  addBulk(jobs: readonly object[]): Promise<unknown>;
  close(): Promise<void>;
}

interface BullWorker extends Pick<BullQueue, "waitUntilReady" | "close"> {
  on(event: "completed", listener: () => void): void;
}

interface BullMq {
  readonly Queue: new (name: string, options: object) => BullQueue;
  readonly Worker: new (name: string, work: () => Promise<unknown>, options: object) => BullWorker;
}

/** Redis; commands of one tick go together (`enableAutoPipelining`). Finished jobs are taken away, as ours are not. */
export async function openBullMq(url: string): Promise<Contender> {
  const { Queue, Worker } = load("bullmq") as BullMq;
  const { hostname: host, port } = new URL(url);
  const connection = { host, port: Number(port), maxRetriesPerRequest: null, enableAutoPipelining: true };
  const options = { removeOnComplete: true, removeOnFail: true };
  const queue = new Queue(QUEUE, { connection });
  await queue.waitUntilReady();
  let worker: BullWorker | undefined;
  return {
    enqueue: () => queue.add("create", PAYLOAD, options),
    bulk: async (count) => {
      for (const part of portions(count, 1_000)) {
        await queue.addBulk(Array.from({ length: part }, () => ({ name: "create", data: PAYLOAD, opts: options })));
      }
    },
    work: async (done) => {
      worker = new Worker(QUEUE, async () => undefined, { connection, concurrency: CONCURRENCY });
      worker.on("completed", () => done(1));
      await worker.waitUntilReady();
    },
    close: async () => {
      await worker?.close();
      await queue.close();
    },
  };
}

interface Boss {
  on(event: "error", listener: (error: Error) => void): void;
  start(): Promise<unknown>;
  stop(options: object): Promise<void>;
  createQueue(name: string, options: object): Promise<unknown>;
  send(name: string, data: unknown): Promise<unknown>;
  insert(name: string, jobs: readonly object[]): Promise<unknown>;
  work(name: string, options: object, work: (jobs: readonly unknown[]) => Promise<void>): Promise<unknown>;
}

/** Woken by notifications, fetching in batches, and without a pause while they come full. Its maintenance is left out. */
export async function openPgBoss(url: string): Promise<Contender> {
  const { PgBoss } = load("pg-boss") as { readonly PgBoss: new (options: object) => Boss };
  const boss = new PgBoss({ connectionString: url, max: CONNECTIONS, useListenNotify: true, supervise: false, schedule: false });
  boss.on("error", (error) => {
    throw error;
  });
  await boss.start();
  await boss.createQueue(QUEUE, { notify: true });
  return {
    enqueue: () => boss.send(QUEUE, PAYLOAD),
    bulk: async (count) => {
      for (const part of portions(count, 1_000))
        await boss.insert(
          QUEUE,
          Array.from({ length: part }, () => ({ data: PAYLOAD })),
        );
    },
    work: (done) =>
      boss.work(
        QUEUE,
        { batchSize: CONCURRENCY, localConcurrency: 2, burstWhenBatchFull: true, pollingIntervalSeconds: 0.5 },
        async ({ length }) => done(length),
      ),
    close: () => boss.stop({ graceful: false }),
  };
}

interface Graphile {
  makeWorkerUtils(options: object): Promise<{
    migrate(): Promise<void>;
    addJob(task: string, payload: unknown): Promise<unknown>;
    addJobs(jobs: readonly object[]): Promise<unknown>;
    release(): Promise<void>;
  }>;
  run(options: object): Promise<{
    readonly events: { on(event: "job:complete", listener: () => void): void };
    stop(): Promise<void>;
  }>;
}

/** With a local queue, and completions in batches. */
export async function openGraphileWorker(url: string): Promise<Contender> {
  const { makeWorkerUtils, run } = load("graphile-worker") as Graphile;
  const { Logger } = load("graphile-worker") as { readonly Logger: new (factory: () => () => void) => object };
  const logger = new Logger(() => () => undefined);
  const utils = await makeWorkerUtils({ connectionString: url, maxPoolSize: CONNECTIONS, logger });
  await utils.migrate();
  let runner: Awaited<ReturnType<Graphile["run"]>> | undefined;
  return {
    enqueue: () => utils.addJob(QUEUE, PAYLOAD),
    bulk: async (count) => {
      for (const part of portions(count, 1_000)) {
        await utils.addJobs(Array.from({ length: part }, () => ({ identifier: QUEUE, payload: PAYLOAD })));
      }
    },
    work: async (done) => {
      const worker = {
        connectionString: url,
        maxPoolSize: CONNECTIONS,
        concurrentJobs: CONCURRENCY,
        localQueue: { size: 2 * CONCURRENCY },
        completeJobBatchDelay: 0,
        failJobBatchDelay: 0,
      };
      runner = await run({ preset: { worker }, taskList: { [QUEUE]: async () => undefined }, logger, noHandleSignals: true });
      runner.events.on("job:complete", () => done(1));
    },
    close: async () => {
      await runner?.stop();
      await utils.release();
    },
  };
}
