import { Command } from "commander";
import { adviseCommand } from "./commands/advise.ts";
import { alertsCommand } from "./commands/alerts.ts";
import { completionCommand } from "./commands/completion.ts";
import { configCommand } from "./commands/config.ts";
import { demoCommand } from "./commands/demo.ts";
import { doctorCommand } from "./commands/doctor.ts";
import { dlqCommand } from "./commands/dlq.ts";
import { execCommand } from "./commands/exec.ts";
import { impactCommand } from "./commands/impact.ts";
import { lanesCommand } from "./commands/lanes.ts";
import { mockCommand } from "./commands/mock.ts";
import { opsCommand } from "./commands/ops.ts";
import { limitsCommand } from "./commands/limits.ts";
import { statusCommand } from "./commands/status.ts";
import { tokensCommand } from "./commands/tokens.ts";
import { serveCommand } from "./commands/serve.ts";
import { pipelinesCommand } from "./commands/pipelines.ts";
import { storeHealthCommand } from "./commands/store.ts";
import { syncsCommand } from "./commands/syncs.ts";
import { faultOf } from "./fault.ts";
import { oneLine } from "./output/text.ts";
import { version } from "./version.ts";

/** The command line. Each command stands in a file of its own; what goes wrong ends here, as one line and an exit code. */
export function program(): Command {
  const root = new Command("holdfast")
    .description("The reliability layer for calls to APIs that you do not control.")
    .version(version())
    .option("--debug", "show the stack of an error")
    .addHelpText("after", "\nExample:\n  $ holdfast demo --fast\n\nExit codes are listed in docs/reference/cli.md.");
  for (const command of [
    serveCommand(),
    demoCommand(),
    execCommand(),
    statusCommand(),
    dlqCommand(),
    opsCommand(),
    lanesCommand(),
    limitsCommand(),
    impactCommand(),
    syncsCommand(),
    pipelinesCommand(),
    alertsCommand(),
    adviseCommand(),
    tokensCommand(),
    mockCommand(),
    storeHealthCommand(),
    configCommand(),
    doctorCommand(),
    completionCommand(root),
  ])
    root.addCommand(command);
  return throwing(root);
}

/** Commander ends the process by itself unless every command is told not to; and it has its own way of beginning a line. */
function throwing(command: Command): Command {
  command.exitOverride().configureOutput({
    outputError: (text, write) =>
      write(
        `holdfast: ${text
          .replace(/^error: /, "")
          .trim()
          .replaceAll("\n", " ")}\n`,
      ),
  });
  for (const sub of command.commands) throwing(sub);
  return command;
}

/** Runs a command line. What went wrong stands on stderr and in `process.exitCode` when it resolves. */
export async function runCli(args: readonly string[]): Promise<void> {
  const root = program();
  try {
    await root.parseAsync(args, { from: "user" });
  } catch (error) {
    const { code, line } = faultOf(error);
    if (line !== undefined) console.error(`holdfast: ${oneLine(line)}`);
    if (root.opts<{ debug?: true }>().debug === true && error instanceof Error) console.error(error.stack);
    process.exitCode = code;
  }
}
