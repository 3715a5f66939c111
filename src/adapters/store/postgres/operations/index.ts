import type { Fenced } from "../../../../ports/idempotency-store.ts";
import type { OperationStore } from "../../../../ports/operation-store.ts";
import type { Database, Run } from "../database.ts";
import { toStoreError } from "../fault.ts";
import { plainArray, textArray } from "../parameters.ts";
import { statement } from "../statement.ts";
import { transactionAdapter } from "../transaction-adapter.ts";
import { inWaves } from "../waves.ts";
import { accepting, type Accepting } from "./accept.ts";
import { backlogs, waking } from "./backlog.ts";
import { cancelling } from "./cancel.ts";
import { claiming } from "./claim.ts";
import { isUuid } from "./entry.ts";
import { laneId, Lanes } from "./lanes.ts";
import { listing } from "./listing.ts";
import { reaping } from "./reap.ts";
import { settling } from "./settle.ts";
import { sweeping } from "./sweep.ts";

export interface Queue extends Omit<OperationStore, "onWork" | "accept"> {
  readonly accept: Accepting["accept"];
  /**
   * Keeps operations in a transaction of the caller's, so that they are there if and only if it commits. See
   * {@link transactionAdapter} for what is taken.
   */
  readonly acceptIn: NonNullable<OperationStore["acceptIn"]>;
}

/** The durable queue's verbs; the busy ones are functions in the database, one round trip each. */
export function operations(
  database: Database,
  schema: string,
  channel: string,
): { readonly queue: Queue } & Pick<Accepting, "acceptWithin"> {
  const { time } = database;
  const lanes = new Lanes(schema);
  const { accept, acceptWithin } = accepting(database, schema, lanes);
  const moveLeases = statement<[id: string]>(
    `UPDATE "${schema}".leased SET lease_until = asked.lease_until
     FROM unnest(($1::text)::uuid[], ($2::text)::int4[], ($3::text)::float8[]) AS asked (id, claim, lease_until)
     WHERE leased.id = asked.id AND leased.claims = asked.claim RETURNING leased.id::text`,
  );
  const setPaused = statement<[]>(`UPDATE "${schema}".lane SET paused = ($2::text)::bool WHERE id = $1::text::uuid`);

  const extend: OperationStore["extend"] = (leases) =>
    inWaves(
      leases,
      ({ id }) => id,
      async (wave) => {
        const possible = wave.filter(({ id }) => isUuid(id));
        const rows = await database.repeatable("extend leases", moveLeases, [
          textArray(possible.map(({ id }) => id)),
          plainArray(possible.map(({ claim }) => claim)),
          plainArray(possible.map(({ leaseUntil }) => time.toDatabase(leaseUntil))),
        ]);
        const applied = new Set(rows.map(([id]) => id));
        return wave.map(({ id }): Fenced => (applied.has(id) ? "applied" : "stale"));
      },
    );

  const queue: Queue = {
    accept: (given, notice) => (given.length === 0 ? Promise.resolve([]) : accept(given, notice)),
    acceptIn: async (tx, given) => {
      const { query } = transactionAdapter(tx);
      const run = (async ({ text }, values) => (await query(text, values)).map(({ id, state, known }) => [id, state, known])) as Run;
      try {
        return given.length === 0 ? [] : await acceptWithin(run, given, channel);
      } catch (error) {
        throw toStoreError("keep operations in this transaction", error);
      }
    },
    claim: claiming(database, schema),
    settle: settling(database, schema),
    extend,
    reap: reaping(database, schema),
    backlog: backlogs(database, schema),
    wake: waking(database, schema),
    cancel: cancelling(database, schema),
    pause: async (lane, paused) => {
      await lanes.ensure((query, values) => database.repeatable("keep a lane", query, values), [lane], true);
      await database.repeatable("pause a lane", setPaused, [laneId(lane), String(paused)]);
    },
    ...listing(database, schema),
    sweep: sweeping(database, schema),
  };
  return { queue, acceptWithin };
}
