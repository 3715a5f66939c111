import { ConfigError } from "../../core/errors.ts";
import { refuseUnknown } from "../../core/options.ts";
import { shown } from "../../core/shown.ts";
import type { CursorValue } from "../../policy/watermark/cursor.ts";
import type { PagedSource, RecordCursor, SourceContext } from "./source.ts";

type Row = Readonly<Record<string, unknown>>;

export interface SqlSourceOptions {
  /** Runs a statement: `(text, values) => pool.query(text, values)`, `(text, values) => db.prepare(text).all(...values)`… */
  readonly query: (text: string, values: readonly (string | number)[]) => Promise<SqlRows> | SqlRows;
  /** @default "postgres" */
  readonly dialect?: "postgres" | "sqlite";
  /** A table or view; a schema stands before a dot. */
  readonly table: string;
  /** @default all */
  readonly columns?: readonly string[];
  /** SQL that rows must meet, such as `status <> 'draft'`. Part of your program, never of its input. */
  readonly where?: string;
  /** The column that rises with every change. `time`: `timestamp` or `timestamptz`, compared to the microsecond. */
  readonly cursor: { readonly column: string; readonly type: "number" | "text" | "time" };
  /** The column that tells rows apart. */
  readonly id: string;
  /** Rows of one statement. @default 1000 */
  readonly pageSize?: number;
}

/** What drivers give. */
export type SqlRows = readonly unknown[] | { readonly rows: readonly unknown[] };

const OPTIONS = [
  "query",
  "dialect",
  "table",
  "columns",
  "where",
  "cursor",
  "id",
  "pageSize",
] as const satisfies readonly (keyof SqlSourceOptions)[];
/** Columns of our own beside those that were asked for. */
const CURSOR = "holdfast_cursor";
const MARK = "holdfast_mark";
const ID = "holdfast_id";

/**
 * A source of rows of a table, page by page behind the last one seen (keyset), up to the highest cursor there was at the start. A row
 * that another transaction commits late, with a cursor that has been passed, is found by the sync's `lookback`.
 *
 * @throws ConfigError that names the option by its path.
 */
export function sqlSource<Item = Row>(options: SqlSourceOptions): PagedSource<Item> {
  const sql = statementsOf(options);
  const { query } = options;
  const pageSize = options.pageSize ?? 1_000;
  const { type } = options.cursor;
  const cursors = new WeakMap<object, RecordCursor>();

  /** Microseconds become milliseconds, a fraction of which a number still holds exactly enough to tell them apart. */
  const read = (value: unknown): string | number =>
    type === "text" ? String(value) : type === "time" ? exact(value) / 1_000 : exact(value);
  const ask = async (text: string, values: readonly (string | number)[]): Promise<readonly Row[]> => {
    const answer = await query(text, values);
    return ("rows" in answer ? answer.rows : answer) as readonly Row[];
  };

  return {
    ...(type === "time" ? { kind: "time" as const } : {}),
    cursor: (record) => cursors.get(record as object) as RecordCursor,
    async ceiling() {
      const [row] = await ask(sql.ceiling, []);
      const highest = row?.[CURSOR];
      if (highest === null || highest === undefined) return undefined;
      const value = read(highest);
      // The next whole millisecond, which is what a Date can carry to the statement.
      return typeof value === "number" && type === "time" ? Math.ceil(value) : value;
    },
    async *pages({ from, ceiling, signal }: SourceContext) {
      const bounds = {
        ...(from === undefined ? {} : { from: parameter(from) }),
        ...(ceiling === undefined ? {} : { ceiling: parameter(ceiling) }),
      };
      // An empty table has no highest cursor: what comes now is the next run's.
      if (ceiling === undefined) return;
      for (let after: readonly [mark: string | number, id: string] | undefined; !signal.aborted;) {
        const page = sql.page(bounds, after, pageSize);
        const rows = await ask(page.text, page.values);
        const items: Item[] = [];
        for (const { [CURSOR]: cursor, [MARK]: mark, [ID]: id, ...row } of rows) {
          cursors.set(row, [read(cursor), String(id)]);
          items.push(row as Item);
          after = [mark as string | number, String(id)];
        }
        if (items.length > 0) yield items;
        if (rows.length < pageSize) return;
      }
    },
  };
}

