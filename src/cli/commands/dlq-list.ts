import type { Command } from "commander";
import type { DeadLetter } from "../../ports/dead-letter-store.ts";
import { filterOf, withFilter, withState, type FilterFlags } from "../letter-filter.ts";
import { withHoldfast, type StoreOptions } from "../open-store.ts";
import { oneLine, table } from "../output/text.ts";
import { readCount, storeCommand } from "../store-command.ts";

interface ListOptions extends StoreOptions, FilterFlags {
  readonly limit: number;
  readonly json?: true;
}

export function listCommand(): Command {
  return withFilter(withState(storeCommand("list"), "open"))
    .description("dead letters, newest first")
    .option("--group <fingerprint>", "of one group")
    .option("--limit <count>", "at most so many", readCount, 50)
    .option("--json", "print JSON, one letter a line")
    .addHelpText("after", "\nExample:\n  $ holdfast dlq list --store holdfast.db --api crm --label campaign=q4 --since 2h")
    .action(runList);
}

async function runList(options: ListOptions): Promise<void> {
  const { state, limit, json } = options;
  const filter = filterOf(options);
  const { items, next, doubts } = await withHoldfast(options, "store", async ({ deadLetters }) => {
    const page = await deadLetters.list(filter, { limit });
    return { ...page, doubts: page.items.map((letter) => deadLetters.doubtOf(letter)) };
  });
  if (json === true) {
    for (const [index, letter] of items.entries()) console.log(JSON.stringify(summary(letter, doubts[index])));
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
function summary({ request, attempts, ...letter }: DeadLetter, doubt: string | undefined): object {
  return {
    ...letter,
    attempts: attempts.length,
    ...(doubt === undefined ? {} : { doubt }),
    ...(request === undefined ? {} : { request: { method: request.method, url: request.url } }),
  };
}
