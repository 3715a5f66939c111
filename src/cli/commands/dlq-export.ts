import { createWriteStream } from "node:fs";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Command } from "commander";
import type { ExportFormat } from "../../client/letter-export.ts";
import type { Holdfast } from "../../client/holdfast.ts";
import { ConfigError } from "../../core/errors.ts";
import { filterOf, oneOf, withFilter, withState, type FilterFlags } from "../letter-filter.ts";
import { withHoldfast, type StoreOptions } from "../open-store.ts";
import { storeCommand } from "../store-command.ts";

interface ExportFlags extends StoreOptions, FilterFlags {
  readonly format?: ExportFormat;
  readonly json?: true;
  readonly output?: string;
}

const FORMATS: readonly ExportFormat[] = ["jsonl", "csv"];
const LINE_END: Readonly<Record<ExportFormat, string>> = { jsonl: "\n", csv: "\r\n" };

export function exportCommand(): Command {
  return withFilter(withState(storeCommand("export"), "any"))
    .description("whole dead letters as lines: JSON for programs, CSV for spreadsheets")
    .option("--group <fingerprint>", "of one group")
    .option("--format <format>", "jsonl or csv (default: jsonl)", (text) => oneOf(FORMATS, text))
    .option("--json", "the same as --format jsonl")
    .option("--output <file>", "into a new file, instead of to the screen")
    .addHelpText("after", "\nExample:\n  $ holdfast dlq export --label campaign=q4 --format csv --output q4.csv")
    .action(runExport);
}

async function runExport(flags: ExportFlags): Promise<void> {
  const { format = "jsonl", json, output } = flags;
  if (json === true && format === "csv")
    throw new ConfigError({ path: "--json", message: "--json and --format csv say two things; leave one out" });
  await withHoldfast(flags, "store", async (hf) => {
    const lines = Readable.from(linesOf(hf, flags, format));
    if (output === undefined) for await (const line of lines) process.stdout.write(line as string);
    else await pipeline(lines, createWriteStream(output, { flags: "wx", mode: 0o600 })).catch(refuseExisting(output));
  });
}

async function* linesOf(hf: Holdfast, flags: ExportFlags, format: ExportFormat): AsyncGenerator<string, void, undefined> {
  for await (const line of hf.deadLetters.export(filterOf(flags), format)) yield `${line}${LINE_END[format]}`;
}

/** What another run has written is not written over. */
function refuseExisting(file: string): (error: unknown) => never {
  return (error) => {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    throw new ConfigError({ path: "--output", message: `--output ${file} is there already; name another file` });
  };
}
