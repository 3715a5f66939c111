import type { InboxEvent, InboxStore, TakeResult } from "../../../ports/inbox-store.ts";
import type { Database, Run } from "./database.ts";
import { separable } from "./fault.ts";
import { Gather } from "./gather.ts";
import { hashOf } from "./hash.ts";
import type { Accepting } from "./operations/accept.ts";
import { plainArray, textArray } from "./parameters.ts";
import { statement } from "./statement.ts";
import { inWaves } from "./waves.ts";

/** Groups of calls under way at a time. */
const AT_ONCE = 4;
const GROUP_SIZE = 500;

/** Ids of webhooks that were taken; what is to be done about one is accepted in the same transaction. */
export function inbox(database: Database, schema: string, queue: Pick<Accepting, "acceptWithin">): InboxStore {
  const { time } = database;
  const table = `"${schema}".inbox`;

  // Ids whose time is not over do not come back.
  const keep = statement<[hash: string]>(
    `INSERT INTO ${table} AS known (hash, source, id, fingerprint, taken_at, keep_until)
     SELECT * FROM unnest(($1::text)::uuid[], ($2::text)::text[], ($3::text)::text[], ($4::text)::text[], ($5::text)::float8[], ($6::text)::float8[])
       AS given (hash, source, id, fingerprint, taken_at, keep_until)
     ORDER BY hash
     ON CONFLICT (hash) DO UPDATE SET fingerprint = excluded.fingerprint, taken_at = excluded.taken_at, keep_until = excluded.keep_until
     WHERE known.keep_until <= excluded.taken_at
     RETURNING hash::text`,
  );
  // What stood in the way of the statement before: it has locked these rows, which are there until the transaction ends.
  const find = statement<[hash: string, sameBody: boolean, takenAt: number]>(
    `SELECT known.hash::text, known.fingerprint = given.fingerprint, taken_at
     FROM ${table} AS known JOIN unnest(($1::text)::uuid[], ($2::text)::text[]) AS given (hash, fingerprint) USING (hash)`,
  );
  const forget = statement<[count: number]>(
    `WITH over AS (SELECT hash FROM ${table} WHERE keep_until <= ($1::text)::float8 ORDER BY keep_until LIMIT ($2::text)::int4 FOR UPDATE SKIP LOCKED),
     gone AS (DELETE FROM ${table} AS known USING over WHERE known.hash = over.hash RETURNING 1)
     SELECT count(*)::int4 FROM gone`,
  );

  /** Takes ids, no two of which are the same. */
  const takeIds = async (run: Run, events: readonly InboxEvent[]): Promise<readonly Taken[]> => {
    const hashes = events.map(hashOfEvent);
    const kept = await run(keep, [
      textArray(hashes),
      textArray(events.map(({ source }) => source)),
      textArray(events.map(({ id }) => id)),
      textArray(events.map(({ fingerprint }) => fingerprint)),
      plainArray(events.map(({ now }) => time.toDatabase(now))),
      plainArray(events.map(({ keepUntil }) => time.toDatabase(keepUntil))),
    ]);
    const taken = new Set(kept.map(([hash]) => hash));
    const refused = events.filter((_event, index) => !taken.has(hashes[index] as string));
    const rows =
      refused.length === 0
        ? []
        : await run(find, [textArray(refused.map(hashOfEvent)), textArray(refused.map(({ fingerprint }) => fingerprint))]);
    const known = new Map(rows.map(([hash, ...rest]) => [hash, rest]));
    return hashes.map((hash): Taken => {
      if (taken.has(hash)) return { state: "taken" };
      const [sameBody, takenAt] = known.get(hash) as [boolean, number];
      return { state: sameBody ? "duplicate" : "conflict", takenAt: time.fromDatabase(takenAt) };
    });
  };

  const take = (events: readonly InboxEvent[]): Promise<readonly TakeResult[]> =>
    database.transaction("take events", async (run) => {
      const taken = await inWaves(events, hashOfEvent, (wave) => takeIds(run, wave));
      const brought = events.map(({ operations }, index) => (taken[index]?.state === "taken" ? operations : []));
      const all = brought.flat();
      const accepted = all.length === 0 ? [] : await queue.acceptWithin(run, all, null);
      let next = 0;
      return taken.map((result, index): TakeResult => {
        if (result.state !== "taken") return result;
        return { ...result, operations: accepted.slice(next, (next += brought[index]?.length ?? 0)) };
      });
    });

  const gather = new Gather({ take }, { most: GROUP_SIZE, atOnce: AT_ONCE, separable });
  return {
    take: (events) => gather.call("take", events, hashOfEvent),
    sweep: async (now, limit) => {
      const [row] = await database.once("sweep the inbox", forget, [String(time.toDatabase(now)), String(limit)]);
      return (row as [number])[0];
    },
  };
}

/** What became of an id; what its event brings comes after all ids of a call are taken. */
type Taken = { readonly state: "taken" } | Exclude<TakeResult, { readonly state: "taken" }>;

function hashOfEvent({ source, id }: InboxEvent): string {
  return hashOf(source, id);
}
