import { createReadStream } from "node:fs";
import { CsvError, parse, type Info } from "csv-parse";
import { ConfigError } from "../../core/errors.ts";
import { COLUMNS, type Lead } from "./lead.ts";

/** A row that is no lead, and why. */
export interface RefusedRow {
  /** Where it begins in the file; the header is line 1. */
  readonly line: number;
  readonly because: string;
}

export interface ReadLeads {
  readonly leads: readonly Lead[];
  /** Every row that was not taken: none is dropped in silence. */
  readonly refused: readonly RefusedRow[];
}

interface Row {
  readonly fields: readonly string[];
  readonly line: number;
  /** Its last line. */
  readonly until: number;
}

/**
 * Reads leads from a CSV file with a header. Only `email` must be there; `id` stands for the lead where the file has one.
 * Columns that are not known are left alone.
 *
 * @throws ConfigError when the file cannot be read, or has no such column, or no lead at all.
 */
export async function readLeads(path: string, most: number = Number.POSITIVE_INFINITY): Promise<ReadLeads> {
  const leads: Lead[] = [];
  const refused: RefusedRow[] = [];
  const lines = new Map<string, number>();
  let columns: ReadonlyMap<keyof Lead, number> | undefined;
  let width = 0;
  for await (const row of rowsOf(path, refused)) {
    if (columns === undefined) {
      columns = columnsOf(row.fields, path);
      width = row.fields.length;
      continue;
    }
    if (leads.length >= most) break;
    const lead = row.fields.length === width ? leadOf(row.fields, columns) : undefined;
    const because =
      lead === undefined ? `it has ${row.fields.length} fields and the header has ${width}` : (faultOf(lead) ?? seenBefore(lead, lines));
    if (because !== undefined)
      refused.push({ line: row.line, because: row.until === row.line ? because : `${because} (it runs to line ${row.until})` });
    else if (lead !== undefined) {
      lines.set(lead.id, row.line);
      lines.set(lead.email.toLowerCase(), row.line);
      leads.push(lead);
    }
  }
  if (leads.length === 0) {
    const why = refused.length === 0 ? "it has no rows" : `all ${refused.length} rows are refused: ${told(refused[0])}`;
    throw new ConfigError({ path: "--file", message: `there is no lead in ${path}: ${why}` });
  }
  return { leads, refused: refused.sort((a, b) => a.line - b.line) };
}

/** Rows as they stand. What cannot be read as one goes to `refused`. */
async function* rowsOf(path: string, refused: RefusedRow[]): AsyncGenerator<Row, void, undefined> {
  // A stray quote is text. To skip a row with one instead would, in this parser, also skip the rows up to the next quote.
  const parser = parse({ bom: true, info: true, relax_column_count: true, relax_quotes: true, skip_empty_lines: true });
  const file = createReadStream(path);
  file.on("error", (error) => parser.destroy(error));
  file.pipe(parser);
  let read = 0;
  try {
    for await (const { record, info } of parser as AsyncIterable<{ record: string[]; info: Info }>) {
      // The parser counts lines at the end of a row; a quoted field may have begun some lines above.
      const breaks = record.reduce((sum, field) => sum + field.split("\n").length - 1, 0);
      read = info.lines;
      yield { fields: record.map((field) => field.trim()), line: read - breaks, until: read };
    }
  } catch (error) {
    if (!(error instanceof CsvError)) {
      const why = error instanceof Error ? error.message : String(error);
      throw new ConfigError({ path: "--file", message: `${path} cannot be read: ${why}`, cause: error });
    }
    refused.push({ line: read + 1, because: `from here to the end the file is not CSV (${error.message})` });
  } finally {
    file.destroy();
  }
}

function columnsOf(header: readonly string[], path: string): ReadonlyMap<keyof Lead, number> {
  const names = header.map((name) => name.toLowerCase().replaceAll(/[^a-z0-9]+/g, "_"));
  const found = COLUMNS.flatMap(([column, field]) => {
    const index = names.indexOf(column);
    return index < 0 ? [] : [[field, index] as const];
  });
  const columns = new Map(found);
  if (columns.has("email")) return columns;
  throw new ConfigError({
    path: "--file",
    message: `${path} has no column "email" in its first line; known columns are ${COLUMNS.map(([column]) => column).join(", ")}`,
  });
}

function leadOf(fields: readonly string[], columns: ReadonlyMap<keyof Lead, number>): Lead {
  const read = (field: keyof Lead): string => fields[columns.get(field) ?? -1] ?? "";
  const email = read("email");
  const id = read("id");
  return {
    id: id === "" ? email.toLowerCase() : id,
    email,
    firstName: read("firstName"),
    lastName: read("lastName"),
    company: read("company"),
    country: read("country"),
    employees: read("employees"),
  };
}

function faultOf({ email, id }: Lead): string | undefined {
  if (email === "") return "it has no e-mail address";
  if (!/^[^\s@]{1,64}@[^\s@.]+(?:\.[^\s@.]+)+$/.test(email)) return `${JSON.stringify(email.slice(0, 80))} is not an e-mail address`;
  if (id.length > 200) return "its id is longer than 200 characters";
  return undefined;
}

/** The same person twice would be written and enrolled twice, under two names. */
function seenBefore({ id, email }: Lead, lines: ReadonlyMap<string, number>): string | undefined {
  const line = lines.get(id) ?? lines.get(email.toLowerCase());
  return line === undefined ? undefined : `it is the same lead as line ${line}`;
}

function told(row: RefusedRow | undefined): string {
  return row === undefined ? "" : `line ${row.line}, ${row.because}`;
}
