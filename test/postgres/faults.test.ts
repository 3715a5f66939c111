import { Pool } from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { StoreError } from "../../src/core/errors.ts";
import { systemClock } from "../../src/adapters/clock/system.ts";
import { postgres } from "../../src/adapters/store/postgres/index.ts";
import { sleep } from "../../src/ports/clock.ts";
import type { Store } from "../../src/ports/store.ts";
import { answer, beginRequest, letter, MINUTE, T0 } from "../../src/testing/store-conformance/samples.ts";
import { proxyTo, type Proxy } from "./proxy.ts";
import { testDatabase, type TestDatabase } from "./server.ts";
import { connect, type Client, type ClientKind } from "./subject.ts";

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
async function withStore(kind: ClientKind, work: (store: Store, client: Client) => Promise<void>, max = 1): Promise<void> {
  const client = connect(kind, proxy.url, max);
  const store = await postgres(client.client, { schema: `faults_${(schemas += 1)}` })();
  try {
    await work(store, client);
  } finally {
    await store.close();
    await client.end();
  }
}

const UNKNOWN = {
  code: "store",
  retryable: true,
  effect: "unknown",
  message: expect.stringMatching(/may have been done; asking again is harmless$/) as string,
};

/** As a caller does who is told that it may ask again: once for each connection that may be broken. */
async function askedAgain<Result>(ask: () => Promise<Result>): Promise<Result> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await ask();
    } catch (error) {
      if (tries > 4 || !(error instanceof StoreError) || !error.retryable) throw error;
    }
  }
}

