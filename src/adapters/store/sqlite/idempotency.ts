import type { DatabaseSync } from "node:sqlite";
import type {
  BeginRequest,
  BeginResult,
  Fenced,
  FinishRequest,
  IdempotencyStore,
  KeyHolder,
  StoredAnswer,
} from "../../../ports/idempotency-store.ts";
import type { Sync } from "../sync.ts";

interface KeyRow {
  readonly seq: number;
  readonly fingerprint: string;
  readonly state: "running" | "done" | "unknown";
  readonly token: string | null;
  readonly lease_until: number | null;
  readonly doubt: number | null;
  readonly expires_at: number | null;
}

interface AnswerRow {
  /** All of the answer but its body, as JSON. */
  readonly answer: string;
  readonly body: Uint8Array;
}

/** A `finish` as its statement takes it. */
export interface FinishRow {
  readonly key: string;
  readonly token: string;
  /** Absent: the outcome is unknown. */
  readonly done?: { readonly expiresAt: number; readonly answer: string; readonly body: Uint8Array };
}

export function toFinishRow(request: FinishRequest): FinishRow {
  const { key, token } = request;
  if (request.state === "unknown") return { key, token };
  const { body, ...head } = request.answer;
  return { key, token, done: { expiresAt: request.expiresAt, answer: JSON.stringify(head), body } };
}

export interface IdempotencyVerbs extends Sync<IdempotencyStore> {
  readonly finishRows: (rows: readonly FinishRow[]) => readonly Fenced[];
}

/** Idempotency keys in one table. Runs on the writer thread, inside a transaction. */
export function idempotency(db: DatabaseSync): IdempotencyVerbs {
  // Most keys are new: the insert is tried first, and only a key that is known costs a second statement.
  const insert = db.prepare(
    "INSERT INTO idempotency (key, fingerprint, state, token, lease_until) VALUES (?, ?, 'running', ?, ?) ON CONFLICT (key) DO NOTHING",
  );
  const find = db.prepare("SELECT seq, fingerprint, state, token, lease_until, doubt, expires_at FROM idempotency WHERE key = ?");
  const claim = db.prepare(
    `UPDATE idempotency SET fingerprint = ?, state = 'running', token = ?, lease_until = ?, doubt = ?, expires_at = NULL, answer = NULL,
       body = NULL WHERE seq = ?`,
  );
  const readAnswer = db.prepare("SELECT answer, body FROM idempotency WHERE seq = ?");
  const markDone = db.prepare(
    "UPDATE idempotency SET state = 'done', token = NULL, expires_at = ?, answer = ?, body = ? WHERE key = ? AND state = 'running' AND token = ?",
  );
  const markUnknown = db.prepare(
    "UPDATE idempotency SET state = 'unknown', token = NULL WHERE key = ? AND state = 'running' AND token = ?",
  );
  const releaseInDoubt = db.prepare(
    "UPDATE idempotency SET state = 'unknown', token = NULL WHERE key = ? AND state = 'running' AND token = ? AND doubt = 1",
  );
  const releaseClean = db.prepare("DELETE FROM idempotency WHERE key = ? AND state = 'running' AND token = ?");
  const moveLease = db.prepare("UPDATE idempotency SET lease_until = ? WHERE key = ? AND state = 'running' AND token = ?");
  const clearDoubt = db.prepare(
    "DELETE FROM idempotency WHERE key = ? AND (state = 'unknown' OR (state = 'running' AND lease_until <= ?))",
  );
  const deleteExpired = db.prepare(
    "DELETE FROM idempotency WHERE seq IN (SELECT seq FROM idempotency WHERE state = 'done' AND expires_at <= ? ORDER BY expires_at LIMIT ?)",
  );

  const begin = ({ key, fingerprint, token, now, leaseUntil }: BeginRequest): BeginResult => {
    if (insert.run(key, fingerprint, token, leaseUntil).changes === 1) return { state: "claimed", earlier: "none" };
    const known = find.get(key) as unknown as KeyRow;
    const expired = known.state === "done" && (known.expires_at as number) <= now;
    if (!expired) {
      if (known.fingerprint !== fingerprint) return { state: "mismatch" };
      if (known.state === "done") return { state: "done", answer: toAnswer(readAnswer.get(known.seq) as unknown as AnswerRow) };
      if (known.state === "running" && (known.lease_until as number) > now && known.token !== token) {
        return { state: "running", leaseUntil: known.lease_until as number };
      }
    }
    const doubt = known.state === "unknown" || (known.state === "running" && (known.doubt === 1 || known.token !== token));
    claim.run(fingerprint, token, leaseUntil, doubt ? 1 : 0, known.seq);
    return { state: "claimed", earlier: doubt ? "unknown" : "none" };
  };

  const finish = ({ key, token, done }: FinishRow): Fenced =>
    fenced((done ? markDone.run(done.expiresAt, done.answer, done.body, key, token) : markUnknown.run(key, token)).changes);

  const release = ({ key, token }: KeyHolder): Fenced =>
    releaseInDoubt.run(key, token).changes === 1 ? "applied" : fenced(releaseClean.run(key, token).changes);

  return {
    begin: (requests) => requests.map(begin),
    finish: (requests) => requests.map((request) => finish(toFinishRow(request))),
    finishRows: (rows) => rows.map(finish),
    release: (requests) => requests.map(release),
    extend: (requests) => requests.map(({ key, token, leaseUntil }) => fenced(moveLease.run(leaseUntil, key, token).changes)),
    resolve: (requests) => requests.map(({ key, now }) => fenced(clearDoubt.run(key, now).changes)),
    sweep: (now, limit) => Number(deleteExpired.run(now, limit).changes),
  };
}

function fenced(changes: number | bigint): Fenced {
  return changes === 1 ? "applied" : "stale";
}

function toAnswer({ answer, body }: AnswerRow): StoredAnswer {
  return { ...(JSON.parse(answer) as Omit<StoredAnswer, "body">), body };
}
