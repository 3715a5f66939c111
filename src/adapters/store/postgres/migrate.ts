import { readdirSync, readFileSync } from "node:fs";
import { StoreError } from "../../../core/errors.ts";
import type { Database } from "./database.ts";
import { statement } from "./statement.ts";

const FOLDER = new URL("./migrations/", import.meta.url);

/** The first half of the lock's number: `HOLD`. The second is made from the schema's name. */
const LOCK_CLASS = 0x48_4f_4c_44;

/** The first release that is tested and still kept by its makers. */
const POSTGRES_FLOOR = 14;

export interface MigrateOptions {
  readonly schema: string;
  /** Whether the schema may be made or changed; else one that is behind is refused. */
  readonly allowed: boolean;
}

const takeLock = statement<[null]>(`SELECT pg_advisory_xact_lock(${LOCK_CLASS}, hashtext($1::text))::text`);
// Asks the catalog's tables and not to_regclass(): what that remembers is not refreshed by waiting for an advisory lock.
const findServer = statement<[version: number, encoding: string, commit: string, standby: boolean, schema: boolean, table: boolean]>(
  `SELECT current_setting('server_version_num')::int4, current_setting('server_encoding'), current_setting('synchronous_commit'),
     pg_is_in_recovery(), EXISTS (SELECT FROM pg_namespace WHERE nspname = $1::text),
     EXISTS (SELECT FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace WHERE nspname = $1::text AND relname = 'migration')`,
);

/**
 * Looks at the server, and brings the schema up to date: all missing migrations in one transaction, under a lock, so that
 * several processes may start on an empty database at once. A schema from a newer release is refused: this code cannot know what
 * its rows mean. Nothing is asked for that is not needed, so that a role that may not create anything can work with a schema
 * that is up to date.
 *
 * A migration must leave the statements of the release before it working, because its processes are still running when the
 * first of the next one starts.
 */
export async function migrate(database: Database, { schema, allowed }: MigrateOptions): Promise<void> {
  const migrations = readMigrations();
  const readVersion = statement<[version: number]>(`SELECT coalesce(max(number), 0)::int4 FROM "${schema}".migration`);
  const what = `open the schema ${schema}`;

  const [found] = await database.repeatable(what, findServer, [schema]);
  const [version, encoding, commit, standby, , isThere] = found as NonNullable<typeof found>;
  checkServer({ version, encoding, commit, standby });
  const current = isThere ? (await database.repeatable(what, readVersion, []))[0]?.[0] : 0;
  if (current === migrations.length) return;
  if (current !== undefined && current > migrations.length) refuseNewer(schema, current, migrations.length);
  if (!allowed) {
    refuse(
      `its schema ${schema} is version ${current ?? 0} and this release of holdfast wants ${migrations.length}, and the option migrate is off; migrate it with a role that may`,
    );
  }

  await database.transaction(`migrate the schema ${schema}`, async (run, script) => {
    await run(takeLock, [schema]);
    const [now] = await run(findServer, [schema]);
    const [, , , , hasSchema, hasTable] = now as NonNullable<typeof now>;
    if (!hasSchema) await script(`CREATE SCHEMA "${schema}"`);
    if (!hasTable) {
      await script(
        `CREATE TABLE "${schema}".migration (number int4 PRIMARY KEY, name text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())`,
      );
    }
    const applied = (await run(readVersion, []))[0]?.[0] ?? 0;
    if (applied > migrations.length) refuseNewer(schema, applied, migrations.length);
    for (const { number, name, sql } of migrations.slice(applied)) {
      await script(inSchema(sql, schema));
      await script(`INSERT INTO "${schema}".migration (number, name) VALUES (${number}, '${name}')`);
    }
  });
}

function checkServer(server: {
  readonly version: number;
  readonly encoding: string;
  readonly commit: string;
  readonly standby: boolean;
}): void {
  const { version, encoding, commit, standby } = server;
  if (version < POSTGRES_FLOOR * 10_000) {
    refuse(`the server is PostgreSQL ${Math.floor(version / 10_000)}, and ${POSTGRES_FLOOR} is the oldest that is supported; update it`);
  }
  if (encoding !== "UTF8")
    refuse(`the database's encoding is ${encoding}, which cannot hold every text; use a database with the encoding UTF8`);
  if (standby) refuse("the server is a standby, which cannot be written; connect to the primary");
  if (commit === "off") {
    refuse(
      "synchronous_commit is off for this role or database, so that a commit would not be durable; switch it on: ALTER ROLE … SET synchronous_commit = on",
    );
  }
}

function refuseNewer(schema: string, found: number, known: number): never {
  refuse(`its schema ${schema} is version ${found} and this release of holdfast knows ${known}; update holdfast`);
}

function refuse(why: string): never {
  throw new StoreError(`cannot open the PostgreSQL store: ${why}`);
}

interface Migration {
  readonly number: number;
  readonly name: string;
  readonly sql: string;
}

/** The texts in order: `0001-….sql` first, with no number missing. They name the schema `holdfast`, which stands for the one in use. */
function readMigrations(): readonly Migration[] {
  const names = readdirSync(FOLDER)
    .filter((name) => /^\d{4}-[a-z0-9-]+\.sql$/.test(name))
    .sort();
  return names.map((name, index) => {
    const number = Number(name.slice(0, 4));
    if (number !== index + 1) throw new Error(`migration ${index + 1} is missing before ${name}`);
    return { number, name, sql: readFileSync(new URL(name, FOLDER), "utf8") };
  });
}

function inSchema(sql: string, schema: string): string {
  return sql.replaceAll(/\bholdfast\./g, `"${schema}".`);
}
