import { Command } from "commander";
import { syncsListCommand } from "./syncs-list.ts";
import { syncsResetCommand } from "./syncs-reset.ts";
import { syncsRunCommand } from "./syncs-run.ts";
import { syncsShowCommand } from "./syncs-show.ts";

/** `holdfast syncs`: how far syncs have come, and running them. */
export function syncsCommand(): Command {
  return new Command("syncs")
    .description("syncs: how far they have come")
    .addHelpText("after", "\nExample:\n  $ holdfast syncs list\n  $ holdfast syncs run orders --config holdfast.config.ts")
    .addCommand(syncsListCommand())
    .addCommand(syncsShowCommand())
    .addCommand(syncsRunCommand())
    .addCommand(syncsResetCommand());
}
