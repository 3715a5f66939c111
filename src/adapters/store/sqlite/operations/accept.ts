import type { DatabaseSync } from "node:sqlite";
import type { AcceptResult } from "../../../../ports/operation-store.ts";
import type { OperationRow } from "./entry.ts";
import type { Lanes } from "./lanes.ts";
import type { Tally } from "./tally.ts";

/** Keeps an operation, unless its id or its key is known. */
export function accepting(db: DatabaseSync, lanes: Lanes, tally: Tally): (row: OperationRow) => AcceptResult {
  const insert = db.prepare(
    `INSERT INTO operation (id, lane, api, flow, idempotency_key, fingerprint, head, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT DO NOTHING`,
  );
  const insertLabel = db.prepare("INSERT INTO operation_label (name, value, seq) VALUES (?, ?, ?)");
  const insertReady = db.prepare("INSERT INTO ready (seq, lane, flow, rank, due_at) VALUES (?, ?, ?, ?, ?)");
  const insertParked = db.prepare("INSERT INTO parked (seq, lane, flow, rank, due_at, since) VALUES (?, ?, ?, ?, ?, ?)");
  const findId = db.prepare("SELECT seq FROM operation WHERE id = ?");
  const findKey = db.prepare("SELECT id, fingerprint FROM operation WHERE api = ? AND idempotency_key = ?");

  const known = ({ id, api, idempotencyKey, fingerprint }: OperationRow): AcceptResult => {
    if (findId.get(id)) return { state: "known", id };
    const earlier = findKey.get(api, idempotencyKey) as { id: string; fingerprint: string };
    return { state: earlier.fingerprint === fingerprint ? "known" : "mismatch", id: earlier.id };
  };

  return (row) => {
    const { id, api, flow, rank, idempotencyKey, fingerprint, labels, acceptedAt, dueAt, head, body } = row;
    const lane = lanes.number(row);
    const { changes, lastInsertRowid } = insert.run(id, lane, api, flow, idempotencyKey, fingerprint, head, body);
    if (changes === 0) return known(row);
    for (let index = 0; index < labels.length; index += 2) {
      insertLabel.run(labels[index] as string, labels[index + 1] as string, lastInsertRowid);
    }
    if (dueAt > acceptedAt) {
      insertParked.run(lastInsertRowid, lane, flow, rank, dueAt, acceptedAt);
      tally.add(lane, "parked", 1);
    } else {
      insertReady.run(lastInsertRowid, lane, flow, rank, dueAt);
      tally.add(lane, "ready", 1);
    }
    return { state: "accepted", id };
  };
}
