import type { DatabaseSync } from "node:sqlite";
import type { AcceptResult, NewOperation } from "../../../../ports/operation-store.ts";
import { toHead } from "./entry.ts";
import type { Lanes } from "./lanes.ts";
import type { Tally } from "./tally.ts";

/** Keeps an operation, unless its id or its key is known. */
export function accepting(db: DatabaseSync, lanes: Lanes, tally: Tally): (operation: NewOperation) => AcceptResult {
  const insert = db.prepare(
    `INSERT INTO operation (id, lane, api, flow, idempotency_key, fingerprint, head, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT DO NOTHING`,
  );
  const insertLabel = db.prepare("INSERT INTO operation_label (name, value, seq) VALUES (?, ?, ?)");
  const insertReady = db.prepare("INSERT INTO ready (seq, lane, flow, rank, due_at) VALUES (?, ?, ?, ?, ?)");
  const insertParked = db.prepare("INSERT INTO parked (seq, lane, flow, rank, due_at, since) VALUES (?, ?, ?, ?, ?, ?)");
  const findId = db.prepare("SELECT seq FROM operation WHERE id = ?");
  const findKey = db.prepare("SELECT id, fingerprint FROM operation WHERE api = ? AND idempotency_key = ?");

  const known = ({ id, api, idempotencyKey, fingerprint }: NewOperation): AcceptResult => {
    if (findId.get(id)) return { state: "known", id };
    const earlier = findKey.get(api, idempotencyKey as string) as { id: string; fingerprint: string };
    return { state: earlier.fingerprint === fingerprint ? "known" : "mismatch", id: earlier.id };
  };

  return (operation) => {
    const { id, api, flow, idempotencyKey, fingerprint, labels, priority, acceptedAt, dueAt, request } = operation;
    const lane = lanes.number(operation);
    const { changes, lastInsertRowid } = insert.run(
      id,
      lane,
      api,
      flow,
      idempotencyKey ?? null,
      fingerprint,
      toHead(operation),
      request.body ?? null,
    );
    if (changes === 0) return known(operation);
    for (const [name, value] of Object.entries(labels)) insertLabel.run(name, value, lastInsertRowid);
    if (dueAt > acceptedAt) {
      insertParked.run(lastInsertRowid, lane, flow, -priority, dueAt, acceptedAt);
      tally.add(lane, "parked", 1);
    } else {
      insertReady.run(lastInsertRowid, lane, flow, -priority, dueAt);
      tally.add(lane, "ready", 1);
    }
    return { state: "accepted", id };
  };
}
