import type { DatabaseSync } from "node:sqlite";
import type { OperationState } from "../../../../ports/operation-store.ts";

type Counts = Record<OperationState, number>;

/**
 * How the counts of lanes change in the transaction at hand. They are written once at its end, so that a group of five
 * hundred moves in one lane is one update of its row. A transaction that is rolled back takes its changes with it.
 */
export class Tally {
  readonly #changes = new Map<number, Counts>();
  readonly #update;

  constructor(db: DatabaseSync) {
    this.#update = db.prepare(
      `UPDATE lane SET ready = ready + ?, leased = leased + ?, parked = parked + ?, succeeded = succeeded + ?, dead = dead + ?,
         cancelled = cancelled + ? WHERE seq = ?`,
    );
  }

  add(lane: number, state: OperationState, count: number): void {
    let counts = this.#changes.get(lane);
    if (!counts) this.#changes.set(lane, (counts = { ready: 0, leased: 0, parked: 0, succeeded: 0, dead: 0, cancelled: 0 }));
    counts[state] += count;
  }

  move(lane: number, from: OperationState, to: OperationState, count: number): void {
    this.add(lane, from, -count);
    this.add(lane, to, count);
  }

  /** Before COMMIT. */
  write(): void {
    for (const [lane, { ready, leased, parked, succeeded, dead, cancelled }] of this.#changes) {
      this.#update.run(ready, leased, parked, succeeded, dead, cancelled, lane);
    }
    this.#changes.clear();
  }

  /** After ROLLBACK. */
  forget(): void {
    this.#changes.clear();
  }
}
