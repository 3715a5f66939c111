import { Pool } from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { systemClock } from "../../src/adapters/clock/system.ts";
import { postgres } from "../../src/adapters/store/postgres/index.ts";
import { sleep } from "../../src/ports/clock.ts";
import type { OperationStore } from "../../src/ports/operation-store.ts";
import type { Store } from "../../src/ports/store.ts";
import { attempt, letter, MINUTE, numberOf, operation, T0 } from "../../src/testing/store-conformance/samples.ts";
import { proxyTo, type Proxy } from "./proxy.ts";
import { testDatabase, type TestDatabase } from "./server.ts";
import { connect, type ClientKind } from "./subject.ts";

/** What the queue does when connections and servers break. */

let database: TestDatabase;
let admin: Pool;
let proxy: Proxy;
let schemas = 0;

beforeAll(async () => {
  database = await testDatabase();
  admin = new Pool({ connectionString: database.url, max: 2 });
  proxy = await proxyTo(database.url);
}, 60_000);

afterAll(async () => {
  await proxy.close();
  await admin.end();
  await database.dispose();
});

/** Runs a test on a store behind the proxy. With one connection, so that what is broken is the one in use. */
async function withStore(kind: ClientKind, work: (queue: OperationStore, store: Store) => Promise<void>, max = 1): Promise<void> {
  const client = connect(kind, proxy.url, max);
  const store = await postgres(client.client, { schema: `queue_${(schemas += 1)}` })();
  try {
    await work(store.operations as OperationStore, store);
    expect((await store.check()).faults).toEqual([]);
  } finally {
    await store.close();
    await client.end();
  }
}

const LANE = { api: "crm", endpoint: "POST /contacts", partition: "" };
const NOW = T0 + MINUTE;
const CLAIM = { worker: "w", allowances: [{ ...LANE, max: 10 }], now: NOW, leaseUntil: NOW + 60 * MINUTE };
const SUCCEEDED = { state: "succeeded", keepUntil: NOW + 60 * MINUTE } as const;
const UNKNOWN = { code: "store", retryable: true, effect: "unknown" };

/** The answers to the next two requests. */
function loseTwo(): Promise<void> {
  return proxy.loseNextAnswer().then(() => proxy.loseNextAnswer());
}

/** Waits until nothing is under way on the one connection: a notification may follow an acceptance. */
async function quiet(queue: OperationStore): Promise<void> {
  await queue.stats();
}

describe.each(["pg", "postgres.js"] as const)("through %s", (kind) => {
  it("an acceptance whose answer was lost is found to stand, and is told as what it was", async () => {
    await withStore(kind, async (queue) => {
      await queue.accept([operation(1)]);
      const given = [
        operation(2, { idempotencyKey: "key" }),
        operation(1),
        operation(3, { idempotencyKey: "key", fingerprint: "payload-2" }),
      ];
      for (const lose of [(): Promise<void> => proxy.loseNextAnswer(), proxy.loseNextRequest]) {
        await quiet(queue);
        const lost = lose();
        // An id that is known was kept by an earlier call, or by this one as far as anybody can tell.
        expect((await queue.accept(given)).map(({ state }) => state)).toEqual(["accepted", "accepted", "known"]);
        await lost;
      }
      expect((await queue.claim(CLAIM)).map((claimed) => numberOf(claimed.operation))).toEqual([1, 2]);
    });
  });

  it("an acceptance whose answer was lost twice is told as unknown, and may be asked for again", async () => {
    await withStore(kind, async (queue) => {
      await queue.accept([operation(1)]);
      await quiet(queue);
      const lost = loseTwo();
      await expect(queue.accept([operation(2)])).rejects.toMatchObject(UNKNOWN);
      await lost;
      expect(await queue.accept([operation(2)])).toEqual([{ state: "known", id: operation(2).id }]);
      expect(await queue.stats()).toMatchObject({ ready: 2 });
    });
  });

  it("a claim whose answer was lost is undone, and what it took is given by the same call: not in doubt, since nobody had it", async () => {
    await withStore(kind, async (queue) => {
      await queue.accept([operation(1), operation(2)]);
      await quiet(queue);
      const lost = proxy.loseNextAnswer();
      const claimed = await queue.claim(CLAIM);
      await lost;
      expect(claimed.map(({ claim, vanished, inDoubt, operation: given }) => [numberOf(given), claim, vanished, inDoubt])).toEqual([
        [1, 2, 0, false],
        [2, 2, 0, false],
      ]);
      expect(await queue.stats()).toMatchObject({ ready: 0, leased: 2 });
    });
  });

  it("a claim whose answer was lost twice is told as unknown, and undone by the next", async () => {
    await withStore(kind, async (queue) => {
      await queue.accept([operation(1), operation(2)]);
      await quiet(queue);
      // The claim, what undoes it, and the claim again.
      const lost = proxy.loseNextAnswer().then(() => proxy.loseNextAnswer(1));
      await expect(queue.claim(CLAIM)).rejects.toMatchObject(UNKNOWN);
      await lost;
      expect(await queue.stats()).toMatchObject({ ready: 0, leased: 2 });
      expect((await queue.claim(CLAIM)).map(({ claim, vanished, inDoubt }) => [claim, vanished, inDoubt])).toEqual([
        [3, 0, false],
        [3, 0, false],
      ]);
    });
  });

  it("a settlement whose answer was lost is found to stand, and counts once", async () => {
    await withStore(kind, async (queue, { deadLetters }) => {
      await queue.accept([1, 2, 3, 4, 5].map((number) => operation(number)));
      const claimed = await queue.claim(CLAIM);
      const outcomes = [
        SUCCEEDED,
        { state: "parked", until: NOW + MINUTE, because: { code: "backoff" }, delayMs: 1 },
        { state: "ready" },
        { state: "cancelled", because: { code: "cancelled" } },
        { state: "dead", letter: letter(5, { id: operation(5).id }) },
      ] as const;
      for (const [index, { operation: given, claim }] of claimed.entries()) {
        const lost = proxy.loseNextAnswer();
        const outcome = outcomes[index] as (typeof outcomes)[number];
        const settlement = { id: given.id, claim, now: NOW, outcome, ...(index % 2 === 0 && { attempt: attempt(1) }) };
        expect(await queue.settle([settlement])).toEqual(["applied"]);
        await lost;
        expect(await queue.settle([settlement]), "somebody asks again for no reason").toEqual(["stale"]);
        expect((await queue.get(given.id))?.attempts).toHaveLength(index % 2 === 0 ? 1 : 0);
      }
      expect(await queue.stats()).toEqual({ ready: 1, leased: 0, parked: 1, succeeded: 1, dead: 1, cancelled: 1 });
      expect((await deadLetters.groups({}, { limit: 9 })).items.map(({ total }) => total)).toEqual([1]);
    });
  });

  it("a settlement whose answer was lost twice is told as unknown, and asked again it is found to stand", async () => {
    await withStore(kind, async (queue) => {
      await queue.accept([operation(1), operation(2)]);
      const [one, two] = await queue.claim(CLAIM);
      const settlement = { id: operation(1).id, claim: one?.claim ?? 0, now: NOW, attempt: attempt(1), outcome: SUCCEEDED };
      const lost = loseTwo();
      await expect(queue.settle([settlement])).rejects.toMatchObject(UNKNOWN);
      await lost;
      expect(await queue.settle([settlement])).toEqual(["applied"]);
      expect((await queue.get(operation(1).id))?.attempts).toHaveLength(1);

      // The twin: a settlement that is stale stays so, although its answer was lost.
      await queue.reap({ worker: "reaper", now: NOW + 60 * MINUTE, leaseUntil: NOW + 90 * MINUTE, poisonAfter: 9, limit: 9 });
      const lostToo = proxy.loseNextAnswer();
      expect(await queue.settle([{ ...settlement, id: operation(2).id, claim: two?.claim ?? 0 }])).toEqual(["stale"]);
      await lostToo;
      expect(await queue.stats()).toMatchObject({ ready: 1, succeeded: 1 });
    });
  });

  it("backends that are ended under load lose nothing, double nothing and leave no lease behind", { timeout: 60_000 }, async () => {
    expect.hasAssertions();
    await withStore(
      kind,
      async (queue) => {
        const busy = startWork(queue);
        for (let round = 0; round < 10; round += 1) {
          await busy.settledSoMany(20);
          await admin.query(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'holdfast' AND datname = current_database()",
          );
        }
        await busy.finish();
      },
      4,
    );
  });
});

