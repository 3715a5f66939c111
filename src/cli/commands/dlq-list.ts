import type { Command } from "commander";
import type { DeadLetter, DeadLetterFilter, DeadLetterState } from "../../ports/dead-letter-store.ts";
import { withHoldfast, type StoreOptions } from "../open-store.ts";
import { oneLine, table } from "../output/text.ts";
import { readCount, readLabel, storeCommand } from "../store-command.ts";

interface ListOptions extends StoreOptions {
  readonly state: DeadLetterState | "any";
  readonly api?: string;
  readonly group?: string;
  readonly label?: Readonly<Record<string, string>>;
  readonly limit: number;
  readonly json?: true;
}

export function listCommand(): Command {
  return storeCommand("list")
    .description("dead letters, newest first")
    .option("--state <state>", "open, replaying, resolved, discarded or any", "open")
    .option("--api <name>", "of one API")
    .option("--group <fingerprint>", "of one group")
    .option("--label <key=value>", "with this label; may be given again", readLabel)
    .option("--limit <count>", "at most so many", readCount, 50)
    .option("--json", "print JSON, one letter a line")
    .addHelpText("after", "\nExample:\n  $ holdfast dlq list --store holdfast.db --api crm --label campaign=q4")
    .action(runList);
}

async function runList(options: ListOptions): Promise<void> {
  const { state, api, group, label, limit, json } = options;
  const filter: DeadLetterFilter = {
    ...(state === "any" ? {} : { state }),
    ...(api === undefined ? {} : { api }),
    ...(group === undefined ? {} : { fingerprint: group }),
    ...(label === undefined ? {} : { labels: label }),
  };
  const { items, next } = await withHoldfast(options, "store", (hf) => hf.deadLetters.list(filter, { limit }));
  if (json === true) {
    for (const letter of items) console.log(JSON.stringify(summary(letter)));
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
    String(letter.attempts.length),
    letter.state,
    oneLine(letter.title, 90),
  ]);
  process.stdout.write(table(columns, rows));
  if (next !== null) console.log(`… more; raise --limit (now ${limit})`);
}

/** One line of the listing as data: all but bodies and attempts, which `show` has. */
function summary({ request, attempts, ...letter }: DeadLetter): object {
  return {
    ...letter,
    attempts: attempts.length,
    ...(request === undefined ? {} : { request: { method: request.method, url: request.url } }),
  };
}
