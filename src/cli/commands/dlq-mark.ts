import { Argument, type Command } from "commander";
import type { DeadLetterGroupState } from "../../ports/dead-letter-store.ts";
import { demandThere } from "../demand-there.ts";
import { withDesk, type DeskOptions } from "../desk/desk.ts";
import { deskCommand } from "../store-command.ts";

const STATES: readonly DeadLetterGroupState[] = ["open", "acknowledged", "resolved", "ignored"];

export function markCommand(): Command {
  return deskCommand("mark")
    .description("say where a group stands; a resolved one that fails again is told as regressed")
    .argument("<fingerprint>", "the group")
    .addArgument(new Argument("<state>", "where it stands").choices(STATES))
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample:\n  $ holdfast dlq mark v1:0c57 acknowledged")
    .action(runMark);
}

async function runMark(fingerprint: string, state: DeadLetterGroupState, flags: DeskOptions & { readonly json?: true }): Promise<void> {
  await withDesk(flags, "store", async (desk) => {
    await demandThere(desk, [], fingerprint);
    await desk.ask("POST", `/v1/dead-letters/groups/${encodeURIComponent(fingerprint)}/state`, { body: { state } });
  });
  console.log(flags.json === true ? JSON.stringify({ fingerprint, state }) : `${fingerprint} is ${state}`);
}