describe.each(["pg", "postgres.js"] as const)("through %s", (kind) => {
  it("a write whose answer is lost was done, is told as unknown, and may be asked for again", async () => {
    await withStore(kind, async ({ idempotency, deadLetters }) => {
      await idempotency.begin([beginRequest()]);
      const done = { key: "key-1", token: "token-1", now: T0, state: "done", answer: answer(), expiresAt: T0 + MINUTE } as const;
      let lost = proxy.loseNextAnswer();
      await expect(idempotency.finish([done])).rejects.toMatchObject(UNKNOWN);
      await lost;
      expect(await idempotency.finish([done])).toEqual(["stale"]);
      expect(await idempotency.begin([beginRequest()])).toEqual([{ state: "done", answer: answer() }]);

      await deadLetters.add([letter(1)]);
      const change = { id: letter(1).id, revision: 1, state: "resolved", now: T0 } as const;
      lost = proxy.loseNextAnswer();
      await expect(deadLetters.change([change])).rejects.toMatchObject(UNKNOWN);
      await lost;
      expect(await deadLetters.change([change])).toEqual(["stale"]);
      expect((await deadLetters.get(letter(1).id))?.revision).toBe(2);
    });
  });

  it("a write that never reached the server is told as unknown too, and then done", async () => {
    await withStore(kind, async ({ idempotency }) => {
      await idempotency.begin([beginRequest()]);
      const lost = proxy.loseNextRequest();
      await expect(idempotency.release([{ key: "key-1", token: "token-1" }])).rejects.toMatchObject(UNKNOWN);
      await lost;
      expect(await idempotency.release([{ key: "key-1", token: "token-1" }])).toEqual(["applied"]);
    });
  });

  it("a write that gives the same when it is done twice is done on another connection, and its caller does not notice", async () => {
    await withStore(kind, async ({ idempotency, deadLetters }) => {
      for (const [index, lose] of [proxy.loseNextAnswer, proxy.loseNextRequest].entries()) {
        let lost = lose();
        expect(await idempotency.begin([beginRequest({ key: `key-${index}` })])).toEqual([{ state: "claimed", earlier: "none" }]);
        await lost;
        expect((await idempotency.begin([beginRequest({ key: `key-${index}`, token: "token-2" })]))[0]?.state).toBe("running");
        lost = lose();
        await deadLetters.add([letter(2 * index), letter(2 * index + 1)]);
        await lost;
        expect((await deadLetters.get(letter(2 * index).id))?.attempts).toHaveLength(2);
      }
      expect((await deadLetters.groups({}, { limit: 9 })).items.map(({ total }) => total)).toEqual([4]);
    });
  });

  it("a read whose connection breaks is done on another, and its caller does not notice", async () => {
    await withStore(kind, async ({ deadLetters }) => {
      await deadLetters.add([letter(1)]);
      for (const lose of [proxy.loseNextAnswer, proxy.loseNextRequest]) {
        let lost = lose();
        expect((await deadLetters.get(letter(1).id))?.id).toBe(letter(1).id);
        await lost;
        lost = lose();
        expect((await deadLetters.list({}, { limit: 9 })).items).toHaveLength(1);
        await lost;
      }
    });
  });

  it("backends that are ended under load cost only the calls that were on them: nothing acknowledged is lost, nothing is doubled", async () => {
    await withStore(
      kind,
      async ({ idempotency, deadLetters, check }) => {
        const kept: number[] = [];
        const errors: unknown[] = [];
        const running = new AbortController();
        let number = 0;
        const caller = async (): Promise<void> => {
          while (!running.signal.aborted) {
            const mine = (number += 1);
            try {
              await idempotency.begin([beginRequest({ key: `key-${mine}`, token: `token-${mine}` })]);
              await deadLetters.add([letter(mine)]);
              kept.push(mine);
            } catch (error) {
              errors.push(error);
            }
          }
        };
        const callers = Array.from({ length: 10 }, caller);
        for (let round = 0; round < 8; round += 1) {
          await sleep(systemClock, 40);
          await admin.query(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'holdfast' AND datname = current_database()",
          );
        }
        running.abort();
        await Promise.all(callers);
        expect(kept.length).toBeGreaterThan(0);
        for (const error of errors) expect(error).toMatchObject({ code: "store", retryable: true });
        // A connection that was ended last may be noticed only now; asking again is harmless.
        const found = await askedAgain(() => idempotency.begin(kept.map((mine) => beginRequest({ key: `key-${mine}`, token: "later" }))));
        expect(found.filter(({ state }) => state !== "running")).toEqual([]);
        for (const mine of kept) expect((await askedAgain(() => deadLetters.get(letter(mine).id)))?.id).toBe(letter(mine).id);
        expect((await askedAgain(check)).faults).toEqual([]);
      },
      4,
    );
  });

  it("transactions that lose against others are done again", { timeout: 30_000 }, async () => {
    const url = Object.assign(new URL(database.url), { search: "?options=-c%20default_transaction_isolation%3Dserializable" }).href;
    const client = connect(kind, kind === "pg" ? url : database.url, 8);
    await admin.query(`ALTER DATABASE ${new URL(database.url).pathname.slice(1)} SET default_transaction_isolation = 'serializable'`);
    try {
      const schema = `faults_${(schemas += 1)}`;
      const stores = await Promise.all([1, 2, 3].map(() => postgres(client.client, { schema })()));
      await (stores[0] as Store).deadLetters.add([letter(1)]);
      const results = await Promise.all(
        stores.flatMap(({ idempotency }, handle) =>
          Array.from({ length: 10 }, (_, call) => idempotency.begin([beginRequest({ token: `token-${handle}-${call}` })])),
        ),
      );
      expect(results.flat().filter(({ state }) => state === "claimed")).toHaveLength(1);
      const changes = await Promise.all(
        stores.map(({ deadLetters }) => deadLetters.change([{ id: letter(1).id, revision: 1, state: "replaying", now: T0 }])),
      );
      expect(changes.flat().sort()).toEqual(["applied", "stale", "stale"]);
      for (const store of stores) await store.close();
    } finally {
      await admin.query(`ALTER DATABASE ${new URL(database.url).pathname.slice(1)} RESET default_transaction_isolation`);
      await client.end();
    }
  });

  it("a server that is not there is said so, with nothing done", async () => {
    const client = connect(kind, "postgres://postgres@127.0.0.1:1/none");
    await expect(postgres(client.client)()).rejects.toMatchObject({
      code: "store",
      retryable: true,
      effect: "none",
      message: expect.stringMatching(
        /^the PostgreSQL store cannot open the schema holdfast: .*ECONNREFUSED.*; nothing was done; ask again$/,
      ) as string,
    });
    await client.end();
  });
});
