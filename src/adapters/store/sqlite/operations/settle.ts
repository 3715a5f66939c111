import type { DatabaseSync } from "node:sqlite";
import type { DeadLetterStore, NewDeadLetter } from "../../../../ports/dead-letter-store.ts";
import type { Fenced } from "../../../../ports/idempotency-store.ts";
import { CANCELLED_KEPT_MS, type OperationState, type Settlement } from "../../../../ports/operation-store.ts";
import type { Sync } from "../../sync.ts";
import { PLACE, type HeldPlaces, type Place } from "./entry.ts";
import type { Tally } from "./tally.ts";

/** A row that has been taken out of its table and is on its way to another. */
export interface Moving extends Place {
  readonly cancel?: string | null;
}

/** The inserts into the tables of states. The caller has deleted the row from the table that it was in. */
export interface Moves {
  ready(row: Moving): void;
  parked(row: Moving, rest: Extract<SettlementRow["outcome"], { readonly state: "parked" }>, now: number): void;
  /** With the attempt that it ended with, as JSON, if there was one. */
  ended(row: Moving, end: End, attempt?: string): void;
}

export interface End {
  readonly state: "succeeded" | "dead" | "cancelled";
  readonly since: number;
  readonly keepUntil: number | null;
  /** JSON. */
  readonly because: string | null;
  readonly answer?: KeptAnswer;
}

/** An answer as its columns take it: all of it but the body, as JSON, and the body. */
export interface KeptAnswer {
  readonly head: string;
  readonly body: Uint8Array;
}

/** A settlement as its statements take it; what is kept as JSON is JSON. */
export interface SettlementRow {
  readonly id: string;
  readonly claim: number;
  readonly now: number;
  readonly attempt?: { readonly number: number; readonly record: string };
  readonly outcome:
    | { readonly state: "succeeded"; readonly keepUntil: number; readonly answer?: KeptAnswer }
    | { readonly state: "parked"; readonly until: number; readonly because: string; readonly breaker: boolean; readonly delayMs: number }
    | { readonly state: "dead"; readonly letter: NewDeadLetter }
    | { readonly state: "cancelled"; readonly because: string }
    | { readonly state: "ready" };
}

export function toSettlementRow({ id, claim, now, attempt, outcome }: Settlement): SettlementRow {
  return {
    id,
    claim,
    now,
    ...(attempt && { attempt: { number: attempt.attempt, record: JSON.stringify(attempt) } }),
    outcome: toOutcomeRow(outcome),
  };
}

function toOutcomeRow(outcome: Settlement["outcome"]): SettlementRow["outcome"] {
  switch (outcome.state) {
    case "succeeded": {
      const { state, keepUntil, answer } = outcome;
      if (!answer) return { state, keepUntil };
      const { body, ...head } = answer;
      return { state, keepUntil, answer: { head: JSON.stringify(head), body } };
    }
    case "parked": {
      const { state, until, because, delayMs } = outcome;
      return { state, until, because: JSON.stringify(because), breaker: because.code === "breaker-open", delayMs };
    }
    case "cancelled":
      return { state: "cancelled", because: JSON.stringify(outcome.because) };
    case "dead":
    case "ready":
      return outcome;
  }
}

export function moves(db: DatabaseSync): Moves {
  const insertReady = db.prepare(`INSERT INTO ready (${PLACE}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`);
  const insertParked = db.prepare(`INSERT INTO parked (${PLACE}, since, breaker, because) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`);
  const insertEnded = db.prepare(
    "INSERT INTO ended (seq, lane, state, claims, since, keep_until, because, attempt, answer, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
  );
  return {
    ready: ({ seq, lane, flow, rank, due_at, claims, attempts, delay, vanished, doubt }) =>
      void insertReady.run(seq, lane, flow, rank, due_at, claims, attempts, delay, vanished, doubt),
    parked: ({ seq, lane, flow, rank, claims, attempts, vanished, doubt }, { until, because, breaker, delayMs }, now) =>
      void insertParked.run(seq, lane, flow, rank, until, claims, attempts, delayMs, vanished, doubt, now, breaker ? 1 : 0, because),
    ended: ({ seq, lane, claims }, { state, since, keepUntil, because, answer }, attempt) =>
      void insertEnded.run(
        seq,
        lane,
        state,
        claims,
        since,
        keepUntil,
        because,
        attempt ?? null,
        answer?.head ?? null,
        answer?.body ?? null,
      ),
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
  held: HeldPlaces,
): (settlement: SettlementRow) => Fenced {
  const takeHeld = db.prepare("DELETE FROM leased WHERE seq = ? AND claims = ?");
  const take = db.prepare(
    `DELETE FROM leased WHERE seq = (SELECT seq FROM operation WHERE id = ?) AND claims = ? RETURNING ${PLACE}, cancel`,
  );
  const readCancel = db.prepare("SELECT cancel FROM leased WHERE seq = ? AND claims = ?");
  // A claim settles once, so that its number is the place of its attempt in the history.
  const insertAttempt = db.prepare("INSERT INTO attempt (seq, position, record) VALUES (?, ?, ?)");

  const readRow = (id: string, claim: number): Moving | undefined => take.get(id, claim) as unknown as Moving | undefined;

  /** Takes the row out of its lease. One that this process claimed is known, but for whether somebody asked to cancel it. */
  const takeRow = ({ id, claim, outcome }: SettlementRow): Moving | undefined => {
    const known = held.take(id, claim);
    if (!known) return readRow(id, claim);
    const comesBack = outcome.state === "parked" || outcome.state === "ready";
    const cancel = comesBack ? ((readCancel.get(known.seq, claim) as { cancel: string | null } | undefined)?.cancel ?? null) : null;
    return takeHeld.run(known.seq, claim).changes === 1 ? { ...known, cancel } : readRow(id, claim);
  };

  /** Puts the row where its outcome says. One that was asked to cancel does not come back. */
  const place = (row: Moving, { outcome, now, attempt }: SettlementRow): OperationState => {
    const end = (state: End): OperationState => {
      move.ended(row, state, attempt?.record);
      return state.state;
    };
    switch (outcome.state) {
      case "succeeded":
        return end({ ...outcome, since: now, because: null });
      case "dead":
        letters.add([outcome.letter]);
        return end({ state: "dead", since: now, keepUntil: null, because: JSON.stringify(outcome.letter.because) });
      case "cancelled":
        return end(cancelled(outcome.because, now));
      case "parked":
      case "ready":
        if (row.cancel != null) return end(cancelled(row.cancel, now));
        if (attempt) insertAttempt.run(row.seq, row.claims, attempt.record);
        if (outcome.state === "ready") move.ready(row);
        else move.parked(row, outcome, now);
        return outcome.state;
    }
  };

  return (settlement) => {
    const { attempt } = settlement;
    const row = takeRow(settlement);
    if (!row) return "stale";
    const tried = attempt ? { ...row, attempts: attempt.number, doubt: 0 } : row;
    tally.move(row.lane, "leased", place(tried, settlement), 1);
    return "applied";
  };
}
