import type { DatabaseSync } from "node:sqlite";
import type { Store, StoreCheck } from "../../../ports/store.ts";
import type { Sync } from "../sync.ts";
import { firstFault } from "./connection.ts";
import { sizeOf } from "./file.ts";
import { pragma } from "./pragma.ts";

/** Relations that hold in every sound file. Each query counts the rows that break one. */
const RELATIONS: readonly (readonly [fault: string, sql: string])[] = [
  ["dead letters without a group", "SELECT count(*) AS n FROM dead WHERE fingerprint NOT IN (SELECT fingerprint FROM dead_group)"],
  ["attempts without a dead letter", "SELECT count(*) AS n FROM dead_attempt WHERE dead NOT IN (SELECT seq FROM dead)"],
  ["labels without a dead letter", "SELECT count(*) AS n FROM dead_label WHERE dead NOT IN (SELECT seq FROM dead)"],
  [
    "running keys without a holder",
    "SELECT count(*) AS n FROM idempotency WHERE state = 'running' AND (token IS NULL OR lease_until IS NULL)",
  ],
  ["done keys without an answer", "SELECT count(*) AS n FROM idempotency WHERE state = 'done' AND (body IS NULL OR expires_at IS NULL)"],
  [
    "operations in no state or in two",
    `SELECT count(*) AS n FROM operation WHERE 1 <> (SELECT count(*) FROM ready WHERE ready.seq = operation.seq)
     + (SELECT count(*) FROM leased WHERE leased.seq = operation.seq) + (SELECT count(*) FROM parked WHERE parked.seq = operation.seq)
     + (SELECT count(*) FROM ended WHERE ended.seq = operation.seq)`,
  ],
  ...["ready", "leased", "parked", "ended", "attempt", "operation_label"].map(
    (table) =>
      [`rows of ${table} without an operation`, `SELECT count(*) AS n FROM ${table} WHERE seq NOT IN (SELECT seq FROM operation)`] as const,
  ),
  ...["ready", "leased", "parked"].map(
    (table) =>
      [
        `lanes that count their ${table} operations wrongly`,
        `SELECT count(*) AS n FROM lane WHERE ${table} <> (SELECT count(*) FROM ${table} AS t WHERE t.lane = lane.seq)`,
      ] as const,
  ),
  ...["succeeded", "dead", "cancelled"].map(
    (state) =>
      [
        `lanes that count their ${state} operations wrongly`,
        `SELECT count(*) AS n FROM (SELECT lane, count(*) AS found FROM ended WHERE state = '${state}' GROUP BY lane) AS e JOIN lane ON lane.seq = e.lane WHERE lane.${state} <> e.found`,
      ] as const,
  ),
];

/** Looks through the whole file and at what must hold between its tables. Takes long on a large file; runs beside the writer. */
export function health(path: string, db: DatabaseSync): Sync<Pick<Store, "check">> {
  const count = (sql: string): number => (db.prepare(sql).get() as { n: number }).n;
  return {
    check: (): StoreCheck => {
      const damage = firstFault(db);
      const faults = damage === undefined ? [] : [`the file is damaged: ${damage}`];
      if (damage === undefined) {
        for (const [fault, sql] of RELATIONS) {
          const rows = count(sql);
          if (rows > 0) faults.push(`${rows} ${fault}`);
        }
      }
      return {
        ok: faults.length === 0,
        faults,
        facts: {
          durable: true,
          path,
          sqliteVersion: (db.prepare("SELECT sqlite_version() AS version").get() as { version: string }).version,
          schemaVersion: pragma(db, "user_version"),
          journalMode: pragma(db, "journal_mode"),
          fileBytes: sizeOf(path),
          logBytes: sizeOf(`${path}-wal`),
          operations: count("SELECT count(*) AS n FROM operation"),
          lanes: count("SELECT count(*) AS n FROM lane"),
          idempotencyKeys: count("SELECT count(*) AS n FROM idempotency"),
          deadLetters: count("SELECT count(*) AS n FROM dead"),
          deadLetterGroups: count("SELECT count(*) AS n FROM dead_group"),
        },
      };
    },
  };
}
