import { Argument, Command } from "commander";
import { completionScript, SHELLS, type Shell } from "../completion.ts";

/** `holdfast completion`: what a shell needs to complete the command line. `root` is all of it. */
export function completionCommand(root: Command): Command {
  return new Command("completion")
    .description("print what a shell needs to complete commands and options")
    .addArgument(new Argument("<shell>", "which shell").choices(SHELLS))
    .addHelpText(
      "after",
      "\nExamples:\n  $ source <(holdfast completion bash)\n  $ source <(holdfast completion zsh)\n  $ holdfast completion fish > ~/.config/fish/completions/holdfast.fish",
    )
    .action((shell: Shell) => void process.stdout.write(completionScript(root, shell)));
}
