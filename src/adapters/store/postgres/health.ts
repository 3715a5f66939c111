import type { Store, StoreCheck } from "../../../ports/store.ts";
import type { Database } from "./database.ts";
import { statement } from "./statement.ts";

/** Looks at the server's settings and at what must hold between the tables. */
export function health(database: Database, schema: string): Pick<Store, "check"> {
  /** Relations that hold in every sound schema. Each query counts the rows that break one. */
  const relations: readonly (readonly [fault: string, condition: string])[] = [
    [
      "dead letters without a group",
      `"${schema}".dead AS letter WHERE NOT EXISTS (SELECT FROM "${schema}".dead_group AS known WHERE known.fingerprint = letter.fingerprint)`,
    ],
    [
      "attempts without a dead letter",
      `"${schema}".dead_attempt AS attempt WHERE NOT EXISTS (SELECT FROM "${schema}".dead AS letter WHERE letter.seq = attempt.dead)`,
    ],
    ["running keys without a holder", `"${schema}".idempotency WHERE state = 'running' AND token IS NULL`],
    ["done keys without an answer", `"${schema}".idempotency WHERE state = 'done' AND (body IS NULL OR expires_at IS NULL)`],
  ];
  const count = statement<[faults: string]>(
    `SELECT json_build_array(${relations.map(([, from]) => `(SELECT count(*) FROM ${from})`).join(", ")})::text`,
  );
  const look = statement<[facts: string]>(
    `SELECT json_build_object(
       'serverVersion', current_setting('server_version'), 'database', current_database(), 'role', current_user,
       'fsync', current_setting('fsync'), 'synchronousCommit', current_setting('synchronous_commit'),
       'schemaVersion', (SELECT max(number) FROM "${schema}".migration),
       'tableBytes', (SELECT coalesce(sum(pg_total_relation_size(oid)), 0) FROM pg_class WHERE relnamespace = '"${schema}"'::regnamespace AND relkind = 'r'),
       'idempotencyKeys', (SELECT count(*) FROM "${schema}".idempotency),
       'deadLetters', (SELECT count(*) FROM "${schema}".dead),
       'deadLetterGroups', (SELECT count(*) FROM "${schema}".dead_group))::text`,
  );
  return {
    check: (): Promise<StoreCheck> =>
      database.snapshot("look at its health", async (run) => {
        const facts = JSON.parse(((await run(look, []))[0] as [string])[0]) as Record<string, string | number>;
        const counts = JSON.parse(((await run(count, []))[0] as [string])[0]) as number[];
        const faults = relations.flatMap(([fault], index) => (counts[index] === 0 ? [] : [`${counts[index]} ${fault}`]));
        if (facts["fsync"] !== "on") faults.push("fsync is off in the server: a crash of its machine loses what was acknowledged");
        return {
          ok: faults.length === 0,
          faults,
          facts: { durable: true, schema, ...facts, clockOffsetMs: database.time.offsetMs },
        };
      }),
  };
}
