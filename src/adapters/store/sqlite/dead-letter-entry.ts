import type { DatabaseSync } from "node:sqlite";
import type { AttemptRecord, DeadLetter } from "../../../ports/dead-letter-store.ts";

/** A row of the table `dead`. */
export interface DeadRow {
  readonly seq: number;
  readonly id: string;
  readonly api: string;
  readonly endpoint: string;
  readonly partition: string;
  readonly reason: DeadLetter["reason"];
  readonly because: string;
  readonly fingerprint: string;
  readonly title: string;
  readonly operation: string | null;
  readonly idempotency_key: string | null;
  readonly labels: string;
  readonly first_attempt_at: number;
  readonly died_at: number;
  readonly state: DeadLetter["state"];
  readonly revision: number;
  readonly replays: number;
  readonly changed_at: number;
  readonly note: string | null;
  readonly request_method: string | null;
  readonly request_url: string | null;
  readonly request_headers: string | null;
  readonly request_body: Uint8Array | null;
}

/** Makes letters of rows; their history comes from its own table. */
export function letterReader(db: DatabaseSync): (row: DeadRow) => DeadLetter {
  const readAttempts = db.prepare("SELECT record FROM dead_attempt WHERE dead = ? ORDER BY position");
  return (row) => ({
    id: row.id,
    api: row.api,
    endpoint: row.endpoint,
    partition: row.partition,
    reason: row.reason,
    because: JSON.parse(row.because) as DeadLetter["because"],
    fingerprint: row.fingerprint,
    title: row.title,
    ...(row.request_method !== null && {
      request: {
        method: row.request_method,
        url: row.request_url as string,
        headers: JSON.parse(row.request_headers as string) as [string, string][],
        ...(row.request_body !== null && { body: row.request_body }),
      },
    }),
    ...(row.operation !== null && { operation: row.operation }),
    ...(row.idempotency_key !== null && { idempotencyKey: row.idempotency_key }),
    labels: JSON.parse(row.labels) as Record<string, string>,
    attempts: readAttempts.all(row.seq).map((attempt) => JSON.parse(attempt["record"] as string) as AttemptRecord),
    firstAttemptAt: row.first_attempt_at,
    diedAt: row.died_at,
    state: row.state,
    revision: row.revision,
    replays: row.replays,
    changedAt: row.changed_at,
    ...(row.note !== null && { note: row.note }),
  });
}
