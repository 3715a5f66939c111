import { Client, Pool } from "pg";
import postgresJs from "postgres";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { systemClock } from "../../src/adapters/clock/system.ts";
import { postgres, type PostgresListener, type PostgresOptions } from "../../src/adapters/store/postgres/index.ts";
import { sleep } from "../../src/ports/clock.ts";
import type { OperationStore } from "../../src/ports/operation-store.ts";
import { operation, T0 } from "../../src/testing/store-conformance/samples.ts";
import { testDatabase, type TestDatabase } from "./server.ts";

let database: TestDatabase;
let admin: Pool;

beforeAll(async () => {
  database = await testDatabase();
  admin = new Pool({ connectionString: database.url, max: 2 });
}, 60_000);

afterAll(async () => {
  await admin.end();
  await database.dispose();
});

/** Two processes: one puts work into the queue, the other listens. */
async function withTwo(
  listener: () => { readonly listen: PostgresListener; readonly end?: () => Promise<void> },
  work: (queue: OperationStore, heard: () => number, other: OperationStore) => Promise<void>,
  options: PostgresOptions = {},
): Promise<void> {
  const pools = [1, 2].map(() => new Pool({ connectionString: database.url, max: 2 })) as [Pool, Pool];
  const { listen, end } = listener();
  const [writer, worker] = await Promise.all([postgres(pools[0], options)(), postgres(pools[1], { ...options, listen })()]);
  let heard = 0;
  const stop = (worker.operations as OperationStore).onWork(() => (heard += 1));
  try {
    // Told once when listening has begun, since what came before could not be heard.
    await until(() => heard >= 1);
    await work(writer.operations as OperationStore, () => heard, worker.operations as OperationStore);
  } finally {
    stop();
    await Promise.all([writer.close(), worker.close()]);
    await end?.();
    await Promise.all(pools.map((pool) => pool.end()));
  }
}

async function until(holds: () => boolean): Promise<void> {
  for (let tries = 0; !holds(); tries += 1) {
    if (tries === 800) throw new Error("it did not come to pass");
    await sleep(systemClock, 10);
  }
}

let last = 0;
const some = (count: number): ReturnType<typeof operation>[] => Array.from({ length: count }, () => operation((last += 1)));

const listeners = {
  "a client of pg": () => ({ listen: () => new Client({ connectionString: database.url, application_name: "listener" }) }),
  "postgres.js": () => {
    const sql = postgresJs(database.url, { onnotice: () => {}, connection: { application_name: "listener" } });
    return { listen: sql, end: () => sql.end() };
  },
} as const;

describe.each(Object.entries(listeners))("listening with %s", (_name, listener) => {
  it("hears of work that another process put into the queue, once a batch", async () => {
    await withTwo(listener, async (queue, heard) => {
      const before = heard();
      await queue.accept(some(100));
      await until(() => heard() > before);
      await sleep(systemClock, 100);
      expect(heard()).toBe(before + 1);
    });
  });

  it("hears of work that was put there in somebody's transaction when that commits, and of a lane that goes on", async () => {
    await withTwo(listener, async (queue, heard) => {
      const before = heard();
      const client = await admin.connect();
      await client.query("BEGIN");
      await queue.acceptIn?.(client, some(2));
      await sleep(systemClock, 100);
      expect(heard()).toBe(before);
      await client.query("COMMIT");
      client.release();
      await until(() => heard() === before + 1);
      await queue.pause({ api: "crm", endpoint: "POST /contacts", partition: "" }, true, T0);
      await queue.pause({ api: "crm", endpoint: "POST /contacts", partition: "" }, false, T0);
      await until(() => heard() === before + 2);
    });
  });

  it("tells of its own work once, not again by the database", async () => {
    await withTwo(listener, async (_queue, heard, own) => {
      const before = heard();
      await own.accept(some(3));
      await sleep(systemClock, 200);
      expect(heard()).toBe(before + 1);
    });
  });

  it("hears again when its connection broke, and is told that it may have missed something", { timeout: 20_000 }, async () => {
    await withTwo(listener, async (queue, heard) => {
      const before = heard();
      await admin.query(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'listener' AND datname = current_database()",
      );
      await until(() => heard() > before);
      const again = heard();
      await queue.accept(some(1));
      await until(() => heard() > again);
      expect(heard()).toBe(again + 1);
    });
  });
});

describe("notifications", () => {
  it("that come thick and fast are few", async () => {
    await withTwo(listeners["a client of pg"], async (queue, heard) => {
      const before = heard();
      await Promise.all(Array.from({ length: 200 }, () => queue.accept(some(1))));
      await until(() => heard() > before);
      await sleep(systemClock, 200);
      expect(heard() - before).toBeLessThan(100);
    });
  });

  it("need nobody to listen: a listener that never connects holds up nothing", async () => {
    const pool = new Pool({ connectionString: database.url, max: 2 });
    const store = await postgres(pool, { listen: () => new Client("postgres://postgres@127.0.0.1:1/none") })();
    const queue = store.operations as OperationStore;
    let heard = 0;
    queue.onWork(() => (heard += 1));
    await queue.accept(some(1));
    expect(heard).toBe(1);
    await store.close();
    await pool.end();
  });

  it("of stores in other schemas are not heard", async () => {
    await withTwo(listeners["a client of pg"], async (_queue, heard) => {
      const other = await postgres(admin, { schema: "other" })();
      const before = heard();
      await (other.operations as OperationStore).accept(some(3));
      await sleep(systemClock, 150);
      expect(heard()).toBe(before);
      await other.close();
    });
  });
});
