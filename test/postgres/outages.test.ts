import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Pool } from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { systemClock } from "../../src/adapters/clock/system.ts";
import { postgres } from "../../src/adapters/store/postgres/index.ts";
import type { ApiOptions } from "../../src/api/api-options.ts";
import { createHoldfast } from "../../src/client/holdfast.ts";
import { sleep } from "../../src/ports/clock.ts";
import { seededRandom } from "../../src/testing/seeded-random.ts";
import { openStore } from "../crash/loop/backend.ts";
import { check } from "../crash/loop/check.ts";
import { ENDPOINTS, type Kind, type Subject } from "../crash/loop/orders.ts";
import { otherSide } from "../crash/loop/other-side.ts";
import { proxyTo } from "./proxy.ts";
import { postgresPrograms, startCluster, type Cluster } from "./server.ts";
import { connect, type ClientKind } from "./subject.ts";

/**
 * One process works through a queue while everything happens to its database: answers to a commit that are lost, requests that
 * are, connections that are cut, backends that are ended (57P01), transactions that lose against others (40001, 40P01), and a
 * server that crashes and comes back. What is left is held to the ledger of the other side, as in the crash loop.
 */

/** Of each of three kinds. */
const OPERATIONS = 25;

let cluster: Cluster;
let admin: Pool;
let folder: string;

beforeAll(async () => {
  if (postgresPrograms() === undefined) return;
  cluster = await startCluster();
  admin = new Pool({ connectionString: cluster.url, max: 1 });
  admin.on("error", () => {});
  folder = mkdtempSync(join(tmpdir(), "holdfast-outages-"));
}, 60_000);

afterAll(async () => {
  await admin?.end();
  await cluster?.dispose();
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
});

/** Has the server refuse one statement in twenty that moves operations, as one that lost against others. */
async function addConflicts(schema: string): Promise<void> {
  await admin.query(`CREATE SEQUENCE ${schema}.conflicts;
    CREATE FUNCTION ${schema}.lose() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
      IF random() < 0.05 THEN
        PERFORM nextval('${schema}.conflicts');
        RAISE EXCEPTION 'made to lose' USING ERRCODE = CASE WHEN random() < 0.5 THEN '40001' ELSE '40P01' END;
      END IF;
      RETURN NULL;
    END $$`);
  for (const table of ["ready", "leased", "parked", "ended", "operation_key"])
    await admin.query(`CREATE TRIGGER lose AFTER INSERT ON ${schema}.${table} FOR EACH STATEMENT EXECUTE FUNCTION ${schema}.lose()`);
}

