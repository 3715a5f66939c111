/**
 * What the dashboard asks, of a store that holds a million operations and fifty thousand dead letters: the 95th percentile of each answer,
 * from the request to its last byte, and what it costs the workers that somebody looks.
 */
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { Client, Pool } from "pg";
import { systemClock } from "../../src/adapters/clock/system.ts";
import { postgres } from "../../src/adapters/store/postgres/index.ts";
import { sqlite } from "../../src/adapters/store/sqlite/index.ts";
import { createHoldfast, type Holdfast } from "../../src/client/holdfast.ts";
import { createApp, type App } from "../../src/gateway/app.ts";
import { Authenticator } from "../../src/gateway/auth.ts";
import { StrangerGuard } from "../../src/gateway/stranger.ts";
import type { StoreFactory } from "../../src/ports/store.ts";
import { testDatabase } from "../../test/postgres/server.ts";
import { absolute, type Figure, type Suite } from "../figure.ts";
import { median } from "../harness.ts";
import { endAll, idOf, RARE, seed, type Sizes } from "./seed.ts";

const FULL: Sizes = { operations: 1_000_000, parked: 20_000, letters: 50_000, groups: 200, runs: 10_000 };
const QUICK: Sizes = { operations: 500, parked: 50, letters: 100, groups: 10, runs: 40 };
const AIM_MS = 150;
/** What looking may cost the workers. */
const AIM_COST = 1.05;

/** What one page asks for; `null` stands for what is found by asking. */
function questions(now: number, { letters }: Sizes): Readonly<Record<string, string>> {
  const fingerprint = encodeURIComponent(`v1:${"0".repeat(16)}`);
  return {
    "overview: statistics": "/v1/stats?window=1h",
    "overview: history of an hour": "/v1/stats/history?window=1h",
    "overview: history of a day": "/v1/stats/history?window=24h",
    lanes: "/v1/lanes",
    "lanes: history": `/v1/lanes/${encodeURIComponent("crm:POST /contacts")}/history?window=1h`,
    operations: "/v1/operations",
    "operations: parked": "/v1/operations?state=parked",
    "operations: succeeded, of an API": "/v1/operations?state=succeeded&api=crm",
    "operations: dead": "/v1/operations?state=dead",
    "operations: of a lane": `/v1/operations?lane=${encodeURIComponent("crm:POST /contacts")}`,
    "operations: of an API called long ago": `/v1/operations?api=${RARE}`,
    "operations: ended well, of an API called long ago": `/v1/operations?api=${RARE}&state=succeeded`,
    "operations: by a common label": "/v1/operations?label.campaign=c3",
    "operations: by a common label, parked": "/v1/operations?label.campaign=c3&state=parked",
    "operations: by a label of one": "/v1/operations?label.lead=77",
    "operations: by key": "/v1/operations?key=lead-77",
    "dead letters": "/v1/dead-letters",
    "dead letters: open, of an API": "/v1/dead-letters?api=crm&state=open",
    "dead letters: by label": "/v1/dead-letters?label.campaign=c3",
    "dead letters: groups": "/v1/dead-letters/groups",
    "dead letters: groups that are open": "/v1/dead-letters/groups?state=open",
    "dead letters: groups of a label": "/v1/dead-letters/groups?label.campaign=c3",
    "dead letters: one group with samples": `/v1/dead-letters/groups/${fingerprint}`,
    "dead letters: one": `/v1/dead-letters/${idOf(900_000_000 + letters - 1, now - 86_400_000 + Math.floor(((letters - 1) / letters) * 86_400_000))}`,
    pipelines: "/v1/pipelines",
    "pipelines: runs that wait": "/v1/pipelines/lead/runs?state=open",
    syncs: "/v1/syncs",
    audit: "/v1/audit",
    alerts: "/v1/alerts",
    advice: "/v1/advice",
    impact: "/v1/impact?label=campaign&of=lead",
    metrics: "/metrics",
  };
}

interface World {
  readonly app: App;
  readonly hf: Holdfast;
  close(): Promise<void>;
}

async function openWorld(factory: StoreFactory): Promise<World> {
  const store = await factory();
  const hf: Holdfast = await createHoldfast({
    apis: { work: { baseUrl: "https://api.example.com", durability: "none" } },
    store: async () => store,
    transport: async () => new Response(null, { status: 204 }),
    metrics: true,
    worker: { concurrency: 200, laneConcurrency: 100 },
  });
  hf.history?.watch();
  const app = createApp({
    hf,
    store,
    clock: systemClock,
    randomBytes,
    authenticator: new Authenticator(systemClock),
    strangers: new StrangerGuard([]),
    version: "0.0.0",
    draining: () => false,
    failed: (error) => {
      throw error;
    },
  });
  await app.start();
  return {
    app,
    hf,
    close: async () => {
      await app.close();
      await hf.close();
    },
  };
}

async function ask({ app }: World, path: string): Promise<number> {
  const started = performance.now();
  const response = await app.fetch(new Request(`http://127.0.0.1:4180${path}`, { headers: { host: "127.0.0.1:4180" } }));
  const text = await response.text();
  if (!response.ok) throw new Error(`${path} answered ${response.status}: ${text.slice(0, 300)}`);
  return performance.now() - started;
}