/** Producers and workers that go on whatever happens, and a ledger of what they were told. */
function startWork(queue: OperationStore): {
  readonly settledSoMany: (count: number) => Promise<void>;
  readonly finish: () => Promise<void>;
} {
  const producing = new AbortController();
  const working = new AbortController();
  /** Operations that somebody was told are kept. */
  const accepted = new Set<number>();
  /** Operations that may be kept: their acceptance was never answered. */
  const asked = new Set<number>();
  const performed = new Map<number, number>();
  const progress = { settled: 0 };
  let number = 0;

  /** Asks until the store answers, as the worker does. */
  const insist = async <Result>(verb: () => Promise<Result>): Promise<Result> => {
    for (;;) {
      try {
        return await verb();
      } catch (error) {
        if ((error as { retryable?: boolean }).retryable !== true) throw error;
        await sleep(systemClock, 20);
      }
    }
  };
  const producer = async (): Promise<void> => {
    while (!producing.signal.aborted) {
      const batch = Array.from({ length: 5 }, () => (number += 1));
      for (const one of batch) asked.add(one);
      await queue.accept(batch.map((one) => operation(one))).then(
        () => batch.forEach((one) => accepted.add(one)),
        () => sleep(systemClock, 20),
      );
    }
  };
  const round = async (): Promise<number> => {
    const claimed = await insist(() => queue.claim({ ...CLAIM, now: NOW + 1e9, leaseUntil: NOW + 2e9 }));
    for (const { operation: given } of claimed) performed.set(numberOf(given), (performed.get(numberOf(given)) ?? 0) + 1);
    const results = await insist(() =>
      queue.settle(claimed.map(({ operation: { id }, claim }) => ({ id, claim, now: NOW, attempt: attempt(1), outcome: SUCCEEDED }))),
    );
    expect(results.every((result) => result === "applied")).toBe(true);
    progress.settled += results.length;
    return claimed.length;
  };
  const worker = async (): Promise<void> => {
    while (!working.signal.aborted) if ((await round()) === 0) await sleep(systemClock, 5);
  };
  const producers = [producer(), producer(), producer()];
  const workers = [worker(), worker()];
  return {
    settledSoMany: async (count) => {
      const goal = progress.settled + count;
      while (progress.settled < goal) await sleep(systemClock, 5);
    },
    finish: async () => {
      producing.abort();
      await Promise.all(producers);
      working.abort();
      await Promise.all(workers);
      while ((await round()) > 0);
      expect(accepted.size).toBeGreaterThan(50);
      expect([...accepted].filter((one) => performed.get(one) !== 1)).toEqual([]);
      expect([...performed].filter(([one, times]) => times !== 1 || !asked.has(one))).toEqual([]);
      expect(await queue.stats()).toEqual({ ready: 0, leased: 0, parked: 0, succeeded: performed.size, dead: 0, cancelled: 0 });
    },
  };
}
