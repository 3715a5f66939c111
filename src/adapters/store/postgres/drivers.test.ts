import { EventEmitter } from "node:events";
import { describe, expect, it } from "vitest";
import { pgDriver, type PgPool } from "./driver-pg.ts";
import { postgresJsDriver, type PostgresJs } from "./driver-postgres-js.ts";
import { faultOf } from "./fault.ts";
import { statement } from "./statement.ts";

const one = statement<readonly [number]>("SELECT 1");

function answering(rows: unknown): PostgresJs {
  const query = { values: () => Promise.resolve(rows), then: undefined as never };
  return Object.assign(() => {}, { options: { max: 1 }, unsafe: () => query, begin: async () => undefined });
}

describe("postgres.js", () => {
  it("that ends a statement without an error and without an answer has lost its connection", async () => {
    const lost = await postgresJsDriver(answering(undefined))
      .query(one, [], true)
      .catch((error: unknown) => error);
    expect(faultOf(lost)).toMatchObject({ code: "CONNECTION_CLOSED", answered: false });
  });

  it("that answers with no rows has answered", async () => {
    expect(await postgresJsDriver(answering([])).query(one, [], true)).toEqual([]);
  });
});

describe("pg", () => {
  it("may end a connection in the tick in which it hands it out: the statement fails, and nothing else", async () => {
    const gone = new Error("terminating connection due to administrator command");
    const client = Object.assign(new EventEmitter(), { query: () => Promise.reject(gone), release: () => {} });
    const pool = Object.assign(new EventEmitter(), {
      totalCount: 1,
      query: () => Promise.reject(gone),
      connect(done: (error: undefined, client: unknown) => void) {
        done(undefined, client);
        // Somebody listens by now, or this is thrown, as it would be out of a socket.
        client.emit("error", gone);
      },
    });
    const driver = pgDriver(pool as unknown as PgPool);
    await expect(driver.transaction("READ WRITE", async () => 1)).rejects.toBe(gone);
    expect(client.listenerCount("error")).toBe(0);
  });
});
