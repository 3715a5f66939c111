import type { DatabaseSync } from "node:sqlite";
import type { Because } from "../../../../core/decision.ts";
import type { DeadLetterStore } from "../../../../ports/dead-letter-store.ts";
import type { Fenced } from "../../../../ports/idempotency-store.ts";
import { CANCELLED_KEPT_MS, type Settlement } from "../../../../ports/operation-store.ts";
import type { Sync } from "../../sync.ts";
import { PLACE, type Place } from "./entry.ts";
import type { Tally } from "./tally.ts";

/** A row that has been taken out of its table and is on its way to another. */
export interface Moving extends Place {
  readonly cancel?: string | null;
}

/** The inserts into the tables of states. The caller has deleted the row from the table that it was in. */
export interface Moves {
  ready(row: Moving): void;
  parked(row: Moving, until: number, because: Because, now: number): void;
  ended(row: Moving, end: End): void;
}

export interface End {
  readonly state: "succeeded" | "dead" | "cancelled";
  readonly since: number;
  readonly keepUntil: number | null;
  /** JSON. */
  readonly because: string | null;
  readonly answer?: { readonly head: string; readonly body: Uint8Array };
}

export function moves(db: DatabaseSync): Moves {
  const insertReady = db.prepare(`INSERT INTO ready (${PLACE}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`);
  const insertParked = db.prepare(`INSERT INTO parked (${PLACE}, since, breaker, because) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`);
  const insertEnded = db.prepare(
    "INSERT INTO ended (seq, lane, state, claims, since, keep_until, because, answer, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
  );
  return {
    ready: ({ seq, lane, flow, rank, due_at, claims, attempts, delay, vanished, doubt }) =>
      void insertReady.run(seq, lane, flow, rank, due_at, claims, attempts, delay, vanished, doubt),
    parked: ({ seq, lane, flow, rank, claims, attempts, delay, vanished, doubt }, until, because, now) => {
      const breaker = because.code === "breaker-open" ? 1 : 0;
      insertParked.run(seq, lane, flow, rank, until, claims, attempts, delay, vanished, doubt, now, breaker, JSON.stringify(because));
    },
    ended: ({ seq, lane, claims }, { state, since, keepUntil, because, answer }) =>
      void insertEnded.run(seq, lane, state, claims, since, keepUntil, because, answer?.head ?? null, answer?.body ?? null),
  };
}

export function cancelled(because: string, now: number): End {
  return { state: "cancelled", since: now, keepUntil: now + CANCELLED_KEPT_MS, because };
}

/** Writes down what became of a claimed operation, if its claim still holds. */
export function settling(
  db: DatabaseSync,
  letters: Pick<Sync<DeadLetterStore>, "add">,
  move: Moves,
  tally: Tally,
): (settlement: Settlement) => Fenced {
  const take = db.prepare(
    `DELETE FROM leased WHERE seq = (SELECT seq FROM operation WHERE id = ?) AND claims = ? RETURNING ${PLACE}, cancel`,
  );
  const insertAttempt = db.prepare(
    "INSERT INTO attempt (seq, position, record) SELECT ?1, coalesce(max(position), 0) + 1, ?2 FROM attempt WHERE seq = ?1",
  );

  /** Puts the row where its outcome says. One that was asked to cancel does not come back. */
  const place = (row: Moving, { outcome, now }: Settlement): Settlement["outcome"]["state"] => {
    switch (outcome.state) {
      case "succeeded": {
        const { keepUntil, answer } = outcome;
        const kept = answer && { head: JSON.stringify({ ...answer, body: undefined }), body: answer.body };
        move.ended(row, { state: "succeeded", since: now, keepUntil, because: null, ...(kept && { answer: kept }) });
        return "succeeded";
      }
      case "dead":
        letters.add([outcome.letter]);
        move.ended(row, { state: "dead", since: now, keepUntil: null, because: JSON.stringify(outcome.letter.because) });
        return "dead";
      case "cancelled":
        move.ended(row, cancelled(JSON.stringify(outcome.because), now));
        return "cancelled";
      case "parked":
      case "ready":
        if (row.cancel != null) {
          move.ended(row, cancelled(row.cancel, now));
          return "cancelled";
        }
        if (outcome.state === "ready") move.ready(row);
        else move.parked({ ...row, delay: outcome.delayMs }, outcome.until, outcome.because, now);
        return outcome.state;
    }
  };

  return (settlement) => {
    const { id, claim, attempt } = settlement;
    const row = take.get(id, claim) as unknown as Moving | undefined;
    if (!row) return "stale";
    if (attempt) insertAttempt.run(row.seq, JSON.stringify(attempt));
    const tried = attempt ? { ...row, attempts: attempt.attempt, doubt: 0 } : row;
    tally.move(row.lane, "leased", place(tried, settlement), 1);
    return "applied";
  };
}
