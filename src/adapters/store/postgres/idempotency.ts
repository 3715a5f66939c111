import { StoreError } from "../../../core/errors.ts";
import type {
  BeginRequest,
  BeginResult,
  Fenced,
  FinishRequest,
  IdempotencyStore,
  KeyHolder,
  StoredAnswer,
} from "../../../ports/idempotency-store.ts";
import type { Database } from "./database.ts";
import { separable } from "./fault.ts";
import { Gather } from "./gather.ts";
import { hashOf } from "./hash.ts";
import { bytesArray, packText, plainArray, textArray } from "./parameters.ts";
import { statement } from "./statement.ts";
import { inWaves } from "./waves.ts";

/** Rounds of a begin whose keys change under its hands; each round one of the others has got further. */
const BEGIN_ROUNDS = 100;

type Lease = KeyHolder & { readonly leaseUntil: number };
interface Doubt {
  readonly key: string;
  readonly now: number;
}

/** Groups of calls under way at a time: enough to keep a database busy, few enough to leave connections to others. */
const AT_ONCE = 4;
const GROUP_SIZE = 500;

/** Idempotency keys in one table. Calls that come together are done together. */
export function idempotency(database: Database, schema: string): IdempotencyStore {
  const { time } = database;
  const table = `"${schema}".idempotency`;

  /** Rows are locked in the order of their hashes, here and in `begin`, so that two batches never wait for each other. */
  const locked = (condition: string): string =>
    `locked AS (SELECT held.hash, held.doubt FROM ${table} AS held JOIN asked USING (hash) WHERE ${condition} ORDER BY held.hash FOR UPDATE OF held)`;
  const isHeld = "held.state = 'running' AND held.token = asked.token";
  const holders = "asked AS (SELECT * FROM unnest(($1::text)::uuid[], ($2::text)::text[]) AS asked (hash, token))";

  // Most keys are new or free: whoever may have the key takes it in one statement. Rows that may not be taken do not come back.
  const take = statement<[hash: string, doubt: boolean]>(
    `INSERT INTO ${table} AS held (hash, key, fingerprint, state, token, began_at, lease_until, doubt)
     SELECT hash, key, fingerprint, 'running', token, began_at, lease_until, false
     FROM unnest(($1::text)::uuid[], ($2::text)::text[], ($3::text)::text[], ($4::text)::text[], ($5::text)::float8[], ($6::text)::float8[])
       AS asked (hash, key, fingerprint, token, began_at, lease_until)
     ORDER BY hash
     ON CONFLICT (hash) DO UPDATE SET
       fingerprint = excluded.fingerprint, state = 'running', token = excluded.token, began_at = excluded.began_at,
       lease_until = excluded.lease_until, expires_at = NULL, answer = NULL, body = NULL,
       doubt = held.state = 'unknown' OR (held.state = 'running' AND (held.doubt OR held.token <> excluded.token))
     WHERE (held.state = 'done' AND held.expires_at <= excluded.began_at)
       OR (held.fingerprint = excluded.fingerprint
         AND (held.state = 'unknown' OR (held.state = 'running' AND (held.lease_until <= excluded.began_at OR held.token = excluded.token))))
     RETURNING hash::text, doubt`,
  );
  const find = statement<KeyRow>(
    `SELECT hash::text, fingerprint, state, token, lease_until, expires_at, answer, body FROM ${table} WHERE hash = ANY (($1::text)::uuid[])`,
  );
  const finishKeys = statement<[hash: string]>(
    `WITH asked AS (
       SELECT * FROM unnest(($1::text)::uuid[], ($2::text)::text[], ($3::text)::text[], ($4::text)::float8[], ($5::text)::text[], ($6::text)::bytea[])
         AS asked (hash, token, state, expires_at, answer, body)),
     ${locked(isHeld)}
     UPDATE ${table} AS held
     SET state = asked.state, token = NULL, expires_at = asked.expires_at, answer = asked.answer, body = asked.body
     FROM asked JOIN locked USING (hash) WHERE held.hash = locked.hash RETURNING held.hash::text`,
  );
  const releaseKeys = statement<[hash: string]>(
    `WITH ${holders}, ${locked(isHeld)},
     doubted AS (UPDATE ${table} AS held SET state = 'unknown', token = NULL FROM locked
       WHERE held.hash = locked.hash AND locked.doubt RETURNING held.hash),
     freed AS (DELETE FROM ${table} AS held USING locked WHERE held.hash = locked.hash AND NOT locked.doubt RETURNING held.hash)
     SELECT hash::text FROM doubted UNION ALL SELECT hash::text FROM freed`,
  );
  const moveLeases = statement<[hash: string]>(
    `WITH asked AS (SELECT * FROM unnest(($1::text)::uuid[], ($2::text)::text[], ($3::text)::float8[]) AS asked (hash, token, lease_until)),
     ${locked(isHeld)}
     UPDATE ${table} AS held SET lease_until = asked.lease_until
     FROM asked JOIN locked USING (hash) WHERE held.hash = locked.hash RETURNING held.hash::text`,
  );
  const clearDoubts = statement<[hash: string]>(
    `WITH asked AS (SELECT * FROM unnest(($1::text)::uuid[], ($2::text)::float8[]) AS asked (hash, now)),
     ${locked("held.state = 'unknown' OR (held.state = 'running' AND held.lease_until <= asked.now)")}
     DELETE FROM ${table} AS held USING locked WHERE held.hash = locked.hash RETURNING held.hash::text`,
  );
  const deleteExpired = statement<[count: number]>(
    `WITH expired AS (
       SELECT hash FROM ${table} WHERE state = 'done' AND expires_at <= ($1::text)::float8 ORDER BY expires_at LIMIT ($2::text)::int4
       FOR UPDATE SKIP LOCKED),
     gone AS (DELETE FROM ${table} AS held USING expired WHERE held.hash = expired.hash RETURNING 1)
     SELECT count(*)::int4 FROM gone`,
  );

  const beginOnce = async (requests: readonly Hashed<BeginRequest>[]): Promise<readonly (BeginResult | undefined)[]> => {
    const taken = await database.repeatable("take idempotency keys", take, [
      textArray(requests.map(({ hash }) => hash)),
      textArray(requests.map(({ key }) => key)),
      textArray(requests.map(({ fingerprint }) => fingerprint)),
      textArray(requests.map(({ token }) => token)),
      plainArray(requests.map(({ now }) => time.toDatabase(now))),
      plainArray(requests.map(({ leaseUntil }) => time.toDatabase(leaseUntil))),
    ]);
    const doubts = new Map(taken);
    const refused = requests.filter(({ hash }) => !doubts.has(hash));
    const rows =
      refused.length === 0 ? [] : await database.repeatable("look idempotency keys up", find, [textArray(refused.map(({ hash }) => hash))]);
    const known = new Map(rows.map((row) => [row[0], row]));
    return requests.map(({ hash, fingerprint, now, token }): BeginResult | undefined => {
      const doubt = doubts.get(hash);
      if (doubt !== undefined) return { state: "claimed", earlier: doubt ? "unknown" : "none" };
      const row = known.get(hash);
      return row && refusalOf(row, { fingerprint: packText(fingerprint), token: packText(token), now: time.toDatabase(now) }, time);
    });
  };

  /** A key that was not free, and is when it is looked at, is asked for again. */
  const beginAll = async (requests: readonly Hashed<BeginRequest>[]): Promise<readonly BeginResult[]> => {
    const results: BeginResult[] = [];
    let open = [...requests.keys()];
    for (let round = 0; open.length > 0; round += 1) {
      if (round === BEGIN_ROUNDS)
        throw new StoreError("the PostgreSQL store cannot take idempotency keys: others take and free them faster; ask again");
      const answers = await beginOnce(open.map((index) => requests[index] as Hashed<BeginRequest>));
      open = open.filter((index, position) => {
        const answer = answers[position];
        if (answer !== undefined) results[index] = answer;
        return answer === undefined;
      });
    }
    return results;
  };

  const finishAll = (requests: readonly Hashed<FinishRequest>[]): Promise<readonly Fenced[]> =>
    fenced(requests, () => {
      const ends = requests.map((request) => {
        if (request.state === "unknown") return {};
        const { body, ...head } = request.answer;
        return { expiresAt: time.toDatabase(request.expiresAt), head: JSON.stringify(head), body };
      });
      return database.once("end work under idempotency keys", finishKeys, [
        textArray(requests.map(({ hash }) => hash)),
        textArray(requests.map(({ token }) => token)),
        textArray(requests.map(({ state }) => state)),
        plainArray(ends.map(({ expiresAt }) => expiresAt)),
        textArray(ends.map(({ head }) => head)),
        bytesArray(ends.map(({ body }) => body)),
      ]);
    });

  const releaseAll = (requests: readonly Hashed<KeyHolder>[]): Promise<readonly Fenced[]> =>
    fenced(requests, () =>
      database.once("release idempotency keys", releaseKeys, [
        textArray(requests.map(({ hash }) => hash)),
        textArray(requests.map(({ token }) => token)),
      ]),
    );

  const extendAll = (requests: readonly Hashed<Lease>[]): Promise<readonly Fenced[]> =>
    fenced(requests, () =>
      database.repeatable("extend leases of idempotency keys", moveLeases, [
        textArray(requests.map(({ hash }) => hash)),
        textArray(requests.map(({ token }) => token)),
        plainArray(requests.map(({ leaseUntil }) => time.toDatabase(leaseUntil))),
      ]),
    );

  const resolveAll = (requests: readonly Hashed<Doubt>[]): Promise<readonly Fenced[]> =>
    fenced(requests, () =>
      database.once("clear doubts of idempotency keys", clearDoubts, [
        textArray(requests.map(({ hash }) => hash)),
        plainArray(requests.map(({ now }) => time.toDatabase(now))),
      ]),
    );

  const gather = new Gather(
    {
      begin: (requests: readonly Hashed<BeginRequest>[]) => inWaves(requests, byKey, beginAll),
      finish: (requests: readonly Hashed<FinishRequest>[]) => inWaves(requests, byKey, finishAll),
      release: (requests: readonly Hashed<KeyHolder>[]) => inWaves(requests, byKey, releaseAll),
      extend: (requests: readonly Hashed<Lease>[]) => inWaves(requests, byKey, extendAll),
      resolve: (requests: readonly Hashed<Doubt>[]) => inWaves(requests, byKey, resolveAll),
    },
    { most: GROUP_SIZE, atOnce: AT_ONCE, separable },
  );
  const gathered =
    <Request extends { readonly key: string }, Result>(verb: string) =>
    (requests: readonly Request[]): Promise<readonly Result[]> =>
      gather.call<Hashed<Request>, Result>(verb, requests.map(hashed), byKey);

  return {
    begin: gathered("begin"),
    finish: gathered("finish"),
    release: gathered("release"),
    extend: gathered("extend"),
    resolve: gathered("resolve"),
    sweep: async (now, limit) => {
      const [row] = await database.once("sweep idempotency keys", deleteExpired, [String(time.toDatabase(now)), String(limit)]);
      return (row as [number])[0];
    },
  };
}

