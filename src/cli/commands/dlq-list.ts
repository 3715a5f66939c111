import type { Command } from "commander";
import type { LetterLine } from "../desk/answers.ts";
import { queryOf, withFilter, withState, type FilterFlags } from "../letter-filter.ts";
import { withDesk, type DeskOptions } from "../desk/desk.ts";
import { oneLine, table } from "../output/text.ts";
import { readCount, deskCommand } from "../store-command.ts";

interface ListOptions extends DeskOptions, FilterFlags {
  readonly limit: number;
  readonly json?: true;
}

export function listCommand(): Command {
  return withFilter(withState(deskCommand("list"), "open"))
    .description("dead letters, newest first")
    .option("--group <fingerprint>", "of one group")
    .option("--limit <count>", "at most so many", readCount, 50)
    .option("--json", "print JSON, one letter a line")
    .addHelpText("after", "\nExample:\n  $ holdfast dlq list --store holdfast.db --api crm --label campaign=q4 --since 2h")
    .action(runList);
}

async function runList(options: ListOptions): Promise<void> {
  const { state, limit, json } = options;
  const { items, more } = await withDesk(options, "store", (desk) => desk.list<LetterLine>("/v1/dead-letters", queryOf(options), limit));
  if (json === true) {
    for (const letter of items) console.log(JSON.stringify(letter));
    return;
  }
  if (items.length === 0) {
    console.log(state === "any" ? "no dead letters" : `no ${state} dead letters`);
    return;
  }
  const columns = [
    { name: "id" },
    { name: "died" },
    { name: "reason" },
    { name: "tries", align: "right" as const },
    { name: "state" },
    { name: "what" },
  ];
  const rows = items.map((letter) => [
    letter.id,
    new Date(letter.diedAt).toISOString(),
    letter.reason,
    String(letter.attempts),
    letter.state,
    oneLine(letter.title, 90),
  ]);
  process.stdout.write(table(columns, rows));
  if (more) console.log(`… more; raise --limit (now ${limit})`);
}
