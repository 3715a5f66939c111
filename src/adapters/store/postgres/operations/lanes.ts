import type { LaneKey } from "../../../../ports/operation-store.ts";
import type { Run } from "../database.ts";
import { hashOf } from "../hash.ts";
import { textArray } from "../parameters.ts";
import { statement, type Statement } from "../statement.ts";

/** More lanes than that are not remembered, only looked for again. */
const REMEMBERED = 10_000;

/** The name of a lane in the rows of its operations: a hash, so that nobody has to ask for it. */
export function laneId({ api, endpoint, partition }: LaneKey): string {
  const name = `${api}\0${endpoint}\0${partition}`;
  const known = ids.get(name);
  if (known !== undefined) return known;
  const id = hashOf(api, endpoint, partition);
  if (ids.size >= REMEMBERED) ids.clear();
  // Names with a NUL of their own could be taken for each other's.
  if (name.split("\0").length === 3) ids.set(name, id);
  return id;
}

/** Names that were made before: an operation asks for its lane's several times. */
const ids = new Map<string, string>();

/** Sees to it that each lane in use has its row. Rows of lanes stay. */
export class Lanes {
  readonly #insert: Statement<[]>;
  readonly #known = new Set<string>();

  constructor(schema: string) {
    this.#insert = statement<[]>(
      `INSERT INTO "${schema}".lane (id, api, endpoint, partition)
       SELECT * FROM unnest(($1::text)::uuid[], ($2::text)::text[], ($3::text)::text[], ($4::text)::text[]) AS given (id, api, endpoint, partition)
       ORDER BY id ON CONFLICT (id) DO NOTHING`,
    );
  }

  /** `remember`: what `run` writes stands once it has answered, which is not so inside somebody's transaction. */
  async ensure(run: Run, keys: Iterable<LaneKey>, remember: boolean): Promise<void> {
    const missing = new Map<string, LaneKey>();
    for (const key of keys) {
      const id = laneId(key);
      if (!this.#known.has(id)) missing.set(id, key);
    }
    if (missing.size === 0) return;
    await run(this.#insert, [
      textArray([...missing.keys()]),
      ...(["api", "endpoint", "partition"] as const).map((name) => textArray([...missing.values()].map((key) => key[name]))),
    ]);
    if (!remember) return;
    if (this.#known.size >= REMEMBERED) this.#known.clear();
    for (const id of missing.keys()) this.#known.add(id);
  }

  forget(): void {
    this.#known.clear();
  }
}