/** The 95th percentile of each answer; the first of each is not counted. */
async function answers(world: World, store: string, sizes: Sizes, now: number, times: number): Promise<readonly Figure[]> {
  const figures: Figure[] = [];
  for (const [name, path] of Object.entries(questions(now, sizes))) {
    await ask(world, path);
    const readings: number[] = [];
    for (let time = 0; time < times; time += 1) readings.push(await ask(world, path));
    const p95 = readings.sort((a, b) => a - b)[Math.ceil(times * 0.95) - 1] as number;
    figures.push(absolute(`${store}: ${name}, p95`, p95, "ms", AIM_MS));
  }
  return figures;
}

/** As an open overview does. */
const LOOKS_EVERY_MS = 5_000;
const LOOKED_AT = [
  "/v1/stats?window=5m",
  "/v1/stats/history?window=1h",
  "/v1/lanes",
  "/v1/dead-letters/groups?state=open",
  "/v1/operations",
  "/v1/alerts",
];

interface Worked {
  /** µs that passed for each operation. */
  readonly wall: number;
  /** µs of the processor, of all threads, whatever neighbours take of the machine. */
  readonly cpu: number;
}

/** Work for `ms`, and what an operation took from its enqueue to its end. */
async function work({ hf }: World, ms: number): Promise<Worked> {
  const started = performance.now();
  const before = process.cpuUsage();
  const ends = started + ms;
  let done = 0;
  const caller = async (): Promise<void> => {
    while (performance.now() < ends) {
      await (await hf.enqueue("work", "POST /work", { json: { n: 1 } })).result();
      done += 1;
    }
  };
  await Promise.all(Array.from({ length: 50 }, caller));
  const { user, system } = process.cpuUsage(before);
  return { wall: ((performance.now() - started) * 1_000) / done, cpu: (user + system) / done };
}

/** The same while an overview is open. */
async function watched(world: World, ms: number): Promise<Worked> {
  const look = (): void => void Promise.all(LOOKED_AT.map((path) => ask(world, path)));
  look();
  const timer = setInterval(look, LOOKS_EVERY_MS);
  try {
    return await work(world, ms);
  } finally {
    clearInterval(timer);
  }
}

async function costOfLooking(world: World, store: string, rounds: number, ms: number): Promise<readonly Figure[]> {
  world.hf.work();
  await work(world, ms / 2);
  const alone: Worked[] = [];
  const looked: Worked[] = [];
  for (let round = 0; round < rounds; round += 1) {
    // Another one begins each round.
    if (round % 2 === 0) alone.push(await work(world, ms));
    looked.push(await watched(world, ms));
    if (round % 2 === 1) alone.push(await work(world, ms));
  }
  return (["cpu", "wall"] as const).map((kind) => {
    const ratio = median(looked.map((one, round) => one[kind] / (alone[round] as Worked)[kind]));
    return {
      name: `${store}: an operation while somebody looks${kind === "cpu" ? ", processor time" : ""}`,
      value: median(looked.map((one) => one[kind])),
      unit: kind === "cpu" ? "µs of CPU" : "µs",
      against: "nobody looks",
      ratio,
      aim: AIM_COST,
      holds: ratio <= AIM_COST,
    };
  });
}

async function measured(world: World, store: string, sizes: Sizes, now: number, quick: boolean): Promise<readonly Figure[]> {
  try {
    return [
      ...(await answers(world, store, sizes, now, quick ? 2 : 20)),
      ...(await costOfLooking(world, store, quick ? 1 : 5, quick ? 20 : LOOKS_EVERY_MS)),
    ];
  } finally {
    await world.close();
  }
}

async function overSqlite(sizes: Sizes, quick: boolean): Promise<readonly Figure[]> {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-bench-dashboard-"));
  const path = join(folder, "holdfast.db");
  const now = systemClock.now();
  try {
    const store = await sqlite(path)();
    await seed(store, sizes, now);
    await store.close();
    const file = new DatabaseSync(path);
    file.exec(`BEGIN; ${endAll(now).sqlite.join("; ")}; COMMIT`);
    file.close();
    return await measured(await openWorld(sqlite(path)), "sqlite", sizes, now, quick);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function overPostgres(sizes: Sizes, quick: boolean): Promise<readonly Figure[]> {
  const database = await testDatabase();
  const pool = new Pool({ connectionString: database.url, max: 10 });
  const now = systemClock.now();
  const factory = postgres(pool, { listen: () => new Client({ connectionString: database.url }) });
  try {
    const store = await factory();
    await seed(store, sizes, now);
    await store.close();
    for (const statement of endAll(now).postgres) await pool.query(statement);
    // What autovacuum does within minutes.
    await pool.query("VACUUM ANALYZE");
    return await measured(await openWorld(factory), "postgres", sizes, now, quick);
  } finally {
    await pool.end();
    await database.dispose();
  }
}

export const suites: Readonly<Record<"dashboard-sqlite" | "dashboard-postgres", Suite>> = {
  "dashboard-sqlite": {
    about: "what the dashboard asks of a SQLite store with a million operations",
    run: (quick) => overSqlite(quick ? QUICK : FULL, quick),
  },
  "dashboard-postgres": {
    about: "what the dashboard asks of a PostgreSQL store with a million operations",
    run: (quick) => overPostgres(quick ? QUICK : FULL, quick),
  },
};
