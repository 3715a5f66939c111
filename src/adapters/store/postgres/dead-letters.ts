import type { ChangeResult, DeadLetter, DeadLetterChange, DeadLetterStore, NewDeadLetter } from "../../../ports/dead-letter-store.ts";
import type { Database } from "./database.ts";
import { LETTER_RECORD, letterColumns, letterRecords, toLetter, type DeadRow } from "./dead-letter-entry.ts";
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

/**
 * The steps of a statement that keeps letters, as parts of a WITH clause. They read `letter`, rows of {@link LETTER_RECORD} with
 * their place `ord`, whose ids are all different, and leave `added`.
 */
export function addSteps(schema: string): string {
  return `added AS (
    INSERT INTO "${schema}".dead (id, api, endpoint, partition, reason, because, fingerprint, title, operation, idempotency_key, labels,
      label_hashes, first_attempt_at, died_at, state, revision, replays, changed_at, request_method, request_url, request_headers, request_body)
    SELECT id, api, endpoint, partition, reason, because, fingerprint, title, operation, idempotency_key, labels,
      label_hashes, first_attempt_at, died_at, 'open', 1, 0, died_at, request_method, request_url, request_headers, decode(request_body, 'hex')
    FROM letter ORDER BY ord
    ON CONFLICT (id) DO NOTHING
    RETURNING seq, id, fingerprint, died_at),
  added_history AS (
    INSERT INTO "${schema}".dead_attempt (dead, revision, position, record)
    SELECT added.seq, 1, attempt.position, attempt.record
    FROM added JOIN letter USING (id) CROSS JOIN unnest(letter.attempts) WITH ORDINALITY AS attempt (record, position)),
  added_groups AS (
    INSERT INTO "${schema}".dead_group (fingerprint, title, api, endpoint, reason, state, regressed, changed_at)
    SELECT fingerprint, title, api, endpoint, reason, 'open', false, died_at
    FROM (SELECT DISTINCT ON (letter.fingerprint) letter.* FROM added JOIN letter USING (id) ORDER BY letter.fingerprint, letter.ord) AS first
    ORDER BY ord
    ON CONFLICT (fingerprint) DO NOTHING),
  reopened_groups AS (
    UPDATE "${schema}".dead_group AS known SET state = 'open', regressed = true, changed_at = fresh.died_at
    FROM (SELECT fingerprint, max(died_at) AS died_at FROM added GROUP BY fingerprint) AS fresh
    WHERE known.fingerprint = fresh.fingerprint AND known.state = 'resolved')`;
}

/** Dead letters, their history and groups. */
export function deadLetters(database: Database, schema: string): DeadLetterStore {
  const { time } = database;
  const dead = `"${schema}".dead`;

  const add = statement<[count: number]>(
    `WITH letter AS (
       SELECT *, ordinality AS ord FROM ROWS FROM (json_to_recordset(($1::text)::json) AS ${LETTER_RECORD}) WITH ORDINALITY AS given),
     ${addSteps(schema)}
     SELECT count(*)::int4 FROM added`,
  );
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
  const deleteSettled = statement<[count: number]>(
    `WITH settled AS (
       SELECT seq FROM ${dead} WHERE state IN ('resolved', 'discarded') AND changed_at <= ($1::text)::float8
       ORDER BY changed_at, seq LIMIT ($2::text)::int4 FOR UPDATE SKIP LOCKED),
     gone AS (DELETE FROM ${dead} USING settled WHERE dead.seq = settled.seq RETURNING 1),
     history AS (DELETE FROM "${schema}".dead_attempt AS attempt USING settled WHERE attempt.dead = settled.seq)
     SELECT count(*)::int4 FROM gone`,
  );

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
