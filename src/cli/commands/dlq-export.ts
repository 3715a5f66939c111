import { createWriteStream } from "node:fs";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Command } from "commander";
import { exportHeader, exportLines, type ExportFormat } from "../../client/letter-export.ts";
import { ConfigError } from "../../core/errors.ts";
import { oneOf, queryOf, withFilter, withState, type FilterFlags } from "../letter-filter.ts";
import { letterOf, type LetterLine, type WholeLetter } from "../desk/answers.ts";
import { withDesk, type Desk, type DeskOptions } from "../desk/desk.ts";
import { deskCommand } from "../store-command.ts";

interface ExportFlags extends DeskOptions, FilterFlags {
  readonly format?: ExportFormat;
  readonly json?: true;
  readonly output?: string;
}

const FORMATS: readonly ExportFormat[] = ["jsonl", "csv"];
const LINE_END: Readonly<Record<ExportFormat, string>> = { jsonl: "\n", csv: "\r\n" };

export function exportCommand(): Command {
  return withFilter(withState(deskCommand("export"), "any"))
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
  await withDesk(flags, "store", async (desk) => {
    const lines = Readable.from(linesOf(desk, flags, format));
    if (output === undefined) for await (const line of lines) process.stdout.write(line as string);
    else await pipeline(lines, createWriteStream(output, { flags: "wx", mode: 0o600 })).catch(refuseExisting(output));
  });
}

/** A listing has no bodies; each letter is asked for. */
async function* linesOf(desk: Desk, flags: ExportFlags, format: ExportFormat): AsyncGenerator<string, void, undefined> {
  const header = exportHeader(format);
  if (header !== undefined) yield `${header}${LINE_END[format]}`;
  for await (const { id } of desk.each<LetterLine>("/v1/dead-letters", queryOf(flags))) {
    const told = await desk.ask<WholeLetter>("GET", `/v1/dead-letters/${encodeURIComponent(id)}`);
    for (const line of exportLines([letterOf(told)], format)) yield `${line}${LINE_END[format]}`;
  }
}

/** What another run has written is not written over. */
function refuseExisting(file: string): (error: unknown) => never {
  return (error) => {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    throw new ConfigError({ path: "--output", message: `--output ${file} is there already; name another file` });
  };
}
