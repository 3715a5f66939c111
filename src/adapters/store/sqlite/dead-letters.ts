import type { DatabaseSync } from "node:sqlite";
import type {
  AttemptRecord,
  ChangeResult,
  DeadLetter,
  DeadLetterChange,
  DeadLetterStore,
  NewDeadLetter,
} from "../../../ports/dead-letter-store.ts";
import type { Sync } from "../sync.ts";
import { letterReader, type DeadRow } from "./dead-letter-entry.ts";
import { listing } from "./dead-letter-listing.ts";

/** Dead letters, their history, labels and groups. Verbs that write run on the writer thread, inside a transaction. */
export function deadLetters(db: DatabaseSync): Sync<DeadLetterStore> {
  const insert = db.prepare(
    `INSERT INTO dead (id, api, endpoint, partition, reason, because, fingerprint, title, operation, idempotency_key, labels,
       first_attempt_at, died_at, state, revision, replays, changed_at, request_method, request_url, request_headers, request_body)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'open', 1, 0, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING`,
  );
  const insertLabel = db.prepare("INSERT INTO dead_label (name, value, dead) VALUES (?, ?, ?)");
  const countAttempts = db.prepare("SELECT coalesce(max(position), 0) AS last FROM dead_attempt WHERE dead = ?");
  const insertAttempt = db.prepare("INSERT INTO dead_attempt (dead, position, record) VALUES (?, ?, ?)");
  const insertGroup = db.prepare(
    `INSERT INTO dead_group (fingerprint, title, api, endpoint, reason, state, regressed, changed_at) VALUES (?, ?, ?, ?, ?, 'open', 0, ?)
     ON CONFLICT (fingerprint) DO NOTHING`,
  );
  const reopenGroup = db.prepare(
    "UPDATE dead_group SET state = 'open', regressed = 1, changed_at = ? WHERE fingerprint = ? AND state = 'resolved'",
  );
  const setGroup = db.prepare("UPDATE dead_group SET state = ?, regressed = 0, changed_at = ? WHERE fingerprint = ?");
  const toLetter = letterReader(db);
  const find = db.prepare("SELECT * FROM dead WHERE id = ?");
  const findHead = db.prepare(
    "SELECT seq, api, endpoint, reason, because, fingerprint, title, state, revision, note FROM dead WHERE id = ?",
  );
  const update = db.prepare(
    `UPDATE dead SET state = ?, reason = ?, because = ?, fingerprint = ?, title = ?, note = ?, replays = replays + ?,
       revision = revision + 1, changed_at = ? WHERE seq = ?`,
  );
  const listSettled = db.prepare(
    "SELECT seq FROM dead WHERE state IN ('resolved', 'discarded') AND changed_at <= ? ORDER BY changed_at, seq LIMIT ?",
  );
  const deleteLetter = db.prepare("DELETE FROM dead WHERE seq = ?");
  const deleteAttempts = db.prepare("DELETE FROM dead_attempt WHERE dead = ?");
  const deleteLabel = db.prepare("DELETE FROM dead_label WHERE name = ? AND value = ? AND dead = ?");
  const readLabels = db.prepare("SELECT labels FROM dead WHERE seq = ?");

  const appendAttempts = (dead: number, attempts: readonly AttemptRecord[]): void => {
    if (attempts.length === 0) return;
    let { last } = countAttempts.get(dead) as { last: number };
    for (const attempt of attempts) insertAttempt.run(dead, (last += 1), JSON.stringify(attempt));
  };

  /** Makes the letter's group where it is new; a letter that is open re-opens it where it was resolved. */
  const joinGroup = (letter: Pick<DeadLetter, "fingerprint" | "title" | "api" | "endpoint" | "reason" | "state">, now: number): void => {
    const { fingerprint, title, api, endpoint, reason, state } = letter;
    const { changes } = insertGroup.run(fingerprint, title, api, endpoint, reason, now);
    if (changes === 0 && state === "open") reopenGroup.run(now, fingerprint);
  };

  const add = (letter: NewDeadLetter): void => {
    const { request } = letter;
    const { changes, lastInsertRowid } = insert.run(
      letter.id,
      letter.api,
      letter.endpoint,
      letter.partition,
      letter.reason,
      JSON.stringify(letter.because),
      letter.fingerprint,
      letter.title,
      letter.operation ?? null,
      letter.idempotencyKey ?? null,
      JSON.stringify(letter.labels),
      letter.firstAttemptAt,
      letter.diedAt,
      letter.diedAt,
      request?.method ?? null,
      request?.url ?? null,
      request ? JSON.stringify(request.headers) : null,
      request?.body ?? null,
    );
    if (changes === 0) return;
    const seq = Number(lastInsertRowid);
    for (const [name, value] of Object.entries(letter.labels)) insertLabel.run(name, value, seq);
    appendAttempts(seq, letter.attempts);
    joinGroup({ ...letter, state: "open" }, letter.diedAt);
  };

  const change = (wanted: DeadLetterChange): ChangeResult => {
    const old = findHead.get(wanted.id) as unknown as DeadRow | undefined;
    if (!old) return "missing";
    if (old.revision !== wanted.revision) return "stale";
    const { fingerprint, title } = wanted.group ?? old;
    const reason = wanted.reason ?? old.reason;
    update.run(
      wanted.state,
      reason,
      wanted.because ? JSON.stringify(wanted.because) : old.because,
      fingerprint,
      title,
      wanted.note ?? old.note,
      wanted.replayed === true ? 1 : 0,
      wanted.now,
      old.seq,
    );
    appendAttempts(old.seq, wanted.attempts ?? []);
    const moved = fingerprint !== old.fingerprint;
    if (moved || (wanted.state === "open" && old.state !== "open")) {
      joinGroup({ fingerprint, title, api: old.api, endpoint: old.endpoint, reason, state: wanted.state }, wanted.now);
    }
    return "applied";
  };

  const sweep = (before: number, limit: number): number => {
    const seqs = (listSettled.all(before, limit) as { seq: number }[]).map(({ seq }) => seq);
    for (const seq of seqs) {
      const labels = JSON.parse((readLabels.get(seq) as { labels: string }).labels) as Record<string, string>;
      for (const [name, value] of Object.entries(labels)) deleteLabel.run(name, value, seq);
      deleteAttempts.run(seq);
      deleteLetter.run(seq);
    }
    return seqs.length;
  };

  return {
    add: (letters) => letters.forEach(add),
    get: (id) => {
      const row = find.get(id) as unknown as DeadRow | undefined;
      return row && toLetter(row);
    },
    ...listing(db),
    change: (changes) => changes.map(change),
    setGroupState: (fingerprint, state, now) => setGroup.run(state, now, fingerprint).changes === 1,
    sweep,
  };
}
