import type { Clock } from "../../../../ports/clock.ts";
import type { Database } from "../database.ts";
import { statement } from "../statement.ts";

/** Days that have their partition before they begin. */
const AHEAD = 3;
const EVERY_MS = 3_600_000;

/** Sees to the partitions of days: made ahead, taken away when nothing of a day is needed any more. */
export class Partitions {
  readonly #database: Database;
  readonly #clock: Clock;
  readonly #tend;
  #tendedAt: number;

  constructor(database: Database, schema: string, clock: Clock) {
    this.#database = database;
    this.#clock = clock;
    this.#tend = statement<[dropped: number]>(`SELECT "${schema}".tend_partitions_1(${AHEAD})`);
    this.#tendedAt = clock.monotonic();
  }

  async tend(): Promise<void> {
    this.#tendedAt = this.#clock.monotonic();
    await this.#database.repeatable("see to the partitions", this.#tend, []);
  }

  /** Once an hour; where it does not succeed, operations lie in the partition for the rest meanwhile, and nothing is amiss. */
  async tendNowAndThen(): Promise<void> {
    if (this.#clock.monotonic() - this.#tendedAt < EVERY_MS) return;
    await this.tend().catch(() => {});
  }
}
