import type { DatabaseSync } from "node:sqlite";
import type { LaneKey } from "../../../../ports/operation-store.ts";

/** Numbers that are remembered at most. */
const REMEMBERED = 10_000;

/** The numbers of lanes. They never change, so they are remembered; what a rolled back transaction made is forgotten. */
export class Lanes {
  readonly #numbers = new Map<string, number>();
  readonly #find;
  readonly #insert;

  constructor(db: DatabaseSync) {
    this.#find = db.prepare("SELECT seq FROM lane WHERE api = ? AND endpoint = ? AND partition = ?");
    this.#insert = db.prepare("INSERT INTO lane (api, endpoint, partition) VALUES (?, ?, ?)");
  }

  /** The number of a lane, which is made where it is new. */
  number(key: LaneKey): number {
    const known = this.find(key);
    if (known !== undefined) return known;
    const made = Number(this.#insert.run(key.api, key.endpoint, key.partition).lastInsertRowid);
    this.#remember(key, made);
    return made;
  }

  /** The number of a lane, if there is one. */
  find(key: LaneKey): number | undefined {
    const { api, endpoint, partition } = key;
    const remembered = this.#numbers.get(nameOf(key));
    if (remembered !== undefined) return remembered;
    const row = this.#find.get(api, endpoint, partition) as { seq: number } | undefined;
    if (row) this.#remember(key, row.seq);
    return row?.seq;
  }

  /** After ROLLBACK. */
  forget(): void {
    this.#numbers.clear();
  }

  #remember(key: LaneKey, number: number): void {
    if (this.#numbers.size >= REMEMBERED) this.#numbers.clear();
    this.#numbers.set(nameOf(key), number);
  }
}

function nameOf({ api, endpoint, partition }: LaneKey): string {
  return `${api}\0${endpoint}\0${partition}`;
}
