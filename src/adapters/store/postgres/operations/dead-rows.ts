import type { Database } from "../database.ts";
import { statement } from "../statement.ts";

/** Claimed operations after which the index of what is ready is rid of their entries. */
const EVERY = 4_000;
/** And the part of what stands there, since a vacuum reads all of the index. */
const PART = 1 / 8;

/**
 * A claim reads the index of ready work from its beginning, where the entries of what was claimed before it lie until a vacuum
 * takes them away. Autovacuum comes once a minute at most, and a busy worker leaves tens of thousands in that time: walking over
 * them would cost more than the claim. So whoever has claimed so many has them taken away. It costs a few milliseconds, holds
 * up nobody, and is left where another process is at it or where the role does not own the table.
 */
export class DeadRows {
  readonly #database: Database;
  readonly #command: string;
  readonly #schema: string;
  readonly #look;
  #claimed = 0;
  #underWay = false;
  #next = EVERY;

  constructor(database: Database, schema: string) {
    this.#database = database;
    this.#command = `VACUUM (SKIP_LOCKED, INDEX_CLEANUP ON, TRUNCATE OFF, PARALLEL 0) "${schema}".ready`;
    this.#look = statement<[owner: boolean, rows: number]>(
      `SELECT pg_has_role(relowner, 'USAGE'), reltuples::float8 FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
       WHERE nspname = $1::text AND relname = 'ready'`,
    );
    this.#schema = schema;
  }

  /** Answers what nobody has to wait for. */
  left(count: number): Promise<void> | undefined {
    this.#claimed += count;
    if (this.#claimed < this.#next || this.#underWay) return undefined;
    this.#claimed = 0;
    this.#underWay = true;
    return this.#vacuum()
      .catch(() => undefined)
      .finally(() => {
        this.#underWay = false;
      });
  }

  async #vacuum(): Promise<void> {
    const what = "take away what claims left behind";
    const look = async (): Promise<readonly [owner: boolean, rows: number]> =>
      (await this.#database.repeatable(what, this.#look, [this.#schema]))[0] ?? [false, 0];
    // A server warns of each VACUUM that may not be.
    const [isOwner] = await look();
    if (!isOwner) {
      this.#next = Number.POSITIVE_INFINITY;
      return;
    }
    await this.#database.command(what, this.#command);
    const [, rows] = await look();
    this.#next = Math.max(EVERY, rows * PART);
  }
}
