import type { Command } from "commander";
import type { DeadLetterFilter } from "../../ports/dead-letter-store.ts";
import { ConfigError, NotFoundError } from "../../core/errors.ts";
import { demandThere } from "../demand-there.ts";
import { withHoldfast, type StoreOptions } from "../open-store.ts";
import { storeCommand } from "../store-command.ts";

interface DiscardFlags extends StoreOptions {
  readonly group?: string;
  readonly reason: string;
  readonly json?: true;
}

export function discardCommand(): Command {
  return storeCommand("discard")
    .description("give up on open dead letters; they stay on record with the reason")
    .argument("[id...]", "letters to discard")
    .option("--group <fingerprint>", "all open letters of a group")
    .requiredOption("--reason <text>", "why; it stays with them")
    .option("--json", "print JSON")
    .addHelpText("after", '\nExample:\n  $ holdfast dlq discard 01a200db-36fe-7000-b96a-c372203bda52 --reason "entered by hand"')
    .action(runDiscard);
}

async function runDiscard(ids: readonly string[], flags: DiscardFlags): Promise<void> {
  if (ids.length > 0 === (flags.group !== undefined)) {
    throw new ConfigError({ path: "discard", message: "say which letters to discard in one way: their ids, or --group" });
  }
  const filter: DeadLetterFilter = flags.group === undefined ? { ids } : { fingerprint: flags.group };
  const discarded = await withHoldfast(flags, "store", async (hf) => {
    await demandThere(hf, ids, flags.group);
    return await hf.deadLetters.discard(filter, flags.reason);
  });
  console.log(flags.json === true ? JSON.stringify({ discarded }) : `${discarded} discarded`);
  if (discarded === 0) throw new NotFoundError("none of them is an open dead letter; list them with `holdfast dlq list`");
}