function byKey({ hash }: Hashed<unknown>): string {
  return hash;
}

type Hashed<Request> = Request & { readonly hash: string };

function hashed<Request extends { readonly key: string }>(request: Request): Hashed<Request> {
  return { ...request, hash: hashOf(request.key) };
}

type KeyRow = readonly [
  hash: string,
  fingerprint: string,
  state: "running" | "done" | "unknown",
  token: string | null,
  leaseUntil: number,
  expiresAt: number | null,
  answer: string | null,
  body: Uint8Array | null,
];

/** Why a key is refused; undefined where by now it need not be. The same rules stand in the statement that takes keys. */
function refusalOf(
  [, fingerprint, state, token, leaseUntil, expiresAt, answer, body]: KeyRow,
  asked: { readonly fingerprint: string; readonly token: string; readonly now: number },
  time: Database["time"],
): BeginResult | undefined {
  if (state === "done" && (expiresAt as number) <= asked.now) return undefined;
  if (fingerprint !== asked.fingerprint) return { state: "mismatch" };
  if (state === "done") {
    const head = JSON.parse(answer as string) as Omit<StoredAnswer, "body">;
    return { state: "done", answer: { ...head, body: new Uint8Array(body as Uint8Array) } };
  }
  if (state === "unknown" || leaseUntil <= asked.now || token === asked.token) return undefined;
  return { state: "running", leaseUntil: time.fromDatabase(leaseUntil) };
}

async function fenced(
  requests: readonly Hashed<unknown>[],
  perform: () => Promise<readonly (readonly [hash: string])[]>,
): Promise<readonly Fenced[]> {
  const applied = new Set((await perform()).map(([hash]) => hash));
  return requests.map(({ hash }) => (applied.has(hash) ? "applied" : "stale"));
}
