import type { Command } from "commander";
import type { Duration } from "../../core/duration.ts";
import { withHoldfast, type StoreOptions } from "../open-store.ts";
import { oneLine } from "../output/text.ts";
import { storeCommand } from "../store-command.ts";

interface Options extends StoreOptions {
  readonly label: string;
  readonly of?: string;
  readonly window: string;
  readonly json?: true;
}

/** `holdfast impact`: whom it concerns. */
export function impactCommand(): Command {
  return storeCommand("impact")
    .description("whom failures and waits concern, by a label: how many wait, how many need a person")
    .requiredOption("--label <name>", "the label whose values are told apart, such as campaign")
    .option("--of <name>", "the label whose values are counted, such as lead (default: operations are)")
    .option("--window <duration>", "dead letters of this long", "24h")
    .option("--json", "print JSON, one value of the label a line")
    .addHelpText("after", "\nExample:\n  $ holdfast impact --label campaign --of lead --window 24h --store holdfast.db")
    .action(run);
}

async function run({ label, of, window, json, ...where }: Options): Promise<void> {
  const question = { label, ...(of === undefined ? {} : { of }), window: window as Duration };
  const { items } = await withHoldfast(where, "store", (hf) => hf.impact(question));
  if (json === true) {
    for (const item of items) console.log(JSON.stringify(item));
    return;
  }
  if (items.length === 0) console.log("nothing waits, and nothing needs a person");
  for (const { text } of items) console.log(oneLine(text, 400));
}
