import type {
  ConcernedLetter,
  DeadLetter,
  DeadLetterFilter,
  DeadLetterGroup,
  DeadLetterStore,
  LetterSpan,
  OpenLetters,
  Page,
  PageRequest,
} from "../../../ports/dead-letter-store.ts";
import { decodeCursor, encodeCursor, PAGE_BYTES, pageLimit } from "../paging.ts";
import { conditions } from "./conditions.ts";
import type { Database } from "./database.ts";
import type { DatabaseTime } from "./database-time.ts";
import { labelHashes, letterColumns, toLetter, type DeadRow } from "./dead-letter-entry.ts";
import { packText, textArray, unpackText } from "./parameters.ts";
import { statement } from "./statement.ts";

/** The listings. Each page is one snapshot, and the server ends one that takes too long. */
export function listing(
  database: Database,
  schema: string,
): Pick<DeadLetterStore, "list" | "groups" | "openLetters" | "spread" | "concerned"> {
  const { time } = database;
  const dead = `"${schema}".dead`;
  const lastSeq = statement<[seq: number]>(`SELECT coalesce(max(seq), 0)::float8 FROM ${dead}`);

  const countOpen = statement<[api: string, endpoint: string, open: number, oldestAt: number]>(
    `SELECT api, endpoint, count(*)::int4, min(died_at) FROM ${dead} WHERE state = 'open' GROUP BY api, endpoint
     ORDER BY api COLLATE "C", endpoint COLLATE "C"`,
  );
  const countSteps = statement<[fingerprint: string, step: number, count: number]>(
    `SELECT fingerprint, floor((died_at - ($2::text)::float8) / ($3::text)::float8)::int4, count(*)::int4 FROM ${dead}
     WHERE fingerprint = ANY (($1::text)::text[]) AND died_at >= ($2::text)::float8 AND died_at < ($4::text)::float8 GROUP BY 1, 2`,
  );

  const readConcerned = statement<[api: string, endpoint: string, partition: string, reason: string, labels: string, diedAt: number]>(
    `SELECT api, endpoint, partition, reason, labels, died_at FROM ${dead} WHERE state = 'open' AND died_at >= ($1::text)::float8
     ORDER BY died_at DESC, seq DESC LIMIT ($2::text)::int4`,
  );

  const list = async (filter: DeadLetterFilter, page: PageRequest): Promise<Page<DeadLetter>> => {
    const limit = pageLimit(page);
    const after = decodeCursor<[number, number]>("dead-letters", page, 2);
    const { add, where, values } = filtered(filter, time);
    if (after) add((first, second) => `(died_at, seq) < (${first}::float8, ${second}::float8::bigint)`, ...after.map(String));
    // One row more than asked for tells whether anything follows; of large bodies only as many are read as a page may weigh.
    const query = statement<[found: number, ...DeadRow]>(
      `WITH sized AS (
         SELECT seq, sum(coalesce(octet_length(request_body), 0)) OVER position AS weight, row_number() OVER position AS number
         FROM (SELECT seq, died_at, request_body FROM ${dead} ${where()} ORDER BY died_at DESC, seq DESC LIMIT ${limit + 1}) AS head
         WINDOW position AS (ORDER BY died_at DESC, seq DESC))
       SELECT (SELECT count(*)::int4 FROM sized), ${letterColumns(schema)}
       FROM sized JOIN ${dead} USING (seq) WHERE number = 1 OR (number <= ${limit} AND weight <= ${PAGE_BYTES})
       ORDER BY dead.died_at DESC, dead.seq DESC`,
    );
    const rows = await database.snapshot("list dead letters", (run) => run(query, values));
    const letters = rows.map(([, ...row]) => row);
    const last = letters.at(-1);
    const more = last && (rows[0] as [number, ...DeadRow])[0] > letters.length;
    return { items: letters.map((row) => toLetter(row, time)), next: more ? encodeCursor("dead-letters", [last[1], last[0]]) : null };
  };

  const groups = async (filter: DeadLetterFilter, page: PageRequest): Promise<Page<DeadLetterGroup>> => {
    const limit = pageLimit(page);
    const after = decodeCursor<[number, number, number]>("dead-letter-groups", page, 3);
    return database.snapshot("list groups of dead letters", async (run) => {
      // Later pages count only letters that were there for the first one, so that a group that grows meanwhile stays in its place.
      const mark = after?.[0] ?? ((await run(lastSeq, []))[0] as [number])[0];
      const { add, where, values } = filtered(filter, time);
      add((seq) => `seq <= ${seq}::float8::bigint`, String(mark));
      const inner = where();
      const rest =
        after === undefined
          ? ""
          : `WHERE (last_at, known.seq) < ($${values.length + 1}::text::float8, $${values.length + 2}::text::float8::bigint)`;
      const query = statement<GroupRow>(
        `SELECT known.seq::float8, fingerprint, title, api, endpoint, reason, state, regressed, total, open, first_at, last_at
         FROM (SELECT fingerprint, count(*)::int4 AS total, (count(*) FILTER (WHERE state = 'open'))::int4 AS open,
                 min(died_at) AS first_at, max(died_at) AS last_at
               FROM ${dead} ${inner} GROUP BY fingerprint) AS member JOIN "${schema}".dead_group AS known USING (fingerprint)
         ${rest} ORDER BY last_at DESC, known.seq DESC LIMIT ${limit + 1}`,
      );
      const rows = await run(query, [...values, ...(after?.slice(1).map(String) ?? [])]);
      const shown = rows.slice(0, limit);
      const end = shown.at(-1);
      return {
        items: shown.map((row) => toGroup(row, time)),
        next: end && rows.length > limit ? encodeCursor("dead-letter-groups", [mark, end[11], end[0]]) : null,
      };
    });
  };

  const openLetters = async (): Promise<readonly OpenLetters[]> => {
    const rows = await database.snapshot("count open dead letters", (run) => run(countOpen, []));
    return rows.map(([api, endpoint, open, oldestAt]) => ({
      api: unpackText(api),
      endpoint: unpackText(endpoint),
      open,
      oldestAt: time.fromDatabase(oldestAt),
    }));
  };

  const spread = async (fingerprints: readonly string[], { from, stepMs, steps }: LetterSpan): Promise<readonly (readonly number[])[]> => {
    const start = time.toDatabase(from);
    const values = [textArray(fingerprints), String(start), String(stepMs), String(start + stepMs * steps)];
    const rows = await database.snapshot("count dead letters by time", (run) => run(countSteps, values));
    return fingerprints.map((fingerprint) => {
      const counts = Array.from({ length: steps }, () => 0);
      for (const [of, step, count] of rows) if (unpackText(of) === fingerprint) counts[step] = count;
      return counts;
    });
  };

  const concerned = async (since: number, limit: number): Promise<readonly ConcernedLetter[]> => {
    const values = [String(time.toDatabase(since)), String(limit)];
    const rows = await database.snapshot("read whom dead letters concern", (run) => run(readConcerned, values));
    return rows.map(([api, endpoint, partition, reason, labels, diedAt]) => ({
      api: unpackText(api),
      endpoint: unpackText(endpoint),
      partition: unpackText(partition),
      reason: reason as ConcernedLetter["reason"],
      labels: JSON.parse(unpackText(labels)) as ConcernedLetter["labels"],
      diedAt: time.fromDatabase(diedAt),
    }));
  };

  return { list, groups, openLetters, spread, concerned };
}

