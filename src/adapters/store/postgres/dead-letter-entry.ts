import type { AttemptRecord, DeadLetter, NewDeadLetter } from "../../../ports/dead-letter-store.ts";
import type { DatabaseTime } from "./database-time.ts";
import { hashOf } from "./hash.ts";
import { hex, packText, unpackText } from "./parameters.ts";

/** A row of the table `dead` with its history, as {@link letterColumns} reads it. */
export type DeadRow = readonly [
  seq: number,
  diedAt: number,
  /** All short columns as JSON. */
  head: string,
  labels: string,
  body: Uint8Array | null,
  /** Its attempts as a JSON array. */
  attempts: string | null,
];

interface DeadHead {
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
  readonly first_attempt_at: number;
  readonly state: DeadLetter["state"];
  readonly revision: number;
  readonly replays: number;
  readonly changed_at: number;
  readonly note: string | null;
  readonly request_method: string | null;
  readonly request_url: string | null;
  readonly request_headers: string | null;
}

/** The columns of a {@link DeadRow}; `dead` names the row. */
export function letterColumns(schema: string): string {
  return `dead.seq::float8, dead.died_at,
    json_build_object('id', dead.id, 'api', dead.api, 'endpoint', dead.endpoint, 'partition', dead.partition, 'reason', dead.reason,
      'because', dead.because, 'fingerprint', dead.fingerprint, 'title', dead.title, 'operation', dead.operation,
      'idempotency_key', dead.idempotency_key, 'first_attempt_at', dead.first_attempt_at, 'state', dead.state, 'revision', dead.revision,
      'replays', dead.replays, 'changed_at', dead.changed_at, 'note', dead.note, 'request_method', dead.request_method,
      'request_url', dead.request_url, 'request_headers', dead.request_headers)::text,
    dead.labels, dead.request_body,
    (SELECT '[' || string_agg(record, ',' ORDER BY revision, position) || ']' FROM "${schema}".dead_attempt WHERE dead_attempt.dead = dead.seq)`;
}

export function toLetter([, diedAt, text, labels, body, attempts]: DeadRow, time: DatabaseTime): DeadLetter {
  const head = JSON.parse(text) as DeadHead;
  return {
    id: unpackText(head.id),
    api: unpackText(head.api),
    endpoint: unpackText(head.endpoint),
    partition: unpackText(head.partition),
    reason: head.reason,
    because: JSON.parse(head.because) as DeadLetter["because"],
    fingerprint: unpackText(head.fingerprint),
    title: unpackText(head.title),
    ...(head.request_method !== null && {
      request: {
        method: unpackText(head.request_method),
        url: unpackText(head.request_url as string),
        headers: JSON.parse(head.request_headers as string) as [string, string][],
        ...(body !== null && { body: new Uint8Array(body) }),
      },
    }),
    ...(head.operation !== null && { operation: unpackText(head.operation) }),
    ...(head.idempotency_key !== null && { idempotencyKey: unpackText(head.idempotency_key) }),
    labels: JSON.parse(labels) as Record<string, string>,
    attempts: attempts === null ? [] : (JSON.parse(attempts) as AttemptRecord[]),
    firstAttemptAt: time.fromDatabase(head.first_attempt_at),
    diedAt: time.fromDatabase(diedAt),
    state: head.state,
    revision: head.revision,
    replays: head.replays,
    changedAt: time.fromDatabase(head.changed_at),
    ...(head.note !== null && { note: unpackText(head.note) }),
  };
}

/** Letters as `add_letters_1` takes them: one JSON text, since there are few of them, with many columns. */
export function letterRecords(letters: readonly NewDeadLetter[], time: DatabaseTime): string {
  return JSON.stringify(
    letters.map(({ request, ...letter }) => ({
      id: packText(letter.id),
      api: packText(letter.api),
      endpoint: packText(letter.endpoint),
      partition: packText(letter.partition),
      reason: letter.reason,
      because: JSON.stringify(letter.because),
      fingerprint: packText(letter.fingerprint),
      title: packText(letter.title),
      operation: letter.operation === undefined ? null : packText(letter.operation),
      idempotency_key: letter.idempotencyKey === undefined ? null : packText(letter.idempotencyKey),
      labels: JSON.stringify(letter.labels),
      label_hashes: labelHashes(letter.labels),
      first_attempt_at: time.toDatabase(letter.firstAttemptAt),
      died_at: time.toDatabase(letter.diedAt),
      request_method: request ? packText(request.method) : null,
      request_url: request ? packText(request.url) : null,
      request_headers: request ? JSON.stringify(request.headers) : null,
      request_body: request?.body ? hex(request.body) : null,
      attempts: letter.attempts.map((attempt) => JSON.stringify(attempt)),
    })),
  );
}

/** What labels are found by. */
export function labelHashes(labels: Readonly<Record<string, string>>): string[] {
  return Object.entries(labels).map(([name, value]) => hashOf(name, value));
}
