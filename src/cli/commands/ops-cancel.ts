import type { Command } from "commander";
import { exitCodes } from "../exit-codes.ts";
import { withHoldfast, type StoreOptions } from "../open-store.ts";
import { storeCommand } from "../store-command.ts";

interface CancelFlags extends StoreOptions {
  readonly reason: string;
  readonly json?: true;
}

const MEANINGS = {
  cancelled: "cancelled",
  requested: "under way; it is not sent again after this attempt",
  ended: "has ended already",
  missing: "there is no such operation",
} as const;

export function opsCancelCommand(): Command {
  return storeCommand("cancel")
    .description("end operations that have not started; one under way is not sent again")
    .argument("<id...>", "operations to cancel")
    .requiredOption("--reason <text>", "why; it stays with them")
    .option("--json", "print JSON, one operation a line")
    .addHelpText(
      "after",
      '\nExample:\n  $ holdfast ops cancel 01a200db-36fe-7000-b96a-c372203bda52 --reason "ordered twice"\n\nEnds with 3 if one is not there, and with 1 if one has ended already.',
    )
    .action(runCancel);
}

async function runCancel(ids: readonly string[], flags: CancelFlags): Promise<void> {
  const results = await withHoldfast(flags, "store", (hf) => hf.operations.cancel(ids, flags.reason));
  for (const [index, result] of results.entries()) {
    const id = ids[index] ?? "";
    console.log(flags.json === true ? JSON.stringify({ id, result }) : `${id}  ${MEANINGS[result]}`);
  }
  if (results.includes("missing")) process.exitCode = exitCodes.notFound.code;
  else if (results.includes("ended")) process.exitCode = exitCodes.failed.code;
}