/** Drivers give big integers as texts; beyond 2^53 two of them would be one number. */
function exact(value: unknown): number {
  const number = Number(value);
  if (Number.isFinite(number) && (!Number.isInteger(number) || Number.isSafeInteger(number))) return number;
  throw new TypeError(
    `the cursor ${shown(value)} is no number that can be told from its neighbours; let sqlSource.cursor be a "text" or a "time"`,
  );
}

interface Bounds {
  readonly from?: string | number;
  readonly ceiling?: string | number;
}

interface Statements {
  readonly ceiling: string;
  page(
    bounds: Bounds,
    after: readonly [mark: string | number, id: string] | undefined,
    limit: number,
  ): { readonly text: string; readonly values: readonly (string | number)[] };
}

function statementsOf(options: SqlSourceOptions): Statements {
  refuseUnknown(options, OPTIONS, "sqlSource");
  const { query, dialect = "postgres", table, columns, where, cursor, id, pageSize } = options;
  if (typeof query !== "function") throw refuse("query", `is ${shown(query)}; give a function that runs a statement with its values`);
  if (dialect !== "postgres" && dialect !== "sqlite") throw refuse("dialect", `is ${shown(dialect)}; give "postgres" or "sqlite"`);
  refuseUnknown(cursor, ["column", "type"], "sqlSource.cursor");
  if (!["number", "text", "time"].includes(cursor.type))
    throw refuse("cursor.type", `is ${shown(cursor.type)}; give "number", "text" or "time"`);
  if (cursor.type === "time" && dialect === "sqlite") {
    throw refuse("cursor.type", 'is "time", and SQLite has no type for times; give "number" or "text", as the column holds them');
  }
  if (pageSize !== undefined && !(Number.isSafeInteger(pageSize) && pageSize >= 1))
    throw refuse("pageSize", `is ${shown(pageSize)}; give a whole number of at least 1`);
  const postgres = dialect === "postgres";
  const column = quoted(cursor.column, "cursor.column");
  const key = quoted(id, "id");
  // Texts by their bytes, as they are compared here, and not by the rules of a language.
  const ordered = postgres && cursor.type === "text" ? `${column} COLLATE "C"` : column;
  const told = cursor.type === "time" ? `(extract(epoch from ${column}) * 1000000)::bigint` : column;
  const mark = cursor.type === "time" ? `${column}::text` : told;
  const place = (index: number): string => (postgres ? `$${index}` : `?${index}`);
  const list = columns === undefined ? "*" : columns.map((name, index) => quoted(name, `columns[${index}]`)).join(", ");
  const source = table
    .split(".")
    .map((part) => quoted(part, "table"))
    .join(".");
  const given = where === undefined ? [] : [`(${where})`];
  return {
    ceiling: `SELECT ${told} AS ${CURSOR} FROM ${source}${filtered([...given, `${column} IS NOT NULL`])} ORDER BY ${ordered} DESC LIMIT 1`,
    page({ from, ceiling }, after, limit) {
      const values: (string | number)[] = [];
      const put = (value: string | number): string => place(values.push(value));
      const conditions = [...given, `${column} IS NOT NULL`];
      if (after !== undefined) {
        const [at, last] = [put(after[0]), put(after[1])];
        conditions.push(`${ordered} >= ${at}`, `(${ordered} > ${at} OR ${key} > ${last})`);
      } else if (from !== undefined) conditions.push(`${ordered} >= ${put(from)}`);
      if (ceiling !== undefined) conditions.push(`${ordered} <= ${put(ceiling)}`);
      const text =
        `SELECT ${list}, ${told} AS ${CURSOR}, ${mark} AS ${MARK}, CAST(${key} AS TEXT) AS ${ID} FROM ${source}${filtered(conditions)}` +
        ` ORDER BY ${ordered}, ${key} LIMIT ${limit}`;
      return { text, values };
    },
  };
}

function filtered(conditions: readonly string[]): string {
  return ` WHERE ${conditions.join(" AND ")}`;
}

function parameter(value: CursorValue): string | number {
  return value instanceof Date ? value.toISOString() : value;
}

function quoted(name: unknown, path: string): string {
  if (typeof name !== "string" || name === "" || name.includes("\0")) throw refuse(path, `is ${shown(name)}; give a name`);
  return `"${name.replaceAll('"', '""')}"`;
}

function refuse(name: string, problem: string): ConfigError {
  return new ConfigError({ path: `sqlSource.${name}`, message: `sqlSource.${name} ${problem}` });
}