type GroupRow = readonly [
  seq: number,
  fingerprint: string,
  title: string,
  api: string,
  endpoint: string,
  reason: DeadLetterGroup["reason"],
  state: DeadLetterGroup["state"],
  regressed: boolean,
  total: number,
  open: number,
  firstAt: number,
  lastAt: number,
];

function toGroup(row: GroupRow, time: DatabaseTime): DeadLetterGroup {
  const [, fingerprint, title, api, endpoint, reason, state, regressed, total, open, firstAt, lastAt] = row;
  return {
    fingerprint: unpackText(fingerprint),
    title: unpackText(title),
    api: unpackText(api),
    endpoint: unpackText(endpoint),
    reason,
    state,
    regressed,
    open,
    total,
    firstAt: time.fromDatabase(firstAt),
    lastAt: time.fromDatabase(lastAt),
  };
}

function filtered(filter: DeadLetterFilter, time: DatabaseTime): ReturnType<typeof conditions> {
  const found = conditions();
  const { add } = found;
  if (filter.ids !== undefined) add((ids) => `id = ANY (${ids}::text[])`, textArray(filter.ids));
  if (filter.api !== undefined) add((api) => `api = ${api}`, packText(filter.api));
  if (filter.fingerprint !== undefined) add((fingerprint) => `fingerprint = ${fingerprint}`, packText(filter.fingerprint));
  if (filter.state !== undefined) add((state) => `state = ${state}`, filter.state);
  if (filter.reason !== undefined) add((reason) => `reason = ${reason}`, filter.reason);
  if (filter.since !== undefined) add((since) => `died_at >= ${since}::float8`, String(time.toDatabase(filter.since)));
  if (filter.until !== undefined) add((until) => `died_at < ${until}::float8`, String(time.toDatabase(filter.until)));
  const hashes = labelHashes(filter.labels ?? {});
  if (hashes.length > 0) add((labels) => `label_hashes @> ${labels}::uuid[]`, textArray(hashes));
  return found;
}
