import type { Command } from "commander";
import { withHoldfast, type StoreOptions } from "../open-store.ts";
import { grouped, table } from "../output/text.ts";
import { storeCommand } from "../store-command.ts";

export function opsStatsCommand(): Command {
  return storeCommand("stats")
    .description("how many operations stand in each state")
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample:\n  $ holdfast ops stats --store holdfast.db")
    .action(runStats);
}

async function runStats(options: StoreOptions & { readonly json?: true }): Promise<void> {
  const stats = await withHoldfast(options, "store", (hf) => hf.operations.stats());
  if (options.json === true) {
    console.log(JSON.stringify(stats));
    return;
  }
  const rows = Object.entries(stats).map(([state, count]) => [state, grouped(count)]);
  process.stdout.write(table([{ name: "state" }, { name: "operations", align: "right" }], rows));
}
