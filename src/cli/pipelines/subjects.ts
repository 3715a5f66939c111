import { createReadStream, existsSync } from "node:fs";
import { extname } from "node:path";
import { createInterface } from "node:readline";
import { ConfigError } from "../../core/errors.ts";

/**
 * The inputs of a file, one after the other: the rows of a `.csv` as objects by their header, the lines of a `.jsonl` or `.ndjson` as
 * JSON, the lines of anything else as texts. Empty lines are left out.
 *
 * @throws ConfigError that names the line that cannot be read
 */
export async function* subjectsOf(file: string): AsyncGenerator<unknown, void, undefined> {
  if (!existsSync(file)) throw new ConfigError({ path: "--file", message: `--file ${file} does not exist; name a file of subjects` });
  const kind = extname(file).toLowerCase();
  if (kind === ".csv") {
    // Loaded when it is called for.
    const { parse } = await import("csv-parse");
    const rows = createReadStream(file).pipe(parse({ columns: true, bom: true, skip_empty_lines: true }));
    try {
      yield* rows as AsyncIterable<unknown>;
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new ConfigError({ path: "--file", message: `--file ${file} cannot be read: ${why}`, cause });
    }
    return;
  }
  const isJson = kind === ".jsonl" || kind === ".ndjson";
  let line = 0;
  for await (const text of createInterface({ input: createReadStream(file), crlfDelay: Infinity })) {
    line += 1;
    if (text.trim() === "") continue;
    if (!isJson) {
      yield text;
      continue;
    }
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch (cause) {
      throw new ConfigError({ path: "--file", message: `line ${line} of --file ${file} is not JSON`, cause });
    }
    yield value;
  }
}

/** How many there are, for a bar that knows its end. */
export async function countOf(subjects: AsyncIterable<unknown>): Promise<number> {
  let count = 0;
  for await (const _ of subjects) count += 1;
  return count;
}
