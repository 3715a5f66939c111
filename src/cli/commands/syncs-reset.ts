import { createInterface } from "node:readline/promises";
import { userInfo } from "node:os";
import type { Command } from "commander";
import { ConfigError } from "../../core/errors.ts";
import type { SyncStatus } from "../../client/syncs.ts";
import { withDesk, type DeskOptions } from "../desk/desk.ts";
import { deskCommand } from "../store-command.ts";

interface ResetOptions extends DeskOptions {
  readonly to?: string;
  readonly reason: string;
  readonly by?: string;
  readonly yes?: true;
}

export function syncsResetCommand(): Command {
  return deskCommand("reset")
    .description("sets a sync's watermark; it asks first, and is kept with the sync")
    .argument("<sync>", "its name")
    .requiredOption("--reason <text>", "why; kept with the sync")
    .option("--to <cursor>", "the new watermark (default: none, so that everything is read again)")
    .option("--by <name>", "who does it (default: the user that is logged in)")
    .option("--yes", "do not ask")
    .addHelpText("after", '\nExample:\n  $ holdfast syncs reset orders --to 2026-01-01T00:00:00Z --reason "the warehouse was restored"')
    .action(runReset);
}

async function runReset(name: string, { to, reason, by, yes, ...where }: ResetOptions): Promise<void> {
  await withDesk(where, "store", async (desk) => {
    const path = `/v1/syncs/${encodeURIComponent(name)}`;
    const { watermark } = await desk.ask<SyncStatus>("GET", path);
    const question = `Set the watermark of ${name} from ${watermark ?? "none"} to ${to ?? "none"}? What lies after it is read and written again. [y/N] `;
    if (yes !== true && !(await confirmed(question))) {
      console.log("nothing was changed");
      return;
    }
    const status = await desk.ask<SyncStatus>("POST", `${path}/reset`, { body: { to, reason, by: by ?? userInfo().username } });
    console.log(`the watermark of ${name} is ${status.watermark ?? "none"} now; it was ${watermark ?? "none"}`);
  });
}

async function confirmed(question: string): Promise<boolean> {
  if (!process.stdin.isTTY) {
    throw new ConfigError({ path: "--yes", message: "this asks before it changes anything, and nobody is there to answer; say --yes" });
  }
  const lines = createInterface({ input: process.stdin, output: process.stdout });
  try {
    return /^y(?:es)?$/i.test((await lines.question(question)).trim());
  } finally {
    lines.close();
  }
}
