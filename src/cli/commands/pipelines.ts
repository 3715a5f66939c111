import { Command } from "commander";
import { pipelinesListCommand } from "./pipelines-list.ts";
import { pipelinesResumeCommand, pipelinesRunCommand } from "./pipelines-run.ts";
import { pipelinesShowCommand } from "./pipelines-show.ts";

/** `holdfast pipelines`: runs of pipelines, and running them. */
export function pipelinesCommand(): Command {
  return new Command("pipelines")
    .description("pipelines: their runs, and how far each has come")
    .addHelpText("after", "\nExample:\n  $ holdfast pipelines list --state open\n  $ holdfast pipelines run lead --file leads.csv")
    .addCommand(pipelinesListCommand())
    .addCommand(pipelinesShowCommand())
    .addCommand(pipelinesRunCommand())
    .addCommand(pipelinesResumeCommand());
}
