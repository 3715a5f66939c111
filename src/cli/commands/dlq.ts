import { Command } from "commander";
import { discardCommand } from "./dlq-discard.ts";
import { exportCommand } from "./dlq-export.ts";
import { groupsCommand } from "./dlq-groups.ts";
import { listCommand } from "./dlq-list.ts";
import { markCommand } from "./dlq-mark.ts";
import { replayCommand } from "./dlq-replay.ts";
import { showCommand } from "./dlq-show.ts";

/** `holdfast dlq`: what failed and was kept. */
export function dlqCommand(): Command {
  return new Command("dlq")
    .description("dead letters: what failed and was kept")
    .addHelpText("after", "\nExample:\n  $ holdfast dlq groups\n  $ holdfast dlq replay --all --canary 1 --config holdfast.config.ts")
    .addCommand(groupsCommand())
    .addCommand(listCommand())
    .addCommand(showCommand())
    .addCommand(replayCommand())
    .addCommand(discardCommand())
    .addCommand(markCommand())
    .addCommand(exportCommand());
}