/** A process at work through one kind of client, and what is done to it. */
async function startWork(
  kind: ClientKind,
  seed: number,
): Promise<{
  readonly disturb: () => Promise<void>;
  readonly drained: Promise<void>;
  readonly progress: () => number;
  readonly end: () => Promise<Awaited<ReturnType<typeof check>> & { readonly refusals: number; readonly conflicts: number }>;
}> {
  const schema = `outage_${kind.replace(".", "")}`;
  const random = seededRandom(seed);
  const proxy = await proxyTo(cluster.url);
  const client = connect(kind, proxy.url, 4);
  const api = await otherSide(seed, join(folder, `${schema}.jsonl`));
  const common: ApiOptions = {
    baseUrl: api.url,
    timeout: { attempt: "800ms" },
    retry: { maxAttempts: 100, backoff: { base: "20ms", cap: "200ms" } },
    retryBudget: false,
    breaker: { minimumCalls: 10, openFor: "200ms", maxOpenFor: "400ms" },
  };
  const lookUp = async ({ body }: { readonly body: string | undefined }): Promise<{ happened: boolean }> => {
    const { subject } = JSON.parse(body ?? "{}") as { readonly subject: string };
    const response = await fetch(`${api.url}/orders?subject=${encodeURIComponent(subject)}`);
    if (!response.ok) throw new Error(`the look-up answered ${response.status}`);
    return { happened: ((await response.json()) as { readonly items: readonly unknown[] }).items.length > 0 };
  };
  const hf = await createHoldfast({
    apis: {
      keyed: { ...common, idempotency: {} },
      blind: common,
      asked: { ...common, endpoints: { [ENDPOINTS.asked]: { reconcile: lookUp } } },
    } satisfies Record<Kind, ApiOptions>,
    store: postgres(client.client, { schema }),
    worker: { lease: "2s", pollEvery: "50ms", laneConcurrency: 10, poisonAfter: 1_000 },
  });
  await addConflicts(schema);

  const subjects: Subject[] = (["keyed", "blind", "asked"] as const).flatMap((of) =>
    Array.from({ length: OPERATIONS }, (_, index) => ({ kind: of, subject: `${of}-${index}` })),
  );
  const accepted = new Set<string>();
  let refusals = 0;
  /** Asks again under the same key for as long as nobody says that it is kept. */
  const enqueue = async ({ kind: of, subject }: Subject): Promise<void> => {
    while (!accepted.has(subject)) {
      try {
        await hf.enqueue(of, ENDPOINTS[of], { json: { subject }, key: subject });
        accepted.add(subject);
      } catch (error) {
        if ((error as { retryable?: boolean }).retryable !== true) throw error;
        refusals += 1;
        await sleep(systemClock, 20);
      }
    }
  };
  const enqueueAll = async (): Promise<void> => {
    for (let index = 0; index < subjects.length; index += 5) {
      await Promise.all(subjects.slice(index, index + 5).map(enqueue));
      await sleep(systemClock, 100);
    }
  };
  const drained = async (): Promise<void> => {
    await enqueueAll();
    for (;;) {
      const stats = await hf.operations.stats().catch(() => undefined);
      if (stats && stats.ready + stats.leased + stats.parked === 0) return;
      await sleep(systemClock, 50);
    }
  };
  hf.work();
  /** What is armed strikes when the next request comes; nobody waits long for it. */
  const armed = (struck: Promise<void>): Promise<void> => Promise.race([struck, sleep(systemClock, 100)]);
  const disturbances = [
    () => armed(proxy.loseNextAnswer()),
    () => armed(proxy.loseNextAnswer()),
    () => armed(proxy.loseNextRequest()),
    async () => proxy.cutAll(),
    async () => {
      await admin
        .query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'holdfast'")
        .catch(() => undefined);
    },
  ];
  return {
    disturb: async () => disturbances[Math.floor(random() * disturbances.length)]?.(),
    drained: drained(),
    progress: () => accepted.size,
    end: async () => {
      await hf.close();
      await client.end();
      await proxy.close();
      const found = await check(openStore(`${cluster.url}#${schema}`), subjects, accepted, api.ledger);
      await api.close();
      const { rows } = await admin.query<{ conflicts: number }>(`SELECT last_value::int4 AS conflicts FROM ${schema}.conflicts`);
      return { ...found, refusals, conflicts: rows[0]?.conflicts ?? 0 };
    },
  };
}

describe.skipIf(postgresPrograms() === undefined)("a process at work on a queue in PostgreSQL", () => {
  it("loses nothing and doubles nothing, whatever happens to its connections and its server", { timeout: 120_000 }, async () => {
    const work = [await startWork("pg", 1), await startWork("postgres.js", 2)];
    const over = new AbortController();
    const all = Promise.all(work.map(({ drained }) => drained)).finally(() => over.abort());
    let crashed = false;
    for (let round = 0; !over.signal.aborted; round += 1) {
      // Enough of it; with the last of the work nothing happens, so that it ends.
      if (round < 30) await Promise.all(work.map(({ disturb }) => disturb()));
      await sleep(systemClock, 20);
      if (!crashed && work.every(({ progress }) => progress() > OPERATIONS)) {
        crashed = true;
        await cluster.stop("immediate");
        await cluster.start();
      }
    }
    await all;
    expect(crashed).toBe(true);
    for (const { end } of work) {
      const found = await end();
      expect(found).toMatchObject({ accepted: 3 * OPERATIONS, lost: [], doubled: [], resent: [], wrong: [] });
      expect(found.succeeded).toBeGreaterThan(2 * OPERATIONS);
      // It did happen.
      expect(found.refusals).toBeGreaterThan(0);
      expect(found.conflicts).toBeGreaterThan(1);
    }
  });
});
