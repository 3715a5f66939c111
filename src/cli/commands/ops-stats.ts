import type { Command } from "commander";
import { withDesk, type DeskOptions } from "../desk/desk.ts";
import { DeniedError } from "../desk/faults.ts";
import { grouped, table } from "../output/text.ts";
import { deskCommand } from "../store-command.ts";

export function opsStatsCommand(): Command {
  return deskCommand("stats")
    .description("how many operations stand in each state")
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample:\n  $ holdfast ops stats --store holdfast.db")
    .action(runStats);
}

async function runStats(options: DeskOptions & { readonly json?: true }): Promise<void> {
  const { operations: stats } = await withDesk(options, "store", (desk) =>
    desk.ask<{ operations?: Readonly<Record<string, number>> }>("GET", "/v1/stats"),
  );
  if (stats === undefined) throw new DeniedError("this token is bound to some APIs, and what stands in the queue goes over all of them");
  if (options.json === true) {
    console.log(JSON.stringify(stats));
    return;
  }
  const rows = Object.entries(stats).map(([state, count]) => [state, grouped(count)]);
  process.stdout.write(table([{ name: "state" }, { name: "operations", align: "right" }], rows));
}
