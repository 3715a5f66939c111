import type { Command } from "commander";
import { NotFoundError } from "../../core/errors.ts";
import { demandThere } from "../demand-there.ts";
import { withDesk, type DeskOptions } from "../desk/desk.ts";
import { whichOf, withWhich, type WhichFlags } from "../letter-filter.ts";
import { deskCommand } from "../store-command.ts";

interface DiscardFlags extends DeskOptions, WhichFlags {
  readonly reason: string;
  readonly json?: true;
}

export function discardCommand(): Command {
  return withWhich(deskCommand("discard"))
    .description("give up on open dead letters; they stay on record with the reason")
    .requiredOption("--reason <text>", "why; it stays with them")
    .option("--json", "print JSON")
    .addHelpText("after", '\nExample:\n  $ holdfast dlq discard 01a200db-36fe-7000-b96a-c372203bda52 --reason "entered by hand"')
    .action(runDiscard);
}

async function runDiscard(ids: readonly string[], { reason, ...flags }: DiscardFlags): Promise<void> {
  const which = whichOf(ids, flags, "discard");
  const { discarded } = await withDesk(flags, "store", async (desk) => {
    await demandThere(desk, ids, flags.group);
    return await desk.ask<{ discarded: number }>("POST", "/v1/dead-letters/discard", { body: { ...which, reason } });
  });
  console.log(flags.json === true ? JSON.stringify({ discarded }) : `${discarded} discarded`);
  if (discarded === 0) throw new NotFoundError("none of them is an open dead letter; list them with `holdfast dlq list`");
}
