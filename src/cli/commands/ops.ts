import { Command } from "commander";
import { opsCancelCommand } from "./ops-cancel.ts";
import { opsListCommand } from "./ops-list.ts";
import { opsShowCommand } from "./ops-show.ts";
import { opsStatsCommand } from "./ops-stats.ts";

/** `holdfast ops`: what was put into the durable queue. */
export function opsCommand(): Command {
  return new Command("ops")
    .description("operations of the durable queue")
    .addHelpText("after", "\nExample:\n  $ holdfast ops stats\n  $ holdfast ops list --state parked --api crm")
    .addCommand(opsStatsCommand())
    .addCommand(opsListCommand())
    .addCommand(opsShowCommand())
    .addCommand(opsCancelCommand());
}
