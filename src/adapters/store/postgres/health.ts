import type { Store, StoreCheck } from "../../../ports/store.ts";
import type { Database } from "./database.ts";
import { statement } from "./statement.ts";

/** The tables of states. */
const STATES = ["ready", "leased", "parked", "ended"] as const;

/** Lanes whose tally of a state is not what stands there. */
function miscounted(schema: string, state: string, from: string): readonly [fault: string, condition: string] {
  return [
    `lanes that count their ${state} operations wrongly`,
    `(SELECT lane FROM (SELECT lane, ${state} AS change FROM "${schema}".tally UNION ALL SELECT lane, -1 FROM ${from}) AS changes
      GROUP BY lane HAVING sum(change) <> 0) AS wrong`,
  ];
}

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
    [
      "operations in two states",
      `(SELECT seq FROM (${STATES.map((table) => `SELECT seq FROM "${schema}".${table}`).join(" UNION ALL ")}) AS standing
        GROUP BY seq HAVING count(*) > 1) AS twice`,
    ],
    // Those of a day lie with their day until it goes.
    [
      "operations in no state",
      `"${schema}".operation_rest AS kept WHERE ${STATES.map((table) => `NOT EXISTS (SELECT FROM "${schema}".${table} WHERE ${table}.seq = kept.seq)`).join(" AND ")}`,
    ],
    ...STATES.map(
      (table) =>
        [
          `rows of ${table} without an operation`,
          `"${schema}".${table} AS standing WHERE NOT EXISTS (SELECT FROM "${schema}".operation WHERE operation.id = standing.id AND operation.seq = standing.seq)`,
        ] as const,
    ),
    [
      "idempotency keys without an operation",
      `"${schema}".operation_key AS held WHERE NOT EXISTS (SELECT FROM "${schema}".operation WHERE operation.id = held.id AND operation.key = held.key)`,
    ],
    ["steps without a run", `"${schema}".step AS written WHERE NOT EXISTS (SELECT FROM "${schema}".run WHERE run.seq = written.run)`],
    ["runs that ended and have no end", `"${schema}".run WHERE state <> 'open' AND (ended_at IS NULL OR keep_until IS NULL)`],
    ["lanes of operations without a name", `(SELECT lane FROM "${schema}".tally EXCEPT SELECT id FROM "${schema}".lane) AS nameless`],
    ...["ready", "leased", "parked"].map((table) => miscounted(schema, table, `"${schema}".${table}`)),
    ...["succeeded", "dead", "cancelled"].map((state) => miscounted(schema, state, `"${schema}".ended WHERE state = '${state}'`)),
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
       'deadLetterGroups', (SELECT count(*) FROM "${schema}".dead_group),
       'days', (SELECT count(*) FROM pg_inherits WHERE inhparent = '"${schema}".operation'::regclass) - 1,
       'operationsOfNoDay', (SELECT count(*) FROM "${schema}".operation_rest))::text`,
  );
  return {
    check: (): Promise<StoreCheck> =>
      // However long it takes: it reads everything.
      database.snapshot(
        "look at its health",
        async (run) => {
          const facts = JSON.parse(((await run(look, []))[0] as [string])[0]) as Record<string, string | number>;
          const counts = JSON.parse(((await run(count, []))[0] as [string])[0]) as number[];
          const faults = relations.flatMap(([fault], index) => (counts[index] === 0 ? [] : [`${counts[index]} ${fault}`]));
          if (facts["fsync"] !== "on") faults.push("fsync is off in the server: a crash of its machine loses what was acknowledged");
          return {
            ok: faults.length === 0,
            faults,
            facts: { durable: true, schema, ...facts, clockOffsetMs: database.time.offsetMs },
          };
        },
        0,
      ),
  };
}
