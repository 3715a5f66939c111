/**
 * `holdfast/postgres`: everything in a PostgreSQL database, shared by any number of processes. The client is handed in: the
 * `Pool` of `pg`, or postgres.js. What is between the two and the store (`Driver`) is withheld: it may change with either.
 */
import type { InboxStore } from "../../../ports/inbox-store.ts";
import type { Store, StoreFactory } from "../../../ports/store.ts";
import { broughtWork, withInboxNotice, withNotice, WorkNotice } from "../work-notice.ts";
import { coordinator } from "./coordinator.ts";
import { Database } from "./database.ts";
import { deadLetters } from "./dead-letters.ts";
import { documents } from "./documents.ts";
import { driverOf, type PostgresClient } from "./driver.ts";
import { guard } from "./guard.ts";
import { health } from "./health.ts";
import { idempotency } from "./idempotency.ts";
import { inbox } from "./inbox.ts";
import { migrate } from "./migrate.ts";
import { CHUNK } from "./operations/accept.ts";
import { DeadRows } from "./operations/dead-rows.ts";
import { operations, type Queue } from "./operations/index.ts";
import { Partitions } from "./operations/partitions.ts";
import { resolveOptions, type PostgresOptions } from "./options.ts";
import { steps } from "./steps.ts";
import { watermarks } from "./watermarks.ts";
import { WorkChannel } from "./work-channel.ts";

export { PostgresStoreError } from "./fault.ts";
export { transactionAdapter } from "./transaction-adapter.ts";

export type { PostgresClient } from "./driver.ts";
export type { PgPool, PgPoolClient, PgQuery, PgQueryable } from "./driver-pg.ts";
export type { PostgresOptions } from "./options.ts";
export type { PostgresJs, PostgresJsQuery, PostgresJsQueryable } from "./driver-postgres-js.ts";
export type { TransactionAdapter } from "./transaction-adapter.ts";
export type { PgListener, PostgresJsListener, PostgresListener } from "./work-channel.ts";

/**
 * Keeps everything in a PostgreSQL database (14 or later), in a schema of its own. A promise that resolves means that the
 * transaction is committed. The client stays the user's: `close()` of the store lets go of it and does not end it.
 *
 * Works through PgBouncer in transaction mode: nothing is kept in a session.
 *
 * @example
 * ```ts no-run
 * import { Pool } from "pg";
 * import { createHoldfast } from "holdfast";
 * import { postgres } from "holdfast/postgres";
 *
 * const pool = new Pool({ connectionString: process.env["DATABASE_URL"], max: 10 });
 * const hf = await createHoldfast({ store: postgres(pool) });
 * await hf.close();
 * await pool.end();
 * ```
 */
export function postgres(client: PostgresClient, options: PostgresOptions = {}): StoreFactory {
  const { schema, migrate: allowed, listen, clock, ...rest } = resolveOptions(options);
  driverOf(client).detach();

  return async (): Promise<Store> => {
    const driver = driverOf(client);
    const database = new Database(driver, { clock, ...rest });
    const partitions = new Partitions(database, schema, clock);
    try {
      await migrate(database, { schema, allowed });
      await Promise.all([database.time.measure(), partitions.tend()]);
    } catch (error) {
      driver.detach();
      throw error;
    }
    const { over, track, close } = guard(database.time);
    const notice = new WorkNotice();
    const channelName = `${schema}_work`;
    const channel = new WorkChannel(database, { name: channelName, clock, listener: listen, onNews: () => notice.tell() });
    const { queue: ownQueue, acceptWithin } = operations(database, schema, channelName);
    const queue = over(ownQueue);
    const upkeep = (): void => track(partitions.tendNowAndThen());
    const deadRows = new DeadRows(database, schema);
    const claimed = (count: number): void => {
      const cleaning = deadRows.left(count);
      if (cleaning !== undefined) track(cleaning);
    };
    const told = withNotice(tellingOthers(cleaningUp(queue, claimed), channel, upkeep), notice);
    let closing: Promise<void> | undefined;
    return {
      name: "postgres",
      idempotency: over(idempotency(database, schema)),
      deadLetters: over(deadLetters(database, schema)),
      operations: {
        ...told,
        onWork: (listener) => {
          channel.listen();
          return told.onWork(listener);
        },
      },
      coordinator: over(coordinator(database, schema)),
      watermarks: over(watermarks(database, schema)),
      steps: over(steps(database, schema)),
      inbox: withInboxNotice(tellingOfEvents(over(inbox(database, schema, { acceptWithin })), channel), notice),
      documents: over(documents(database, schema)),
      check: over(health(database, schema)).check,
      close: () =>
        (closing ??= close()
          .then(() => channel.close())
          .then(() => driver.detach())),
    };
  };
}

/** Tells other processes of work that an event brought. */
function tellingOfEvents(inboxStore: InboxStore, channel: WorkChannel): InboxStore {
  return {
    ...inboxStore,
    take: async (events) => {
      const results = await inboxStore.take(events);
      if (results.some(broughtWork)) channel.tell();
      return results;
    },
  };
}

/** Hears how many operations were claimed. */
function cleaningUp(queue: Queue, claimed: (count: number) => void): Queue {
  return {
    ...queue,
    claim: async (request) => {
      const operations = await queue.claim(request);
      claimed(operations.length);
      return operations;
    },
  };
}

/** Tells other processes of what was put into the queue or made due by somebody's word; `upkeep` is done beside what comes and goes. */
function tellingOthers(queue: Queue, channel: WorkChannel, upkeep: () => void): Queue {
  const after = async <Result>(result: Promise<Result>, isNews: (result: Result) => boolean): Promise<Result> => {
    if (isNews(await result)) channel.tell();
    return result;
  };
  return {
    ...queue,
    sweep: (now, limit) => {
      upkeep();
      return queue.sweep(now, limit);
    },
    accept: (given) => {
      upkeep();
      const notice = channel.notice();
      // A part that comes after the first of a large batch is told of by itself.
      return after(
        queue.accept(given, notice),
        (results) => (notice === undefined || given.length > CHUNK) && results.some(({ state }) => state === "accepted"),
      );
    },
    wake: (lane, now, limit) => after(queue.wake(lane, now, limit), (woken) => woken > 0),
    pause: (lane, paused, now) => after(queue.pause(lane, paused, now), () => !paused),
  };
}
