import type { ChangeResult, DeadLetter, DeadLetterChange, DeadLetterStore, NewDeadLetter } from "../../../ports/dead-letter-store.ts";
import type { Database } from "./database.ts";
import { letterColumns, letterRecords, toLetter, type DeadRow } from "./dead-letter-entry.ts";
import { listing } from "./dead-letter-listing.ts";
import { separable } from "./fault.ts";
import { Gather } from "./gather.ts";
import { packText, plainArray, textArray } from "./parameters.ts";
import { statement } from "./statement.ts";
import { inWaves } from "./waves.ts";

const GROUP_SIZE = 500;

/** Calls that write letters are done one after the other: they are rare, and touch letters and groups in ways that keys do not tell. */
function everything(): string {
  return "";
}

/** Dead letters, their history and groups. */
export function deadLetters(database: Database, schema: string): DeadLetterStore {
  const { time } = database;
  const dead = `"${schema}".dead`;

  const add = statement<[count: number]>(`SELECT "${schema}".add_letters_1(($1::text)::json)`);
  const find = statement<DeadRow>(`SELECT ${letterColumns(schema)} FROM ${dead} WHERE id = $1::text`);
  const change = statement<[id: string, result: ChangeResult]>(
    `WITH asked AS (
       SELECT * FROM unnest(($1::text)::text[], ($2::text)::int4[], ($3::text)::text[], ($4::text)::text[], ($5::text)::text[], ($6::text)::text[],
         ($7::text)::text[], ($8::text)::text[], ($9::text)::int4[], ($10::text)::float8[], ($11::text)::text[])
         AS asked (id, revision, state, reason, because, fingerprint, title, note, replayed, now, attempts)),
     old AS (
       SELECT dead.* FROM ${dead} JOIN asked USING (id, revision) ORDER BY dead.seq FOR UPDATE OF dead),
     changed AS (
       UPDATE ${dead} SET
         state = asked.state, reason = coalesce(asked.reason, dead.reason), because = coalesce(asked.because, dead.because),
         fingerprint = coalesce(asked.fingerprint, dead.fingerprint), title = coalesce(asked.title, dead.title),
         note = coalesce(asked.note, dead.note), replays = dead.replays + asked.replayed, revision = dead.revision + 1, changed_at = asked.now
       FROM asked JOIN old USING (id) WHERE dead.seq = old.seq
       RETURNING dead.seq, dead.id, dead.revision, dead.state, dead.fingerprint, dead.title, dead.api, dead.endpoint, dead.reason, dead.changed_at),
     history AS (
       INSERT INTO "${schema}".dead_attempt (dead, revision, position, record)
       SELECT changed.seq, changed.revision, attempt.position, attempt.record
       FROM changed JOIN asked USING (id) CROSS JOIN json_array_elements_text(asked.attempts::json) WITH ORDINALITY AS attempt (record, position)),
     joined AS (
       SELECT changed.* FROM changed JOIN old USING (seq)
       WHERE changed.fingerprint <> old.fingerprint OR (changed.state = 'open' AND old.state <> 'open')),
     added_groups AS (
       INSERT INTO "${schema}".dead_group (fingerprint, title, api, endpoint, reason, state, regressed, changed_at)
       SELECT DISTINCT ON (fingerprint) fingerprint, title, api, endpoint, reason, 'open', false, changed_at FROM joined ORDER BY fingerprint, seq
       ON CONFLICT (fingerprint) DO NOTHING),
     reopened_groups AS (
       UPDATE "${schema}".dead_group AS known SET state = 'open', regressed = true, changed_at = fresh.changed_at
       FROM (SELECT fingerprint, max(changed_at) AS changed_at FROM joined WHERE state = 'open' GROUP BY fingerprint) AS fresh
       WHERE known.fingerprint = fresh.fingerprint AND known.state = 'resolved')
     SELECT asked.id, CASE WHEN changed.id IS NOT NULL THEN 'applied' WHEN known.id IS NOT NULL THEN 'stale' ELSE 'missing' END
     FROM asked LEFT JOIN changed USING (id) LEFT JOIN ${dead} AS known USING (id)`,
  );
  const setGroup = statement<[seq: number]>(
    `UPDATE "${schema}".dead_group SET state = $2::text, regressed = false, changed_at = ($3::text)::float8 WHERE fingerprint = $1::text
     RETURNING seq::float8`,
  );
  const deleteSettled = statement<[count: number]>(`SELECT "${schema}".sweep_letters_1(($1::text)::float8, ($2::text)::int4)`);

  const addAll = async (letters: readonly NewDeadLetter[]): Promise<readonly undefined[]> => {
    const fresh = new Map<string, NewDeadLetter>();
    for (const letter of letters) if (!fresh.has(letter.id)) fresh.set(letter.id, letter);
    await database.repeatable("keep dead letters", add, [letterRecords([...fresh.values()], time)]);
    return letters.map(() => undefined);
  };

  const changeAll = async (changes: readonly DeadLetterChange[]): Promise<readonly ChangeResult[]> => {
    const ids = changes.map(({ id }) => packText(id));
    const rows = await database.once("change dead letters", change, [
      textArray(changes.map(({ id }) => id)),
      plainArray(changes.map(({ revision }) => revision)),
      textArray(changes.map(({ state }) => state)),
      textArray(changes.map(({ reason }) => reason)),
      textArray(changes.map(({ because }) => because && JSON.stringify(because))),
      textArray(changes.map(({ group }) => group?.fingerprint)),
      textArray(changes.map(({ group }) => group?.title)),
      textArray(changes.map(({ note }) => note)),
      plainArray(changes.map(({ replayed }) => (replayed === true ? 1 : 0))),
      plainArray(changes.map(({ now }) => time.toDatabase(now))),
      textArray(changes.map(({ attempts = [] }) => JSON.stringify(attempts.map((attempt) => JSON.stringify(attempt))))),
    ]);
    const results = new Map(rows);
    return ids.map((id) => results.get(id) as ChangeResult);
  };

  const gather = new Gather(
    {
      add: addAll,
      change: (changes: readonly DeadLetterChange[]) => inWaves(changes, ({ id }) => id, changeAll),
      setGroupState: setGroupStates,
    },
    { most: GROUP_SIZE, atOnce: 1, separable },
  );
  async function setGroupStates(calls: readonly Parameters<DeadLetterStore["setGroupState"]>[]): Promise<readonly boolean[]> {
    const results: boolean[] = [];
    for (const [fingerprint, state, now] of calls) {
      const rows = await database.repeatable("set the state of a group", setGroup, [
        packText(fingerprint),
        state,
        String(time.toDatabase(now)),
      ]);
      results.push(rows.length === 1);
    }
    return results;
  }

  return {
    add: async (letters) => {
      await gather.call("add", letters, everything);
    },
    get: async (id): Promise<DeadLetter | undefined> => {
      const [row] = await database.repeatable("read a dead letter", find, [packText(id)]);
      return row && toLetter(row, time);
    },
    ...listing(database, schema),
    change: (changes) => gather.call("change", changes, everything),
    setGroupState: async (...call) => (await gather.call<typeof call, boolean>("setGroupState", [call], everything))[0] as boolean,
    sweep: async (before, limit) => {
      const [row] = await database.once("sweep dead letters", deleteSettled, [String(time.toDatabase(before)), String(limit)]);
      return (row as [number])[0];
    },
  };
}
