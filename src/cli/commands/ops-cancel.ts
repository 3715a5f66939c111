import type { Command } from "commander";
import { exitCodes } from "../exit-codes.ts";
import { NotFoundError } from "../../core/errors.ts";
import { withDesk, type Desk, type DeskOptions } from "../desk/desk.ts";
import { RefusedError } from "../desk/faults.ts";
import { deskCommand } from "../store-command.ts";

interface CancelFlags extends DeskOptions {
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
  return deskCommand("cancel")
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
  const results = await withDesk(flags, "store", async (desk) => {
    const each: (keyof typeof MEANINGS)[] = [];
    for (const id of ids) each.push(await cancelled(desk, id, flags.reason));
    return each;
  });
  for (const [index, result] of results.entries()) {
    const id = ids[index] ?? "";
    console.log(flags.json === true ? JSON.stringify({ id, result }) : `${id}  ${MEANINGS[result]}`);
  }
  if (results.includes("missing")) process.exitCode = exitCodes.notFound.code;
  else if (results.includes("ended")) process.exitCode = exitCodes.failed.code;
}

async function cancelled(desk: Desk, id: string, reason: string): Promise<keyof typeof MEANINGS> {
  try {
    const path = `/v1/operations/${encodeURIComponent(id)}/cancel`;
    return (await desk.ask<{ result: "cancelled" | "requested" }>("POST", path, { body: { reason } })).result;
  } catch (error) {
    if (error instanceof NotFoundError) return "missing";
    if (error instanceof RefusedError) return "ended";
    throw error;
  }
}
